"""Items and their keys, as a person reads them."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

__all__ = ["compact", "from_json", "plain", "short_key", "to_json"]

Item = dict[str, Any]


def compact(item: Item) -> str:
    """Return an item as JSON on one line."""
    return json.dumps(item, ensure_ascii=False, separators=(",", ":"))


def short_key(key: Item) -> str:
    """Return a key as it is written on the command line."""
    return " ".join(
        f"{name}={value}" if kind == "S" else f"{name}:{kind}={value}"
        for name, typed in key.items()
        for kind, value in typed.items()
    )


def to_json(item: Item) -> Item:
    """Return an item of boto3 as DynamoDB's JSON has it: bytes in base64."""
    encoded: Item = _encoded(item)
    return encoded


def from_json(key: Mapping[str, Any]) -> Item:
    """Return a key of DynamoDB's JSON as boto3 wants it: bytes as bytes."""
    return {
        name: {kind: b64decode(value) if kind == "B" else value for kind, value in typed.items()}
        for name, typed in key.items()
    }


def _encoded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _encoded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_encoded(one) for one in value]
    return b64encode(value).decode() if isinstance(value, bytes) else value


def plain(typed: Any) -> Any:
    """Return a typed value as plain JSON. Numbers become JSON's, exactly; bytes stay base64, sets become arrays."""
    ((kind, value),) = typed.items()
    if kind == "M":
        return {name: plain(one) for name, one in value.items()}
    if kind == "L":
        return [plain(one) for one in value]
    if kind == "NS":
        return [_number(one) for one in value]
    if kind == "N":
        return _number(value)
    return None if kind == "NULL" else value


def _number(text: str) -> int | float | str:
    """Return a JSON number, or the text of one that would lose digits."""
    try:
        number = json.loads(text)
    except ValueError:
        return text  # of more digits than Python reads; DynamoDB has no such number
    return number if json.dumps(number) == text else text
