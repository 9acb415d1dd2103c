"""Items have equal digests exactly if DynamoDB takes them for the same; fingerprints add up in any order."""

from __future__ import annotations

import json
from base64 import b64encode
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamodb_backup.table.keys import canonical_number
from dynamodb_backup.verify.fingerprint import Fingerprint, item_digest

Value = dict[str, Any]

texts = st.text(max_size=6)
numbers = st.decimals(allow_nan=False, allow_infinity=False).filter(
    lambda number: len(number.as_tuple().digits) <= 38 and -130 <= number.adjusted() <= 125
)
binaries = st.binary(max_size=6).map(lambda value: b64encode(value).decode())
leaves = st.one_of(
    st.builds(lambda value: {"S": value}, texts),
    st.builds(lambda value: {"N": str(value)}, numbers),
    st.builds(lambda value: {"B": value}, binaries),
    st.builds(lambda value: {"BOOL": value}, st.booleans()),
    st.just({"NULL": True}),
    st.builds(lambda values: {"SS": values}, st.lists(texts, min_size=1, max_size=4, unique=True)),
    st.builds(
        lambda values: {"NS": [str(one) for one in values]},
        st.lists(numbers, min_size=1, max_size=4, unique_by=lambda number: number + 0),
    ),
    st.builds(lambda values: {"BS": values}, st.lists(binaries, min_size=1, max_size=4, unique=True)),
)
# Attributes may be named as types are.
names = st.one_of(st.sampled_from(["S", "N", "B", "M", "L", "BOOL", "SS", "Item"]), texts)


def nest(children: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    return st.one_of(
        st.builds(lambda values: {"L": values}, st.lists(children, max_size=3)),
        st.builds(lambda values: {"M": values}, st.dictionaries(names, children, max_size=3)),
    )


values = st.recursive(leaves, nest, max_leaves=8)
items = st.dictionaries(names, values, max_size=4)


def respelled(draw: st.DataObject, value: Value) -> Value:
    """Return the same value as another writer might have written it."""
    ((kind, content),) = value.items()
    if kind == "N":
        return {kind: respelled_number(draw, content)}
    if kind == "NS":
        return {kind: [respelled_number(draw, one) for one in draw.draw(st.permutations(content))]}
    if kind in {"SS", "BS"}:
        return {kind: draw.draw(st.permutations(content))}
    if kind == "L":
        return {kind: [respelled(draw, one) for one in content]}
    if kind == "M":
        return {kind: respelled_map(draw, content)}
    return value


def respelled_map(draw: st.DataObject, item: Value) -> Value:
    return {name: respelled(draw, item[name]) for name in draw.draw(st.permutations(list(item)))}


def respelled_number(draw: st.DataObject, text: str) -> str:
    plain = canonical_number(text)
    if plain == "0":
        return draw.draw(st.sampled_from(["0", "-0", "0.0", "0E+5"]))
    number = Decimal(plain)
    return draw.draw(st.sampled_from([plain, f"{plain}0" if "." in plain else f"{plain}.0", f"{number:E}", text]))


def meaning(value: Any) -> Any:
    """Return what DynamoDB stores, in Python's terms: equal exactly for values that DynamoDB takes for the same."""
    ((kind, content),) = value.items()
    if kind == "N":
        return kind, Decimal(content)
    if kind == "NS":
        return kind, frozenset(Decimal(one) for one in content)
    if kind in {"SS", "BS"}:
        return kind, frozenset(content)
    if kind == "L":
        return kind, tuple(meaning(one) for one in content)
    if kind == "M":
        return kind, frozenset((name, meaning(one)) for name, one in content.items())
    return kind, content


@given(st.data(), items)
def test_all_spellings_of_an_item_have_one_digest(data: st.DataObject, item: Value) -> None:
    assert item_digest(respelled_map(data, item)) == item_digest(item)


@given(items, items)
def test_digests_are_equal_only_for_equal_items(one: Value, other: Value) -> None:
    assert (item_digest(one) == item_digest(other)) == (meaning({"M": one}) == meaning({"M": other}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"S": "1"}, {"N": "1"}),
        ({"S": "aGVsbG8="}, {"B": "aGVsbG8="}),
        ({"SS": ["a", "b"]}, {"L": [{"S": "a"}, {"S": "b"}]}),
        ({"SS": ["1"]}, {"NS": ["1"]}),
        ({"SS": ["a", "b"]}, {"SS": ["ab"]}),
        ({"L": [{"N": "1"}, {"N": "2"}]}, {"L": [{"N": "2"}, {"N": "1"}]}),
        ({"L": []}, {"M": {}}),
        ({"BOOL": True}, {"BOOL": False}),
        ({"BOOL": True}, {"NULL": True}),
        ({"N": "12345678901234567890123456789012345678"}, {"N": "12345678901234567890123456789012345679"}),
        ({"N": "1E-130"}, {"N": "0"}),
        ({"M": {"M": {"S": "a"}}}, {"M": {"S": {"S": "a"}}}),
        ({"M": {"a": {"S": "b"}}}, {"M": {"b": {"S": "a"}}}),
        ({"S": "é"}, {"S": "e\u0301"}),
        ({"S": ""}, {"NULL": True}),
    ],
)
def test_values_that_are_not_the_same(one: Value, other: Value) -> None:
    assert item_digest({"v": one}) != item_digest({"v": other})
    assert item_digest({"v": {"L": [one]}}) != item_digest({"v": {"L": [other]}})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"N": "-0"}, {"N": "0"}),
        ({"N": "0.10"}, {"N": "1E-1"}),
        ({"NS": ["1.0", "2"]}, {"NS": ["2.00", "1"]}),
        ({"B": "aGVsbG9="}, {"B": "aGVsbG8="}),
        ({"BS": ["AQ==", "Ag=="]}, {"BS": ["Ag==", "AQ=="]}),
    ],
)
def test_values_that_are_the_same(one: Value, other: Value) -> None:
    assert item_digest({"v": one}) == item_digest({"v": other})


