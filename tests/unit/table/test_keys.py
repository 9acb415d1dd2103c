"""Equal keys have equal digests, and only they."""

from __future__ import annotations

from base64 import b64encode
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamodb_backup.table.keys import DIGEST_BYTES, KeySchema, canonical_number

ONE = {kind: KeySchema((("k", kind),)) for kind in "SNB"}
TWO = KeySchema((("a", "S"), ("b", "S")))


def number_digest(text: str) -> bytes:
    return ONE["N"].digest({"k": {"N": text}})


def spellings(number: Decimal) -> st.SearchStrategy[str]:
    """Return other ways to write the same number."""
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    plain = format(number, "f")
    zeros = plain if "." in plain else f"{plain}."
    scientific = f"{'-' if sign else ''}{''.join(map(str, digits))}E{exponent:+d}"
    return st.sampled_from([plain, f"{zeros}000", scientific, scientific.lower(), f"{number:e}", f"{number:E}"])


numbers = st.decimals(allow_nan=False, allow_infinity=False).filter(
    lambda number: len(number.as_tuple().digits) <= 38 and -130 <= number.adjusted() <= 125
)


@given(st.data(), numbers)
def test_equal_numbers_have_equal_digests(data: st.DataObject, number: Decimal) -> None:
    assert number_digest(data.draw(spellings(number))) == number_digest(data.draw(spellings(number)))


@given(numbers, numbers)
def test_digests_of_numbers_are_equal_only_for_equal_numbers(one: Decimal, other: Decimal) -> None:
    assert (number_digest(str(one)) == number_digest(str(other))) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1.0"),
        ("0", "-0"),
        ("0", "0E+10"),
        ("100", "1E+2"),
        ("12345678901234567890123456789012345678", "1234567890123456789012345678901234567.8E1"),
        ("1E-130", "0.1E-129"),
    ],
)
def test_numbers_that_are_one_key(one: str, other: str) -> None:
    assert number_digest(one) == number_digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "-1"),
        ("9" * 38, "9" * 37 + "8"),
        ("0." + "0" * 129 + "1", "0." + "0" * 128 + "1"),
        ("1" + "0" * 37, "1" + "0" * 36),
    ],
)
def test_numbers_that_are_two_keys(one: str, other: str) -> None:
    assert number_digest(one) != number_digest(other)


@given(st.tuples(st.text(), st.text()), st.tuples(st.text(), st.text()))
def test_composite_keys_are_never_mixed_up(one: tuple[str, str], other: tuple[str, str]) -> None:
    def digest(pair: tuple[str, str]) -> bytes:
        return TWO.digest({"a": {"S": pair[0]}, "b": {"S": pair[1]}})

    assert (digest(one) == digest(other)) == (one == other)


@given(st.text(alphabet='ab",:12\\', max_size=6), st.text(alphabet='ab",:12\\', max_size=6), st.integers(0, 12))
def test_moving_the_border_between_two_parts_changes_the_digest(one: str, two: str, border: int) -> None:
    whole = one + two
    moved = (whole[:border], whole[border:])
    assert (
        TWO.digest({"a": {"S": one}, "b": {"S": two}}) == TWO.digest({"a": {"S": moved[0]}, "b": {"S": moved[1]}})
    ) == (moved == (one, two))


@given(st.binary())
def test_binary_keys_are_the_same_as_json_and_as_boto3_have_them(raw: bytes) -> None:
    digest = ONE["B"].digest({"k": {"B": raw}})
    assert digest == ONE["B"].digest({"k": {"B": b64encode(raw).decode()}})
    assert len(digest) == DIGEST_BYTES


def test_both_base64_spellings_of_the_same_bytes_are_one_key() -> None:
    assert ONE["B"].digest({"k": {"B": "YR=="}}) == ONE["B"].digest({"k": {"B": "YQ=="}})


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"other": {"N": "1"}},
        {"k": {"S": "1"}},
        {"k": "1"},
        {"k": None},
        {"k": ["N"]},
        {"k": {"N": "abc"}},
        {"k": {"N": ""}},
        {"k": {"N": "sNaN"}},
        {"k": {"N": "1E+1000000000"}},
        {"k": {"N": "1E+99999999999999999999"}},
        {"k": {"N": None}},
        {"k": {"N": ["1"]}},
        {"k": {"N": {"N": "1"}}},
    ],
    ids=repr,
)
def test_an_item_without_the_key_is_a_value_error(item: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="key"):
        ONE["N"].digest(item)


def test_the_schema_is_read_with_the_partition_key_first() -> None:
    schema = KeySchema.of(
        {
            "KeySchema": [
                {"AttributeName": "at", "KeyType": "RANGE"},
                {"AttributeName": "id", "KeyType": "HASH"},
            ],
            "AttributeDefinitions": [
                {"AttributeName": "index-only", "AttributeType": "B"},
                {"AttributeName": "at", "AttributeType": "N"},
                {"AttributeName": "id", "AttributeType": "S"},
            ],
        }
    )
    assert schema == KeySchema((("id", "S"), ("at", "N")))
    assert schema.names == ("id", "at")
    assert str(schema) == "id (S) + at (N)"


@pytest.mark.parametrize("text", ["9" * 300_000 + end for end in ("", "x", ".x", "e", "e9", "e-9", "E" + "9" * 9)])
def test_a_number_as_long_as_an_item_is_refused_at_once(text: str) -> None:
    """Looked at from each of its digits anew, one such text took hours."""
    with pytest.raises(ValueError, match="not a number"):
        canonical_number(text)
