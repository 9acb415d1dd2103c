"""Items that together have every type of attribute DynamoDB knows, and names and values that a restore may trip over.

Item number n of a table is the same in every run.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

__all__ = ["Item", "KeyAttributes", "item", "key"]

Item = dict[str, Any]
"""Attributes by name, each in the form of boto3's low-level client: `{"S": "text"}`, `{"B": b"bytes"}`."""

KeyAttributes = Sequence[tuple[str, str]]
"""Name and type (S, N or B) of the hash key and, in a table that has one, of the range key."""

ITEMS_PER_HASH_KEY = 8  # in tables with a range key
LARGE_EVERY = 500
LARGE_BYTES = 60_000
SMALLEST_NUMBER = "1E-130"
LARGEST_NUMBER = "9.9999999999999999999999999999999999999E+125"


def key(keys: KeyAttributes, number: int) -> Item:
    """Return the key of item ``number``."""
    (hash_name, hash_type), *ranges = keys
    group = number // ITEMS_PER_HASH_KEY if ranges else number
    return {hash_name: _key_value(hash_type, group)} | {name: _key_value(kind, number) for name, kind in ranges}


def item(keys: KeyAttributes, number: int) -> Item:
    """Return item ``number``, its key included: what all items have, and one shape in turn."""
    noise = sha256(b"item %d" % number).digest()
    shared: Item = {
        "label": {"S": f"item {number}"},
        "digits": {"N": f"{10**37 + number}"},
        "bytes": {"B": noise},
        "binaries": {"BS": [b"", b"\x00", noise[:8]]},
    }
    if number % LARGE_EVERY == 0:
        shared["large"] = {"S": "0123456789" * (LARGE_BYTES // 10)}
    return key(keys, number) | shared | SHAPES[number % len(SHAPES)](number, noise)


def _scalars(number: int, noise: bytes) -> Item:
    return {
        "text": {"S": f'"quotes" \\ {{"S":"x"}}\n\u2028 Grüße, 你好, 🔐 {number}'},
        "emptyText": {"S": ""},
        "allBytes": {"B": bytes(range(256))},
        "emptyBytes": {"B": b""},
        "base64Text": {"S": b64encode(noise).decode()},
        "enabled": {"BOOL": number % 2 == 0},
        "nothing": {"NULL": True},
    }


def _numbers_and_sets(number: int, _noise: bytes) -> Item:
    return {
        "negative": {"N": f"-0.{10**37 + number}"},
        "smallest": {"N": SMALLEST_NUMBER},
        "largest": {"N": LARGEST_NUMBER},
        "numbers": {"NS": ["0", "-1", "2.5", f"{10**37 + number}"]},
        "texts": {"SS": ["", "a", "ä", f"text {number}"]},
    }


def _nested(number: int, noise: bytes) -> Item:
    mixed = [{"S": ""}, {"N": str(number)}, {"B": noise[:4]}, {"NULL": True}, {"BOOL": False}, {"L": []}, {"M": {}}]
    deep: dict[str, Any] = {"BS": [noise[:3], noise[3:6]]}
    for _ in range(10):
        deep = {"M": {"deeper": {"L": [deep]}}}
    return {"list": {"L": mixed}, "map": {"M": {"sets": {"L": [{"SS": ["a"]}, {"NS": ["1"]}]}, "deep": deep}}}


def _named_like_types(number: int, noise: bytes) -> Item:
    """Attributes named like types, and like members of export lines and requests: a type never follows from a name."""
    return {
        "B": {"M": {"B": {"B": noise[:5]}, "S": {"S": "aGVsbG8="}}},
        "M": {"S": "aGVsbG8="},
        "S": {"B": b"hello"},
        "N": {"L": [{"M": {"N": {"N": str(number)}}}]},
        "BS": {"SS": ["aGVsbG8=", "d29ybGQ="]},
        "NULL": {"BOOL": False},
        "Item": {"M": {"Item": {"M": {"B": {"B": b"\x00\x01"}}}}},
        "PutRequest": {"M": {"Item": {"S": "no request"}}},
    }


SHAPES: tuple[Callable[[int, bytes], Item], ...] = (_scalars, _numbers_and_sets, _nested, _named_like_types)


def _key_value(kind: str, number: int) -> dict[str, Any]:
    if kind == "N":
        return {"N": f"{number - 1000}.25"}
    if kind == "B":
        return {"B": sha256(b"key %d" % number).digest()[:16]}
    return {"S": f"key/{number:06d}"}
