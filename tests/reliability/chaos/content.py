"""What a table may hold, and what somebody does to it: any value that DynamoDB takes, drawn by hypothesis.

A few wild values are drawn one by one, so that they shrink; items are then made of them by an own generator, whose seed
is drawn too. Otherwise a table of some hundred items would be more than hypothesis has room for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import strategies as st

Item = Mapping[str, Any]
"""An item as boto3's client takes it: typed values, binary as bytes."""
Value = dict[str, Any]

DIGITS = 38
LARGEST_EXPONENT, SMALLEST_EXPONENT = 125, -130
LARGE_ITEM_BYTES = 400 * 1024
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""

DEEPEST = 30
_NOTABLE_TEXTS = [
    "",
    "\x00\x01\x7f\x1f",
    'a "quoted" \\ back\\slash / \b\f\n\r\t',
    "a\u2028b\u2029c\u0085d\x0be",
    "👩\u200d👩\u200d👧\u200d👦 🇦🇶 𝄞 \U0010ffff",
    "\U000e0001\U0003fffd\ufffe\uffff",
    "e\u0301 is not \u00e9, \ufb01 is not fi, \ufeff",
    '"},{"DeleteRequest":{"Key":{"id":{"S":"victim"}}}',
    "aGVsbG8=",
    "1",
]
_LONG_FILLINGS = ["x", "é", "\x01", "𝄞", '"']


@dataclass(frozen=True)
class Changes:
    """What happens to a table: items that are deleted, put over others, and put beside them."""

    deleted: tuple[Item, ...]
    changed: tuple[Item, ...]
    added: tuple[Item, ...]

    @property
    def count(self) -> int:
        return len(self.deleted) + len(self.changed) + len(self.added)


@dataclass(frozen=True)
class Content:
    """A table, its items, and what damages it behind the backup. ``large``: how many items have nearly 400 KB."""

    maker: Maker
    items: tuple[Item, ...]
    damage: Changes
    large: int

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """The key attributes with their types."""
        return self.maker.keys

    @property
    def features(self) -> set[str]:
        """Name what is special about it, for the tally: types of values and of keys, among others."""
        found = {f"type {kind}" for item in self.items for value in item.values() for kind in kinds_of(value)}
        found.add("key " + "+".join(kind for _, kind in self.keys))
        found |= {"hot partition"} if self.maker.hot else set()
        found |= {"items near 400 KB"} if self.large else set()
        return found | ({"empty table"} if not self.items else set())


def kinds_of(value: Value) -> Iterator[str]:
    """Yield the type of a value, and those of all values inside it."""
    ((kind, inner),) = value.items()
    yield kind
    members = inner.values() if kind == "M" else inner if kind == "L" else ()
    for member in members:
        yield from kinds_of(member)


# --- values


def texts(least: int = 0) -> st.SearchStrategy[str]:
    notable = st.sampled_from([text for text in _NOTABLE_TEXTS if len(text) >= least])
    return st.text(st.characters(codec="utf-8"), min_size=least, max_size=10) | notable


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """Draw a number of up to 38 digits and any exponent that DynamoDB takes."""
    mantissa = draw(st.integers(-(10**DIGITS) + 1, 10**DIGITS - 1))
    if mantissa == 0:
        return "0"
    digits = len(str(abs(mantissa)))
    exponent = draw(st.just(0) | st.integers(SMALLEST_EXPONENT, LARGEST_EXPONENT + 1 - digits))
    return str(Decimal((int(mantissa < 0), tuple(map(int, str(abs(mantissa)))), exponent)))


def leaves() -> st.SearchStrategy[Value]:
    binaries = st.binary(max_size=12)
    return st.one_of(
        texts().map(lambda value: {"S": value}),
        numbers().map(lambda value: {"N": value}),
        binaries.map(lambda value: {"B": value}),
        st.booleans().map(lambda value: {"BOOL": value}),
        st.just({"NULL": True}),
        st.lists(texts(), min_size=1, max_size=4, unique=True).map(lambda value: {"SS": value}),
        st.lists(numbers(), min_size=1, max_size=4, unique_by=Decimal).map(lambda value: {"NS": value}),
        st.lists(binaries, min_size=1, max_size=4, unique=True).map(lambda value: {"BS": value}),
    )


