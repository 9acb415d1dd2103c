"""One change: races with others who write the same item. Nothing of theirs is lost, nothing reverted on a guess."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from dynamodb_backup.archive.incremental import Change
from dynamodb_backup.table.live_items import LiveItems, Replacement
from dynamodb_backup.undo.leftovers import Leftovers
from dynamodb_backup.undo.revert import CHANGED_AFTER, FAILED, REVERTED, Reverter

Item = dict[str, Any]

KEY: Item = {"id": {"S": "a"}}
OLD: Item = KEY | {"v": {"N": "1"}}
NEW: Item = KEY | {"v": {"N": "2"}}
UPDATE = Change(KEY, OLD, NEW, 1)


class Table:
    """One item, with a condition as DynamoDB's: it compares the attributes that are expected, and no others."""

    def __init__(self, item: Item | None) -> None:
        self.item = item
        self.before_writes: list[Callable[[], None]] = []
        self.refusal: str | None = None

    def read(self, _keys: object) -> dict[bytes, Item]:
        return {b"a": self.item} if self.item else {}

    def replace(self, _key: Item, expected: Item | None, wanted: Item | None) -> Replacement:
        if self.before_writes:
            self.before_writes.pop(0)()
        if self.refusal:
            return Replacement(done=False, refused=self.refusal)
        if (expected is None) != (self.item is None) or not (expected or {}).items() <= (self.item or {}).items():
            return Replacement(done=False)
        before, self.item = self.item, wanted
        return Replacement(done=True, before=before)

    def becomes(self, item: Item | None) -> None:
        self.item = item


class Left:
    """Leftovers in memory."""

    def __init__(self) -> None:
        self.keys: list[Item] = []
        self.items: list[Item] = []

    def not_reverted(self, keys: Item, _why: str) -> None:
        self.keys.append(keys)

    def overwritten(self, item: Item) -> None:
        self.items.append(item)


def revert(table: Table, left: Left, change: Change = UPDATE, *, live: Item | None = NEW, allow: bool = False) -> str:
    reverter = Reverter(cast("LiveItems", table), cast("Leftovers", left), dry_run=False, allow_changed_after=allow)
    reverter.keep(change, live)
    return reverter.revert(change, live)


def test_an_item_that_changes_between_reading_and_writing_stays() -> None:
    table, left = Table(NEW), Left()
    newest = KEY | {"v": {"N": "3"}}
    table.before_writes = [lambda: table.becomes(newest)]
    assert revert(table, left) == CHANGED_AFTER
    assert (table.item, left.keys, left.items) == (newest, [KEY], [])


def test_an_attribute_added_in_that_instant_is_put_back() -> None:
    table, left = Table(NEW), Left()
    more = NEW | {"added": {"S": "x"}}
    table.before_writes = [lambda: table.becomes(more)]
    assert revert(table, left) == CHANGED_AFTER
    assert (table.item, left.keys) == (more, [KEY])


def test_an_attribute_added_to_an_inserted_item_is_put_back() -> None:
    table, left = Table(NEW), Left()
    more = NEW | {"added": {"S": "x"}}
    table.before_writes = [lambda: table.becomes(more)]
    assert revert(table, left, Change(KEY, None, NEW, 1)) == CHANGED_AFTER
    assert (table.item, left.keys) == (more, [KEY])


def test_what_cannot_be_put_back_any_more_is_kept() -> None:
    table, left = Table(NEW), Left()
    more, newest = NEW | {"added": {"S": "x"}}, KEY | {"v": {"N": "9"}}
    table.before_writes = [lambda: table.becomes(more), lambda: table.becomes(newest)]
    assert revert(table, left) == CHANGED_AFTER
    assert (table.item, left.keys, left.items) == (newest, [KEY], [more])


def test_an_item_that_appears_where_it_had_been_deleted_stays() -> None:
    table, left = Table(None), Left()
    table.before_writes = [lambda: table.becomes(NEW)]
    assert revert(table, left, Change(KEY, OLD, None, 1), live=None) == CHANGED_AFTER
    assert (table.item, left.keys) == (NEW, [KEY])


def test_told_so_every_version_that_is_overwritten_is_kept() -> None:
    third, fourth = KEY | {"v": {"N": "3"}}, KEY | {"v": {"N": "4"}}
    table, left = Table(third), Left()
    table.before_writes = [lambda: table.becomes(fourth)]
    assert revert(table, left, live=third, allow=True) == REVERTED
    assert table.item == OLD
    assert fourth in left.items


def test_an_item_that_never_stands_still_is_given_up() -> None:
    table, left = Table(NEW), Left()
    changing = [KEY | {"v": {"N": str(number)}} for number in range(10, 20)]
    table.before_writes = [lambda one=one: table.becomes(one) for one in changing]  # type: ignore[misc]
    assert revert(table, left, allow=True) == CHANGED_AFTER
    assert (table.item, left.keys) == (changing[4], [KEY])


def test_what_dynamodb_refuses_is_failed() -> None:
    table, left = Table(NEW), Left()
    table.refusal = "ValidationException: an index wants a number"
    assert revert(table, left) == FAILED
    assert (table.item, left.keys) == (NEW, [KEY])
