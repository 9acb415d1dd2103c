"""The keys of a table's backup, collected while it is verified, as 16-byte digests.

They answer two questions: would two items of the backup overwrite each other in the target table, and which items of
the target table does the backup not hold?
"""

from __future__ import annotations

from collections.abc import Iterator

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.restore.state import TableState
from dynamodb_backup.table.keys import DIGEST_BYTES

__all__ = ["BackupKeys"]

KEYS_PER_PASS = 4_000_000
"""A set of so many digests takes about 400 MB; more keys are looked through in several passes."""


class BackupKeys:
    """The digests of one table's backup, in no order; each turn's are kept in S3 as one object."""

    def __init__(self, store: ObjectStore, layout: Layout, restore_id: str, state: TableState) -> None:
        self._store = store
        self._layout = layout
        self._restore_id = restore_id
        self._state = state
        self._collected: list[bytearray] = []
        self._earlier: list[bytes] | None = None

    @property
    def passes(self) -> int:
        return max(1, -(-self._state.items_expected // KEYS_PER_PASS))

    def collector(self) -> bytearray:
        """Return a new run of bytes, to which one thread may append digests."""
        self._collected.append(bytearray())
        return self._collected[-1]

    def save(self) -> None:
        """Keep in S3, for the next turn, what this turn collected."""
        collected = b"".join(self._collected)
        if collected:
            key = self._layout.key_digests(self._restore_id, self._state.target, self._state.key_parts)
            self._store.put(key, collected, content_type="application/octet-stream")
            self._state.key_parts += 1

    def count(self) -> int:
        """Return how many items had a key."""
        return sum(map(len, self._runs())) // DIGEST_BYTES

    def duplicates(self) -> int:
        """Return how many items have a key that another item of the backup has already."""
        return self.count() - sum(len(self.in_pass(number)) for number in range(self.passes))

    def in_pass(self, number: int) -> set[bytes]:
        """Return the keys that belong to one of the passes, each once."""
        return {digest for digest in self._digests() if self.pass_of(digest) == number}

    def pass_of(self, digest: bytes) -> int:
        return int.from_bytes(digest[:4], "big") % self.passes

    def _digests(self) -> Iterator[bytes]:
        for run in self._runs():
            whole = bytes(run)
            for start in range(0, len(whole), DIGEST_BYTES):
                yield whole[start : start + DIGEST_BYTES]

    def _runs(self) -> list[bytes | bytearray]:
        if self._earlier is None:
            keys = (
                self._layout.key_digests(self._restore_id, self._state.target, part)
                for part in range(self._state.key_parts)
            )
            self._earlier = [self._store.get(key).body for key in keys]
        return [*self._earlier, *self._collected]
