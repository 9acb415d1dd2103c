"""JSON as it is read here: no more than JSON, and nothing that could not be written again.

Python's own reader is more generous. It takes NaN and Infinity, keeps the last of two members that have one name, makes
an integer of any number of digits, on which a division fails later, and text of half a character, on which the next
write fails. What is nested deeply it reads, and leaves the ``RecursionError`` to whoever copies or writes it. So
whatever comes out of S3, a queue, a secret or the environment is read here. The lines of data files are not: there are
millions of them, and ``archive.datafile`` knows what they must look like.
"""

from __future__ import annotations

import json
from itertools import chain
from math import isfinite
from typing import Any, NoReturn

__all__ = ["MOST_LEVELS", "read_json", "refuse_constant", "refuse_depth"]

MOST_LEVELS = 100
"""DynamoDB nests values 32 levels deep, each of them two of JSON's; a record holds such a value a few levels down."""

_HOLDERS = frozenset({dict, list})

MOST_DIGITS = 100
"""Of an integer. The longest that is stored, a fingerprint's sum, has 78; no floating-point number holds 309."""


def read_json(text: bytes | str) -> Any:
    """Return the value that a JSON document holds.

    Raises
    ------
    ValueError
        It is not JSON in UTF-8, names a member twice, or holds a number or text beyond all measure, or values nested
        deeper than ``MOST_LEVELS``. The message repeats nothing of it.
    """
    try:
        document = text if isinstance(text, str) else text.decode("utf-8-sig")
        value = _DECODER.decode(document)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 (byte {error.start})") from None
    refuse_depth(value)
    if "\\ud" in document or "\\uD" in document:
        _refuse_half_characters(value)
    return value


def refuse_depth(value: Any) -> None:
    """Raise ``ValueError`` for a value that is nested deeper than ``MOST_LEVELS``."""
    level = [value]
    for _ in range(MOST_LEVELS):
        # Lines of items with many attributes come here: what all members of a level go through is not Python's loop.
        objects = [one for one in level if type(one) is dict]
        arrays = [one for one in level if type(one) is list]
        level = [*chain.from_iterable(map(dict.values, objects)), *chain.from_iterable(arrays)]
        if _HOLDERS.isdisjoint(map(type, level)):
            return
    raise ValueError("it is nested too deeply")


def _refuse_half_characters(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half of a character (a lone surrogate)") from None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a member stands twice in one object")
    return document


def _integer(text: str) -> int:
    if len(text.removeprefix("-")) > MOST_DIGITS:
        raise ValueError(f"it holds an integer of more than {MOST_DIGITS} digits")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError("it holds a number beyond all measure")
    return number


def refuse_constant(name: str) -> NoReturn:
    """Raise ``ValueError``: NaN and Infinity are no JSON, whatever Python says."""
    raise ValueError(f"it holds {name}, which is no JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_each_once, parse_int=_integer, parse_float=_number, parse_constant=refuse_constant
)
