"""An item's primary key: its schema, and one canonical form in which equal keys are equal bytes."""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from hashlib import blake2b
from typing import Any

__all__ = ["DIGEST_BYTES", "KeySchema", "canonical_number"]

DIGEST_BYTES = 16
"""128 bits: among 10^12 keys a collision has a probability below 10^-14."""

MOST_DIGITS = 38
LARGEST_EXPONENT = 130
"""Limits of a number: docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html"""

_NUMBER = re.compile(r"[+-]?+(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?+[0-9]++)?+")
"""Decimal itself would also take spaces, underscores, NaN and the digits of other scripts. Nothing that matched is
tried anew (``+`` behind a quantifier): a text of 400,000 digits that is no number would take hours."""

_EXACT = Context(prec=60)
"""DynamoDB's numbers have 38 digits; Decimal's default context would round them to 28."""


@dataclass(frozen=True)
class KeySchema:
    """The primary key's attributes in order, each with its type ``S``, ``N`` or ``B``."""

    attributes: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, definition: Mapping[str, Any]) -> KeySchema:
        """Read it from a table description (``KeySchema`` and ``AttributeDefinitions``)."""
        types = {one["AttributeName"]: one["AttributeType"] for one in definition["AttributeDefinitions"]}
        ordered = sorted(definition["KeySchema"], key=lambda one: one["KeyType"] != "HASH")
        return cls(tuple((one["AttributeName"], types[one["AttributeName"]]) for one in ordered))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.attributes)

    @property
    def partition(self) -> KeySchema:
        """The partition key alone."""
        return KeySchema(self.attributes[:1])

    def __str__(self) -> str:
        return " + ".join(f"{name} ({kind})" for name, kind in self.attributes)

    def digest(self, item: Mapping[str, Any]) -> bytes:
        """Return 16 bytes that are equal for two items exactly if DynamoDB takes their keys for the same.

        Takes typed values as JSON has them (binary as base64 text) or as boto3 has them (binary as bytes).

        Raises
        ------
        ValueError
            The item does not have this key.
        """
        text = ""
        try:
            for name, kind in self.attributes:
                value = item[name][kind]
                part = value if kind == "S" and type(value) is str else _canonical(kind, value)
                text += f"{len(part)}:{part}"  # lengths keep ("a", "bc") and ("ab", "c") apart
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"the item does not have the key {self}") from None
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()


def _canonical(kind: str, value: str | bytes) -> str:
    if kind == "N":
        return canonical_number(str(value))
    # Base64 may spell the same bytes in more than one way: the last character's spare bits are free.
    raw = value if isinstance(value, bytes) else a2b_base64(value, strict_mode=True)
    return b2a_base64(raw, newline=False).decode("ascii")


def canonical_number(text: str) -> str:
    """Return one spelling for all spellings of a number: 7, 7.0 and 70E-1 are one number, and so are 0 and -0.

    Raises
    ------
    ValueError
        It is not a number, or not one that DynamoDB takes: 38 digits, up to 9.99E+125.
    """
    if len(text) <= MOST_DIGITS and text.isdigit() and text.isascii() and not text.startswith("0"):
        return text
    if _NUMBER.fullmatch(text) is None:
        raise ValueError("not a number")
    try:
        number = _EXACT.normalize(Decimal(text))
    except ArithmeticError:
        raise ValueError("not a number that DynamoDB takes") from None
    if not number:
        return "0"
    if abs(number.adjusted()) > LARGEST_EXPONENT or len(number.as_tuple().digits) > MOST_DIGITS:
        raise ValueError("not a number that DynamoDB takes")
    return format(number, "f")
