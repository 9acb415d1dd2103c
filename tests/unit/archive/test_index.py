"""The key index never says "no" of a file that holds the key, over turns, altered bytes and exchanged files."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamodb_backup.archive.index import FileFilter, FilterBuilder, KeyIndex
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.errors import BackupDamaged
from dynamodb_backup.table.keys import KeySchema

KEYS = KeySchema((("id", "S"),))


def digest(name: str) -> bytes:
    return KEYS.digest({"id": {"S": name}})


def filter_of(names: list[str], *, complete: bool = True) -> FileFilter:
    builder = FilterBuilder()
    for name in names:
        builder.add(digest(name))
    return builder.build("md5", len(names), complete=complete)


@given(st.lists(st.text(max_size=3), max_size=200))
def test_what_is_in_a_file_is_found(names: list[str]) -> None:
    stored = KeyIndex(("id", "S"), {"md5": filter_of(names)}).to_bytes()
    index = KeyIndex.parse("index", stored)
    assert all(index.may_hold("md5", digest(name)) for name in names)


def test_most_of_what_is_not_in_a_file_is_not_found() -> None:
    one = filter_of([str(number) for number in range(5000)])
    assert sum(one.may_hold(digest(f"other {number}")) for number in range(5000)) <= 2
    assert len(one.prefixes) <= 5000 * 4


def test_an_unknown_file_and_an_unfinished_filter_may_hold_anything() -> None:
    index = KeyIndex(("id", "S"), {"md5": filter_of(["a"], complete=False)})
    assert index.may_hold("md5", digest("z"))
    assert index.may_hold("of another file", digest("z"))


@given(st.lists(st.text(max_size=3)), st.lists(st.text(max_size=3)))
def test_a_filter_goes_on_where_an_earlier_turn_stopped(first: list[str], second: list[str]) -> None:
    builder = FilterBuilder(filter_of(first, complete=False))
    for name in second:
        builder.add(digest(name))
    assert builder.build("md5", 0, complete=True).prefixes == filter_of(first + second).prefixes


def test_any_altered_byte_is_noticed() -> None:
    stored = KeyIndex(("id", "S"), {"md5": filter_of(["a", "b"])}).to_bytes()
    for position in range(len(stored)):
        altered = bytearray(stored)
        altered[position] ^= 1
        with pytest.raises(BackupDamaged, match="key index here is altered"):
            KeyIndex.parse("here", bytes(altered))
    with pytest.raises(BackupDamaged):
        KeyIndex.parse("here", b"")


@pytest.mark.parametrize("place", ["", "native-exports/2026-01-31/orders/"])
def test_it_lies_beside_the_export(place: str) -> None:
    assert Layout.key_index(f"{place}AWSDynamoDB/0179-ab/") == f"{place}key-index/0179-ab"


@pytest.mark.parametrize(
    "header", [b"", b"[]", b"{}", b'{"partition_key":["id"],"files":[]}', b'{"partition_key":["id","S"],"files":[[1]]}']
)
def test_a_header_of_another_form_is_damage_although_its_checksum_is_right(header: bytes) -> None:
    body = b"dynamodb-backup key index 1\n" + header + b"\n"
    with pytest.raises(BackupDamaged, match="key index some/index is malformed"):
        KeyIndex.parse("some/index", body + hashlib.sha256(body).digest())
