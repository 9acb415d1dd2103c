"""What a full backup and the increments behind it hold together, collected while all of them are verified.

Every record of a key carries which window it is of and whether the item was put or deleted there. When all are
collected, the last record of each key counts: that is the state which the restore brings about.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dynamodb_backup.archive.incremental import Change
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.errors import BackupDamaged
from dynamodb_backup.table.keys import DIGEST_BYTES, KeySchema
from dynamodb_backup.timing import Deadline
from dynamodb_backup.verify.digests import BUCKETS, ITEM_BYTES, BackupDigests, DigestsState, short_digest
from dynamodb_backup.verify.fingerprint import item_digest

__all__ = ["ChainDigests"]

ORDER_BYTES = 4
"""Behind a record's digests: the window's number, the full backup being 0, and in the lowest bit whether it is put."""

_BASE = bytes(ORDER_BYTES)


class ChainDigests(BackupDigests):
    """The digests of one table's full backup and increments; looked up, they are those of the last state."""

    def __init__(self, store: ObjectStore, folder: str, state: DigestsState, *, with_items: bool = False) -> None:
        super().__init__(store, folder, state, with_items=with_items)
        self._with_items = with_items
        self._size += ORDER_BYTES
        self._resolved = False

    def add(self, keys: KeySchema, item: Mapping[str, Any]) -> None:
        """Note one item of the full backup. Raises ``ValueError`` as ``BackupDigests.add`` does."""
        self._collect(keys.digest(item), item, _order(0, put=True))

    def follow(self, keys: KeySchema, window: int, change: Change) -> None:
        """Note one change of a window, counted from 1. Safe to call from many threads.

        Raises
        ------
        ValueError
            It does not have exactly this key, or its item has another one.
        """
        digest = keys.digest(change.keys)
        if set(change.keys) != set(keys.names):
            raise ValueError(f"its key is not {keys}")
        if change.new is not None and keys.digest(change.new) != digest:
            raise ValueError("its item has another key than the change")
        self._collect(digest, change.new, _order(window, put=change.new is not None))

    def duplicates(self, deadline: Deadline) -> int:  # noqa: ARG002 - quick: one key of the full backup after the other
        """Return how many items have a key that another item of the full backup has already."""
        duplicates = 0
        for number in range(BUCKETS):
            of_base = [record[:DIGEST_BYTES] for record in self._records(number) if _window(record) == _BASE]
            duplicates += len(of_base) - len(set(of_base))
        return duplicates

    def check_windows(self) -> None:
        """Check that no window has two changes of one key: which of them came last could not be said.

        Raises
        ------
        BackupDamaged
            One has.
        """
        for number in range(BUCKETS):
            changes = [record[:DIGEST_BYTES] + _window(record) for record in self._records(number)]
            of_windows = [change for change in changes if change[DIGEST_BYTES:] != _BASE]
            if len(of_windows) != len(set(of_windows)):
                raise BackupDamaged(
                    "an incremental export has several changes of one key, so its last state is unknown"
                )

    def resolve(self) -> None:
        """Leave only the last state of each key, once all are collected."""
        if not self._resolved:
            self._all = [self._last_states(number) for number in range(BUCKETS)]
            self._sorted = [None] * BUCKETS
            self._size -= ORDER_BYTES
            self._resolved = True

    def _collect(self, digest: bytes, item: Mapping[str, Any] | None, order: bytes) -> None:
        record = digest
        if self._with_items:
            record += short_digest(item_digest(item)) if item is not None else bytes(ITEM_BYTES)
        self._collected[digest[0]] += record + order
        # The full backup is looked at before the windows are read; what was put together for that is not all any more.
        self._all = None

    def _last_states(self, number: int) -> bytes:
        last: dict[bytes, bytes] = {}
        for record in sorted(self._records(number), key=lambda one: one[-ORDER_BYTES:]):
            last[record[:DIGEST_BYTES]] = record
        return b"".join(record[:-ORDER_BYTES] for record in last.values() if record[-1] & 1)


def _order(window: int, *, put: bool) -> bytes:
    return (window << 1 | put).to_bytes(ORDER_BYTES)


def _window(record: bytes) -> bytes:
    """Return the window of a record, or of its order alone, as bytes."""
    return (int.from_bytes(record[-ORDER_BYTES:]) >> 1).to_bytes(ORDER_BYTES)
