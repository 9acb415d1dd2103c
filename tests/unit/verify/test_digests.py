"""The digests of a backup: collected in several turns, looked up in any."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.errors import TimeIsUp
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.timing import Deadline
from dynamodb_backup.verify import digests
from dynamodb_backup.verify.digests import BackupDigests, DigestsState, short_digest
from dynamodb_backup.verify.fingerprint import item_digest

KEYS = KeySchema((("id", "S"),))


class MemoryStore(ObjectStore):
    """A bucket in memory, as far as digests need one."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put(self, key: str, body: bytes, *, content_type: str = "application/json") -> str:
        self.objects[key] = body
        return '"etag"'

    def get(self, key: str) -> Any:
        return type("Stored", (), {"body": self.objects[key]})


def item(number: int, value: str = "a") -> dict[str, Any]:
    return {"id": {"S": f"item-{number}"}, "v": {"S": value}}


def collected(turns: list[list[dict[str, Any]]], *, with_items: bool = True) -> BackupDigests:
    """Collect in some turns, each going on from the checkpoint of the one before, and return the last one's."""
    store, state = MemoryStore(), DigestsState()
    found = BackupDigests(store, "folder/", state, with_items=with_items)
    for number, turn in enumerate(turns, start=1):
        found = BackupDigests(store, "folder/", state, with_items=with_items)
        for one in turn:
            found.add(KEYS, one)
        if number < len(turns):
            found.save()
    return found


@given(st.sets(st.integers(0, 500)), st.integers(1, 4), st.booleans())
def test_what_was_collected_in_any_turn_is_found(numbers: set[int], turns: int, with_items: bool) -> None:
    held = sorted(numbers)
    found = collected([[item(one) for one in held[turn::turns]] for turn in range(turns)], with_items=with_items)
    assert len(found) == len(held)
    positions = set()
    for number in held:
        digest = KEYS.digest(item(number))
        position = found.find(digest)
        assert position is not None
        positions.add((digest[0], position))
        if with_items:
            assert found.item_at(digest[0], position) == short_digest(item_digest(item(number)))
    assert len(positions) == len(held)
    assert all(found.find(KEYS.digest(item(number))) is None for number in range(501, 520))
    assert found.duplicates(Deadline(900)) == 0


def test_positions_are_the_same_whatever_the_turns_were() -> None:
    items = [item(number) for number in range(200)]
    one, other = collected([items]), collected([items[100:], items[:100], []])
    assert [one.find(KEYS.digest(it)) for it in items] == [other.find(KEYS.digest(it)) for it in items]


def test_a_key_that_stands_twice_is_counted_also_if_the_items_differ() -> None:
    assert collected([[item(1), item(2)], [item(1, "b"), item(1)]]).duplicates(Deadline(900)) == 2


def test_items_of_one_key_are_told_apart() -> None:
    found = collected([[item(1)]])
    digest = KEYS.digest(item(1))
    assert found.item_at(digest[0], found.find(digest) or 0) != short_digest(item_digest(item(1, "b")))


def test_looking_for_duplicates_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "KEYS_PER_SHORTEST_TURN", 1)
    found = collected([[item(number) for number in range(1000)] * 2])
    turns = 0
    while True:
        try:
            assert found.duplicates(Deadline(0)) == 1000
            break
        except TimeIsUp:
            turns += 1
    assert turns > 10


def test_an_item_without_the_key_is_refused() -> None:
    with pytest.raises(ValueError, match="key"):
        collected([[{"other": {"S": "a"}}]])
