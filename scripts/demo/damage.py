"""What can happen to a table: items lost, items changed, from a single byte to everything, and items too many."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass

from scripts.demo.items import Item, item, key
from scripts.demo.tables import Table

__all__ = ["Damage", "damage"]

EVERY = 5  # one of so many items is deleted, and another one changed
ADDED_PER_ITEM = 10  # one item is added for so many that there are


@dataclass(frozen=True)
class Damage:
    """How many items were deleted, changed and added."""

    deleted: int
    changed: int
    added: int


def damage(table: Table, items: int) -> Damage:
    """Damage a table that holds so many of the demo's items."""
    deleted = range(0, items, EVERY)
    changed = range(1, items, EVERY)
    added = range(items, items + items // ADDED_PER_ITEM)
    table.change(
        delete=[key(table.keys, number) for number in deleted],
        put=[
            *(_changed(table, number) for number in changed),
            *(item(table.keys, number) for number in added),
        ],
    )
    return Damage(len(deleted), len(changed), len(added))


def _changed(table: Table, number: int) -> Item:
    changes = CHANGES[number // EVERY % len(CHANGES)]
    return key(table.keys, number) | changes(item(table.keys, number))


def _one_byte(one: Item) -> Item:
    held = one["bytes"]["B"]
    return one | {"bytes": {"B": held[:-1] + bytes([held[-1] ^ 1])}}


def _last_digit(one: Item) -> Item:
    return one | {"digits": {"N": str(int(one["digits"]["N"]) + 1)}}


def _encoded_twice(one: Item) -> Item:
    return one | {"bytes": {"B": b64encode(one["bytes"]["B"])}}


def _other_type(one: Item) -> Item:
    return one | {"digits": {"S": one["digits"]["N"]}}


def _one_member_less(one: Item) -> Item:
    return one | {"binaries": {"BS": one["binaries"]["BS"][1:]}}


def _one_attribute_less(one: Item) -> Item:
    return {name: value for name, value in one.items() if name != "bytes"}


def _everything(one: Item) -> Item:
    return {"overwritten": one["label"]}


CHANGES: tuple[Callable[[Item], Item], ...] = (
    _one_byte,
    _last_digit,
    _encoded_twice,
    _other_type,
    _one_member_less,
    _one_attribute_less,
    _everything,
)
