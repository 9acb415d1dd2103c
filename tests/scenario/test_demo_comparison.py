"""The demo's proof is as good as its comparison: it must see every difference, and none that DynamoDB does not make."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.demo.compare import Difference, comparable, differences, snapshot
from scripts.demo.damage import CHANGES
from scripts.demo.items import SHAPES, Item, item, key

KEYS = (("id", "S"), ("at", "N"))
ITEM: Item = {"id": {"S": "a"}, "at": {"N": "1"}}
KEY = '{"id": {"S": "a"}, "at": {"N": "1"}}'
TYPES = {"S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"}

SAME: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"N": "1"}, {"N": "1.0"}),
    ({"N": "100"}, {"N": "1E2"}),
    ({"SS": ["a", "b"]}, {"SS": ["b", "a"]}),
    ({"NS": ["1", "2"]}, {"NS": ["2.0", "1"]}),
    ({"BS": [b"a", b"b"]}, {"BS": [b"b", b"a"]}),
    ({"M": {"a": {"N": "1"}, "b": {"NULL": True}}}, {"M": {"b": {"NULL": True}, "a": {"N": "1.0"}}}),
    ({"L": [{"SS": ["a", "b"]}]}, {"L": [{"SS": ["b", "a"]}]}),
]
DIFFERENT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"S": "a"}, {"S": "b"}),
    ({"S": "1"}, {"N": "1"}),
    ({"S": "aGVsbG8="}, {"B": b"aGVsbG8="}),
    ({"B": b"hello"}, {"B": b"aGVsbG8="}),
    ({"N": "10000000000000000000000000000000000001"}, {"N": "10000000000000000000000000000000000002"}),
    ({"N": "1E-130"}, {"N": "0"}),
    ({"BOOL": True}, {"BOOL": False}),
    ({"BOOL": True}, {"N": "1"}),
    ({"NULL": True}, {"BOOL": True}),
    ({"S": ""}, {"B": b""}),
    ({"SS": ["a", "b"]}, {"SS": ["a"]}),
    ({"SS": ["a"]}, {"L": [{"S": "a"}]}),
    ({"SS": ["1"]}, {"NS": ["1"]}),
    ({"NS": ["1", "2"]}, {"NS": ["1", "3"]}),
    ({"BS": [b"a"]}, {"BS": [b"a", b""]}),
    ({"L": [{"S": "a"}, {"S": "b"}]}, {"L": [{"S": "b"}, {"S": "a"}]}),
    ({"L": []}, {"M": {}}),
    ({"M": {"a": {"NULL": True}}}, {"M": {}}),
    ({"M": {"B": {"B": b"a"}}}, {"M": {"B": {"S": "a"}}}),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_dynamodb_holds_to_be_the_same_is_equal(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_values_and_types_that_differ_are_seen(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert comparable(one) != comparable(other)


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(ValueError, match="no type X"):
        comparable({"X": "1"})


@pytest.mark.parametrize(
    ("after", "what"),
    [
        ([], "is missing"),
        ([ITEM], "differs: attribute v is missing"),
        ([ITEM | {"v": {"S": "1"}}], "differs: attribute v was of type N and is of type S"),
        ([ITEM | {"v": {"N": "2"}}], "differs: attribute v (N) has another value"),
        ([ITEM | {"v": {"N": "1"}, "w": {"NULL": True}}], "differs: attribute w was not there"),
    ],
)
def test_a_difference_names_the_item_and_its_attributes(after: list[Item], what: str) -> None:
    before = snapshot(KEYS, [ITEM | {"v": {"N": "1"}}])

    assert differences(before, snapshot(KEYS, after)) == [Difference(KEY, what)]


def test_an_item_too_many_is_seen() -> None:
    assert differences({}, snapshot(KEYS, [ITEM])) == [Difference(KEY, "is not in the backup")]


def test_a_binary_key_is_shown_as_dynamodb_json() -> None:
    found = differences(snapshot((("id", "B"),), [{"id": {"B": b"\xff"}}]), {})

    assert str(found[0]) == 'item {"id": {"B": "/w=="}} is missing'


def test_a_key_that_a_scan_returns_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        snapshot(KEYS, [ITEM, ITEM])


def test_the_items_have_every_type_at_the_top_and_nested_and_the_names_that_mislead() -> None:
    items = [item(KEYS, number) for number in range(len(SHAPES))]
    top = {kind for one in items for value in one.values() for kind in value}
    nested = {kind for one in items for value in one.values() for kind in _types_within(value)}

    assert top == TYPES
    assert nested == TYPES
    assert {"B", "M", "S", "Item"} <= {name for one in items for name in one}
    assert any(len(value.get("N", "").strip("-0.")) == 38 for one in items for value in one.values())


@pytest.mark.parametrize("keys", [(("id", "S"),), (("id", "B"), ("at", "N")), (("id", "N"), ("at", "S"))])
def test_no_two_items_have_one_key(keys: tuple[tuple[str, str], ...]) -> None:
    assert len(snapshot(keys, (key(keys, number) for number in range(3000)))) == 3000


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("number", range(len(SHAPES)))
def test_every_sort_of_damage_is_seen_in_every_item(change: Any, number: int) -> None:
    original = item(KEYS, number)
    damaged = key(KEYS, number) | change(original)

    assert len(differences(snapshot(KEYS, [original]), snapshot(KEYS, [damaged]))) == 1


def _types_within(value: dict[str, Any]) -> set[str]:
    ((kind, held),) = value.items()
    members = held if kind == "L" else held.values() if kind == "M" else ()
    return {kind for member in members for kind in {*member, *_types_within(member)}}
