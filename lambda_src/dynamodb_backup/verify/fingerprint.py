"""Fingerprints tell whether two sets of items hold the same, in whatever order they are read.

A fingerprint is the number of items and the sum, mod 2^256, of the SHA-256 of each item's canonical form. So files,
segments and turns can be added up in any order, and a table read by a scan can be compared with its export.

The canonical form is one text for all spellings that DynamoDB takes for the same item, and another one for any other
item. It is part of what is stored in S3 beside a backup, so a change needs a new ``VERSION``. Each value is its type
and its content; lengths (in characters) and counts keep neighbours apart:

========================  ==================================================================================
``S``                     ``S<length>:<text>``
``N``                     ``N<number>;``, the number without exponent, leading or trailing zeros: 7, 7.0 and 70E-1 are
                          ``N7;``, and -0 is ``N0;``
``B``                     ``B<length>:<base64>``, the base64 that the bytes have, with padding
``BOOL``, ``NULL``        ``T`` or ``F``; ``0``
``SS``, ``NS``, ``BS``    ``{<type><count>:`` and the members' forms, sorted
``L``                     ``L<count>:`` and the values' forms, in their order
``M``, and an item        ``M<count>:`` and for each name, sorted, ``<length>:<name>`` and the value's form
========================  ==================================================================================

What DynamoDB itself would refuse (an unknown type, a number that is none) has a form of its own, too: it equals nothing
that a table can hold.
"""

from __future__ import annotations

import json
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from dynamodb_backup.table.keys import canonical_number

__all__ = ["VERSION", "Fingerprint", "item_digest"]

VERSION = 1
_MODULUS = 1 << 256


def item_digest(item: Mapping[str, Any]) -> int:
    """Return 256 bits that are equal for two items exactly if DynamoDB takes them for the same.

    Parameters
    ----------
    item
        Typed values as JSON has them: numbers as text, binary as base64 text.

    Raises
    ------
    ValueError
        The item is nested deeper than DynamoDB allows.
    """
    try:
        text = _map(item)
    except RecursionError:
        raise ValueError("the item is nested too deeply") from None
    return int.from_bytes(sha256(text.encode("utf-8", "surrogatepass")).digest())


@dataclass
class Fingerprint:
    """The fingerprint of the items that were added so far."""

    items: int = 0
    total: int = 0

    def add(self, digest: int) -> None:
        """Take in one item by its ``item_digest``."""
        self.items += 1
        self.total = (self.total + digest) % _MODULUS

    def __add__(self, other: Fingerprint) -> Fingerprint:
        return Fingerprint(self.items + other.items, (self.total + other.total) % _MODULUS)

    def __str__(self) -> str:
        """Return 64 hexadecimal digits; the number of items is told beside them."""
        return f"{self.total:064x}"

    @classmethod
    def parse(cls, items: int, text: str) -> Fingerprint:
        """Read what ``str`` wrote. Raises ``ValueError`` where it is none."""
        total = int(text, 16)
        if not 0 <= total < _MODULUS:
            raise ValueError("a fingerprint has 64 hexadecimal digits")
        return cls(items, total)


def _map(attributes: Mapping[str, Any]) -> str:
    parts = [f"M{len(attributes)}:"]
    for name in sorted(attributes):
        typed = attributes[name]
        # The commonest types stand here and not in _value: a call for each attribute would double the time.
        value = typed.get("S") if type(typed) is dict and len(typed) == 1 else None
        if type(value) is str:
            parts.append(f"{len(name)}:{name}S{len(value)}:{value}")
        else:
            parts.append(f"{len(name)}:{name}{_value(typed)}")
    return "".join(parts)


def _value(typed: Any) -> str:
    if type(typed) is dict and len(typed) == 1:
        ((kind, value),) = typed.items()
        form = _FORMS.get(kind)
        try:
            if form is not None:
                return form(value)
        except (TypeError, ValueError, AttributeError):
            pass
    return _invalid(typed)


def _number(value: str) -> str:
    return f"N{canonical_number(value)};"


def _text(value: str) -> str:
    if type(value) is not str:
        raise TypeError("text must be a string")
    return f"S{len(value)}:{value}"


def _binary(value: str) -> str:
    # Base64 may spell the same bytes in more than one way: the last character's spare bits are free.
    text = b2a_base64(a2b_base64(value, strict_mode=True), newline=False).decode("ascii")
    return f"B{len(text)}:{text}"


def _boolean(value: bool) -> str:
    if type(value) is not bool:
        raise TypeError("BOOL must be true or false")
    return "T" if value else "F"


def _null(value: bool) -> str:
    if value is not True:
        raise ValueError("NULL must be true")
    return "0"


def _list(values: list[Any]) -> str:
    if type(values) is not list:
        raise TypeError("L must be an array")
    return f"L{len(values)}:" + "".join([_value(one) for one in values])


def _nested(attributes: dict[str, Any]) -> str:
    if type(attributes) is not dict:
        raise TypeError("M must be an object")
    return _map(attributes)


def _set_of(kind: str, form: Callable[[Any], str]) -> Callable[[list[Any]], str]:
    def form_of_set(members: list[Any]) -> str:
        if type(members) is not list or not members:
            raise ValueError("a set must be an array with a member")
        forms = sorted([form(one) for one in members])
        return f"{{{kind}{len(forms)}:" + "".join(forms)

    return form_of_set


def _invalid(typed: Any) -> str:
    """Return a form for what is no value of DynamoDB's; no valid value's begins with a question mark."""
    text = json.dumps(typed, sort_keys=True)
    return f"?{len(text)}:{text}"


_FORMS: dict[str, Callable[[Any], str]] = {
    "S": _text,
    "N": _number,
    "B": _binary,
    "BOOL": _boolean,
    "NULL": _null,
    "SS": _set_of("SS", _text),
    "NS": _set_of("NS", _number),
    "BS": _set_of("BS", _binary),
    "L": _list,
    "M": _nested,
}
