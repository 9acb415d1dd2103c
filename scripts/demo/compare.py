"""The demo's own proof: two full scans of a table, compared item by item, attribute by attribute, type by type.

It shares no code with the functions that it checks.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from scripts.demo.items import Item, KeyAttributes

__all__ = ["Difference", "Snapshot", "differences", "snapshot"]

Comparable = tuple[str, object]
Snapshot = dict[str, dict[str, Comparable]]
"""Items by their keys, each with its attributes as pairs of type and value."""

MISSING = "is missing"
EXTRA = "is not in the backup"


@dataclass(frozen=True)
class Difference:
    """One item that is not as it was. ``key`` is DynamoDB JSON; ``what`` names attributes, but no values."""

    key: str
    what: str

    def __str__(self) -> str:
        return f"item {self.key} {self.what}"


def snapshot(keys: KeyAttributes, items: Iterable[Item]) -> Snapshot:
    """Return what the items of one scan are.

    Raises
    ------
    ValueError
        An item's key comes twice, or an attribute has a type that DynamoDB does not know.
    """
    taken: Snapshot = {}
    for one in items:
        name = json.dumps({attribute: _as_json(one[attribute]) for attribute, _ in keys})
        if name in taken:
            raise ValueError(f"the scan returned the key {name} twice")
        taken[name] = {attribute: comparable(value) for attribute, value in one.items()}
    return taken


def differences(before: Snapshot, after: Snapshot) -> list[Difference]:
    """Return every item that is missing, that was not there before, or that differs in any attribute."""
    found = [Difference(name, MISSING) for name in before if name not in after]
    found += [Difference(name, EXTRA) for name in after if name not in before]
    for name in before:
        if name in after and after[name] != before[name]:
            found.append(Difference(name, f"differs: {'; '.join(_changes(before[name], after[name]))}"))
    return found


def comparable(value: Mapping[str, Any]) -> Comparable:
    """Return an attribute value such that two are equal exactly if DynamoDB holds them to be the same.

    Numbers are compared by value to the last of their 38 digits, sets without regard to order, everything else exactly.
    """
    ((kind, held),) = value.items()
    if kind in {"S", "B", "BOOL", "NULL"}:
        return kind, held
    if kind == "N":
        return kind, Decimal(held)
    if kind in {"SS", "BS"}:
        return kind, frozenset(held)
    if kind == "NS":
        return kind, frozenset(map(Decimal, held))
    if kind == "L":
        return kind, [comparable(member) for member in held]
    if kind == "M":
        return kind, {name: comparable(member) for name, member in held.items()}
    raise ValueError(f"DynamoDB has no type {kind}")


def _changes(before: Mapping[str, Comparable], after: Mapping[str, Comparable]) -> list[str]:
    changes = []
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            changes.append(f"attribute {name} is missing")
        elif name not in before:
            changes.append(f"attribute {name} was not there")
        elif before[name][0] != after[name][0]:
            changes.append(f"attribute {name} was of type {before[name][0]} and is of type {after[name][0]}")
        elif before[name] != after[name]:
            changes.append(f"attribute {name} ({before[name][0]}) has another value")
    return changes


def _as_json(value: Mapping[str, Any]) -> dict[str, str]:
    ((kind, held),) = value.items()
    return {kind: b64encode(held).decode() if kind == "B" else str(held)}