def nested() -> st.SearchStrategy[Value]:
    def containers(inner: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
        lists = st.lists(inner, max_size=3).map(lambda value: {"L": value})
        maps = st.dictionaries(texts(least=1), inner, max_size=3).map(lambda value: {"M": value})
        return lists | maps

    return st.recursive(leaves(), containers, max_leaves=6)


def deep(levels: int) -> Value:
    value: Value = {"S": "deep"}
    for level in range(levels):
        value = {"L": [value]} if level % 2 else {"M": {"a": value}}
    return value


@st.composite
def pools(draw: st.DrawFn) -> list[Value]:
    """Draw the values of which a table's attributes are made."""
    wild = draw(st.lists(nested(), min_size=1, max_size=8))
    return [*wild, deep(draw(st.sampled_from([0, 0, 3, DEEPEST])))]


# --- keys


def _key_value(kind: str, number: int, stem: str) -> Value:
    """Return the key value of one number: no two numbers have the same one."""
    if kind == "N":
        forms = [f"{number}", f"-{number + 1}", f"{number}.5", f"{10 ** (DIGITS - 1) + number}", f"{number + 1}E+60"]
        return {"N": forms[number % len(forms)]}
    text = f"{stem}{number}" if number % 7 else f"{stem}{'k' * 700}{number}"
    return {kind: text} if kind == "S" else {"B": text.encode() + bytes([number % 256, 0])}


# --- items


@dataclass(frozen=True)
class Maker:
    """Makes items of a table from numbers, and changes them."""

    keys: tuple[tuple[str, str], ...]
    names: tuple[str, ...]
    pool: tuple[Value, ...]
    stem: str
    hot: bool

    def keys_of(self, number: int) -> Item:
        """Return one item's keys. With a sort key, all items of a hot table share a partition, of others some do."""
        (partition, kind), *sort = self.keys
        if not sort:
            return {partition: _key_value(kind, number, self.stem)}
        shared = 1 if self.hot else 2 + number % 5
        sort_key = {sort[0][0]: _key_value(sort[0][1], number, self.stem)}
        return {partition: _key_value(kind, shared, self.stem), **sort_key}

    def item(self, number: int, chance: Random) -> Item:
        chosen = chance.sample(self.names, chance.randint(0, len(self.names)))
        return {**{name: chance.choice(self.pool) for name in chosen}, **self.keys_of(number)}

    def large_item(self, number: int, filling: str, chance: Random) -> Item:
        room = LARGE_ITEM_BYTES - 6 * 1024  # keys, and names, take less
        if chance.random() < 0.3:
            return {"large": {"B": chance.randbytes(room)}, **self.keys_of(number)}
        return {"large": {"S": filling * (room // len(filling.encode()))}, **self.keys_of(number)}

    def altered(self, item: Item, chance: Random) -> Item:
        """Return an item with the same key that is another, sometimes by no more than one value's type."""
        others = sorted(set(item) - {name for name, _ in self.keys})
        if not others or chance.random() < 0.4:
            return {**item, "damaged": {"S": "1"} if "damaged" in item else {"N": "1"}}
        name = chance.choice(others)
        if chance.random() < 0.5:
            return {one: value for one, value in item.items() if one != name}
        ((kind, value),) = item[name].items()
        other: Value = {"L": [item[name]]}
        if kind == "N":
            other = {"S": value}
        elif kind == "S":
            other = {"B": value.encode()}
        return {**item, name: other if kind != "M" else {"NULL": True}}

    def changes(self, items: Sequence[Item], shares: tuple[float, float, float], chance: Random) -> Changes:
        """Return changes of a table that holds these items: shares of them, and items that are new."""
        deleted, changed = [], []
        for item in items:
            luck = chance.random()
            if luck < shares[0]:
                deleted.append({name: item[name] for name, _ in self.keys})
            elif luck < shares[0] + shares[1]:
                changed.append(self.altered(item, chance))
        extra = range(len(items), len(items) + round(shares[2] * chance.randint(1, 40)))
        added = [self.item(number, chance) for number in extra]
        return Changes(tuple(deleted), tuple(changed), tuple(added))


@st.composite
def contents(draw: st.DrawFn) -> Content:
    """Draw a table with its damage."""
    names = draw(st.lists(texts(least=1), min_size=2, max_size=6, unique=True))
    kinds = draw(st.sampled_from(["S", "N", "B", "SS", "SN", "NB", "BS"]))
    keys = tuple(zip(names, kinds, strict=False))
    pool = draw(pools())
    stem = draw(texts(least=1))
    count = draw(st.sampled_from([0, 1, 3]) | st.integers(2, 40) | st.integers(20, 130))
    large = min(count, draw(st.sampled_from([0] * 8 + [1, 3])))
    filling = draw(st.sampled_from(_LONG_FILLINGS))
    hot = len(keys) > 1 and draw(st.booleans())
    shares = draw(st.sampled_from(SHARES))
    chance = Random(draw(st.integers(0, 2**32 - 1)))

    maker = Maker(keys, tuple(names[len(keys) :]), tuple(pool), stem, hot)
    items = [maker.item(number, chance) for number in range(count)]
    for number in range(large):
        items[number] = maker.large_item(number, filling, chance)
    return Content(maker, tuple(items), maker.changes(items, shares, chance), large)


SHARES = [(0.2, 0.2, 1), (0.2, 0.2, 1), (0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0.05, 0.05, 0.1), (0.5, 0.5, 2)]
"""Shares of the items that are deleted and changed, and how many are added, of up to 40."""
