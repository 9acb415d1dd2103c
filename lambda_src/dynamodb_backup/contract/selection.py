"""Typed keys in an event: ``[{"pk": {"S": "a"}, "sk": {"N": "1"}}]``. Refusals never repeat a key's value."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import Any

from dynamodb_backup.contract.fields import Fields
from dynamodb_backup.errors import RequestRefused

__all__ = ["KEY_FIELDS", "MOST_KEYS", "TypedKey", "typed_keys"]

TypedKey = dict[str, dict[str, str]]

KEY_FIELDS = ("keys", "partition_keys")
MOST_KEYS = 1000
MOST_ATTRIBUTES = 2

_NUMBER = re.compile(r"[+-]?([0-9]{1,200}(\.[0-9]{0,200})?|\.[0-9]{1,200})([eE][+-]?[0-9]{1,3})?")
"""Longer ones are no numbers of DynamoDB, which has 38 digits and exponents from -130 to 125."""


def typed_keys(fields: Fields, name: str, *, most: int = MOST_KEYS) -> tuple[TypedKey, ...] | None:
    """Read an array of typed keys; ``None`` if the field is absent.

    Whether they are keys of the table shows only when its key schema is known.

    Raises
    ------
    RequestRefused
        It is not an array of 1 to ``most`` keys, each of one or two attributes with a type ``S``, ``N`` or ``B``.
    """
    if not fields.given(name):
        return None
    keys = fields.raw(name)
    if not isinstance(keys, list | tuple) or not 1 <= len(keys) <= most:
        raise RequestRefused(name, f'must be an array of 1 to {most} typed keys, such as [{{"id": {{"S": "a"}}}}]')
    for number, key in enumerate(keys, start=1):
        problem = _problem(key)
        if problem:
            raise RequestRefused(name, f"holds as entry {number} what is not a typed key: {problem}")
    return tuple(keys)


def _problem(key: Any) -> str | None:
    if not isinstance(key, dict) or not 1 <= len(key) <= MOST_ATTRIBUTES:
        return "it must be an object with the one or two attributes of the primary key"
    for attribute, typed in key.items():
        kind = next(iter(typed)) if isinstance(typed, dict) and len(typed) == 1 else None
        if kind not in {"S", "N", "B"}:
            return f"attribute '{attribute}' must have exactly one of the types S, N and B"
        if not isinstance(typed[kind], str) or not typed[kind]:
            return f"the value of attribute '{attribute}' must be a string that is not empty, also for numbers"
        if kind == "N" and _NUMBER.fullmatch(typed[kind]) is None:
            return f"the value of attribute '{attribute}' is not a number"
        if kind == "B" and not _is_base64(typed[kind]):
            return f"the value of attribute '{attribute}' is not base64"
    return None


def _is_base64(text: str) -> bool:
    try:
        return b64encode(b64decode(text, validate=True)).decode() == text
    except ValueError:
        return False
