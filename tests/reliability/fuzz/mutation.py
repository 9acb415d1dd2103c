"""Altering an input so that it mostly stays what it is: JSON stays JSON, a data file stays gzip.

Bytes altered blindly nearly always end in "not JSON", and what lies behind the first check is never reached.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

__all__ = ["mutated"]

Blind = Callable[[bytes, int], bytes]

STRANGE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 38, 2**31, 2**63, -(2**63), 10**18, 10**400, 0.5, 1e308, float("inf"), float("nan"),
    "", " ", "a", "0", "-0", "1E5", "1e999999999", "9" * 500, "NaN", "\u0664\u0662", "\ud800", "\x00", "\ufeff",
    "\U0001f4be",
    "../..", "latest", "2026-01-31", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-01-31T00:00:00",
    "2026-01-31T14:30:00Z", "orders", "users", "x" * 300, "====", "AA==", "AB==", [], {}, [[]], [{}], {"": None},
    {"S": "a"}, {"N": "1"}, {"B": "AA=="}, {"M": {}}, {"L": []}, {"NULL": True}, {"SS": ["a"]}, {"NS": ["1", "1.0"]},
    "IN_PROGRESS", "COMPLETED", "FAILED", ["orders"], ["orders", "orders"],
)  # fmt: skip


def mutated(shape: str, data: bytes, most: int, seed: int, blind: Blind) -> bytes:
    """Return an input that differs a little, of at most so many bytes."""
    random = Random(seed)
    if shape == "text" or random.random() < 0.15:
        return blind(data, most)
    made = {"json": _json, "kind": _kind, "gzip": _gzip}[shape](data, random, blind)
    return made if len(made) <= most else blind(data, most)


def _kind(data: bytes, random: Random, blind: Blind) -> bytes:
    kind, _, body = data.partition(b"\n")
    return kind + b"\n" + _json(body, random, blind)


def _gzip(data: bytes, random: Random, blind: Blind) -> bytes:
    try:
        text = zlib.decompressobj(wbits=31).decompress(data, 1_000_000)
    except zlib.error:
        return blind(data, len(data) + 8)
    return gzip.compress(_json(text, random, blind), random.choice((0, 1, 9)), mtime=0)


def _json(data: bytes, random: Random, blind: Blind) -> bytes:
    """Alter one value of the JSON, or of one of its lines."""
    lines = data.split(b"\n")
    number = random.randrange(len(lines))
    try:
        document = json.loads(lines[number])
    except (ValueError, RecursionError):
        if len(lines) > 1:
            try:
                document, lines, number = json.loads(data), [data], 0
            except (ValueError, RecursionError):
                return blind(data, len(data) + 8)
        else:
            return blind(data, len(data) + 8)
    try:
        for _ in range(random.choice((1, 1, 1, 2, 4))):
            document = _altered(document, random)
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=random.random() < 0.7)
        lines[number] = text.encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        return data
    if random.random() < 0.1:
        lines.insert(number, lines[number])
    return b"\n".join(lines)


def _strange(random: Random) -> Any:
    return deepcopy(random.choice(STRANGE))


def _altered(document: Any, random: Random) -> Any:
    """Return the document with one place changed; places deep inside are as likely as those above."""
    places = _places(document)
    if not places or random.random() < 0.03:
        return random.choice((_strange(random), [document], {"Item": document}))
    holder, name = random.choice(places)
    act = random.randrange(6)
    if act == 0:
        del holder[name]
    elif act == 1:
        source, other = random.choice(places)
        # Behind an own copy, so that no document holds itself.
        holder[name] = json.loads(json.dumps(source[other])) if not isinstance(source[other], float) else 0
    elif act == 2 and isinstance(holder, dict):
        holder[
            str(random.choice(("from", "to", "tables", "\ud800", "", name + "x" if isinstance(name, str) else "x")))
        ] = _strange(random)
    elif act == 3:
        holder[name] = random.choice(([holder[name]], {"M": holder[name]}, [holder[name]] * 3))
    elif act == 4 and isinstance(holder[name], str) and holder[name]:
        text = holder[name]
        cut = random.randrange(len(text))
        holder[name] = random.choice(
            (text[:cut], text + text, text[:cut] + random.choice("\x00\n'\"{}%\u0661Z-") + text[cut + 1 :])
        )
    else:
        holder[name] = _strange(random)
    return document


def _places(document: Any) -> list[tuple[Any, Any]]:
    places: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting and len(places) < 2000:
        one = waiting.pop()
        names = list(one) if isinstance(one, dict) else range(len(one)) if isinstance(one, list) else ()
        for name in names:
            places.append((one, name))
            waiting.append(one[name])
    return places
