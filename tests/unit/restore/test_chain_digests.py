"""The last state of each key of a full backup and its increments, also when it was collected in several turns."""

from __future__ import annotations

import pytest

from dynamodb_backup.archive.incremental import Change
from dynamodb_backup.errors import BackupDamaged
from dynamodb_backup.restore.chain_digests import ChainDigests
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.timing import Deadline
from dynamodb_backup.verify.digests import DigestsState, short_digest
from dynamodb_backup.verify.fingerprint import item_digest
from tests.unit.restore.fake_s3 import FakeS3

KEYS = KeySchema((("id", "S"),))


def item(name: str, value: str = "0") -> dict[str, dict[str, str]]:
    return {"id": {"S": name}, "value": {"N": value}}


def put(name: str, value: str) -> Change:
    return Change({"id": {"S": name}}, None, item(name, value), 1)


def deleted(name: str) -> Change:
    return Change({"id": {"S": name}}, None, None, 1)


def digests(s3: FakeS3, state: DigestsState) -> ChainDigests:
    return ChainDigests(s3.store(), "digests/", state, with_items=True)


def held(found: ChainDigests, name: str) -> bytes | None:
    """Return the short digest of what is held of a key."""
    digest = KEYS.digest(item(name))
    position = found.find(digest)
    return None if position is None else found.item_at(digest[0], position)


@pytest.mark.parametrize("turns", [1, 3])
def test_the_last_window_of_each_key_counts(turns: int) -> None:
    s3, state = FakeS3({}), DigestsState()
    changes = [(1, deleted("b")), (1, put("c", "1")), (2, put("b", "2")), (2, deleted("d")), (1, put("d", "1"))]
    steps: list[str | tuple[int, Change]] = ["a", "b", "c", "e", *changes]
    found = digests(s3, state)
    for number, step in enumerate(steps):
        if turns > 1 and number % turns == 0:
            found.save()
            found = digests(s3, state)
        if isinstance(step, str):
            found.add(KEYS, item(step))
        else:
            found.follow(KEYS, *step)
    found.check_windows()
    assert found.duplicates(Deadline(60)) == 0
    found.resolve()
    found.resolve()
    assert len(found) == 4
    for name, value in (("a", "0"), ("b", "2"), ("c", "1"), ("e", "0")):
        assert held(found, name) == short_digest(item_digest(item(name, value)))
    assert held(found, "d") is None


def test_changes_that_are_collected_after_a_look_at_an_earlier_turns_full_backup_count() -> None:
    s3, state = FakeS3({}), DigestsState()
    first_turn = digests(s3, state)
    for name in "ab":
        first_turn.add(KEYS, item(name))
    first_turn.save()
    found = digests(s3, state)
    assert (len(found), found.duplicates(Deadline(60))) == (2, 0)
    for change in (put("c", "1"), deleted("a")):
        found.follow(KEYS, 1, change)
    found.check_windows()
    found.resolve()
    assert [held(found, name) is not None for name in "abc"] == [False, True, True]


def test_two_items_of_the_full_backup_with_one_key_are_counted() -> None:
    found = digests(FakeS3({}), DigestsState())
    for value in "12":
        found.add(KEYS, item("a", value))
    found.follow(KEYS, 1, put("a", "3"))
    assert found.duplicates(Deadline(60)) == 1


def test_two_changes_of_one_key_in_a_window_are_damage() -> None:
    found = digests(FakeS3({}), DigestsState())
    found.follow(KEYS, 1, put("a", "1"))
    found.follow(KEYS, 1, deleted("a"))
    with pytest.raises(BackupDamaged, match="several changes of one key"):
        found.check_windows()


@pytest.mark.parametrize(
    "change",
    [
        Change({"other": {"S": "a"}}, None, None, 1),
        Change({"id": {"S": "a"}, "sort": {"S": "b"}}, None, None, 1),
        Change({"id": {"S": "a"}}, None, item("b"), 1),
        Change({"id": {"N": "1"}}, None, None, 1),
        Change({"id": {"S": "a"}}, None, {"value": {"N": "1"}}, 1),
    ],
)
def test_a_change_of_another_key_is_refused(change: Change) -> None:
    with pytest.raises(ValueError, match="key"):
        digests(FakeS3({}), DigestsState()).follow(KEYS, 1, change)