@pytest.mark.parametrize(
    "value",
    [
        {"N": "one"},
        {"N": "1_000"},
        {"N": "NaN"},
        {"N": "1" * 39},
        {"N": "1E126000"},
        {"N": 1},
        {"S": 1},
        {"B": "not base64"},
        {"BOOL": "true"},
        {"NULL": False},
        {"SS": []},
        {"SS": "ab"},
        {"L": {}},
        {"M": []},
        {"X": "a"},
        {"S": "a", "N": "1"},
        {},
        "a",
        None,
        [{"S": "a"}],
    ],
)
def test_what_dynamodb_refuses_has_a_digest_that_no_item_of_a_table_has(value: Any) -> None:
    digest = item_digest({"v": value})
    assert digest == item_digest({"v": value})
    valid: list[Value] = [{"S": json.dumps(value)}, {"N": "1"}, {"S": "a"}, {"L": []}, {"M": {}}, {"NULL": True}]
    for one in valid:
        assert digest != item_digest({"v": one})


def test_an_item_may_be_nested_as_deeply_as_dynamodb_allows() -> None:
    value: Value = {"S": "deep"}
    for _ in range(32):
        value = {"L": [{"M": {"a": value}}]}
    assert item_digest({"v": value}) != item_digest({"v": {"S": "deep"}})


def test_an_item_that_is_nested_without_end_is_refused() -> None:
    value: Value = {"S": "deep"}
    for _ in range(100_000):
        value = {"L": [value]}
    with pytest.raises(ValueError, match="nested too deeply"):
        item_digest({"v": value})


def test_the_canonical_form_stays_what_is_stored_beside_backups() -> None:
    item = {
        "id": {"S": "a"},
        "n": {"N": "70E-1"},
        "b": {"B": "aGVsbG8="},
        "flags": {"L": [{"BOOL": True}, {"BOOL": False}, {"NULL": True}]},
        "tags": {"SS": ["z", "y"]},
        "map": {"M": {"ns": {"NS": ["2", "1.0"]}, "bs": {"BS": ["AQ=="]}}},
    }
    assert f"{item_digest(item):064x}" == "96a694e36a7c318d93d4685da4a45a3c7eba01eb64bdab687b8f64f73c2768dc"


@given(st.lists(items, max_size=5), st.data())
def test_a_fingerprint_does_not_depend_on_order_or_parts(some: list[Value], data: st.DataObject) -> None:
    whole, parts = Fingerprint(), [Fingerprint(), Fingerprint()]
    for item in some:
        whole.add(item_digest(item))
    for item in data.draw(st.permutations(some)):
        parts[data.draw(st.integers(0, 1))].add(item_digest(item))
    assert parts[0] + parts[1] == whole
    assert Fingerprint.parse(whole.items, str(whole)) == whole


def test_an_item_that_stands_twice_is_not_an_item_that_is_missing() -> None:
    one, twice = Fingerprint(), Fingerprint()
    one.add(item_digest({"id": {"S": "a"}}))
    for _ in range(2):
        twice.add(item_digest({"id": {"S": "a"}}))
    assert one != twice


@pytest.mark.parametrize("text", ["", "x", "-1", "1" * 65])
def test_a_text_that_is_no_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"invalid literal|64 hexadecimal"):
        Fingerprint.parse(1, text)
