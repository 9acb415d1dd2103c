"""clear_existing_data: after everything has been written, delete what the backup does not hold. Never before.

The table is never empty, and what the backup holds is never deleted: its keys are collected while the backup is
verified, as 16-byte digests, and only keys outside them are deleted.
"""

from __future__ import annotations

import threading

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws import Clients
from dynamodb_backup.errors import TimeIsUp, ToolError
from dynamodb_backup.pool import run_workers
from dynamodb_backup.restore.state import TableState
from dynamodb_backup.table.batch_write import MOST_BATCH_ITEMS, BatchWriter
from dynamodb_backup.table.keys import DIGEST_BYTES, KeySchema
from dynamodb_backup.table.scan import Segment, key_page
from dynamodb_backup.timing import Deadline

__all__ = ["BackupKeys", "Mirror"]

KEYS_PER_PASS = 4_000_000
"""A set of so many digests takes about 400 MB; a larger table is compared in several passes over its keys."""


class BackupKeys:
    """The digests of all keys of a table's backup, one run of bytes per data file; kept in S3 between turns."""

    def __init__(self, store: ObjectStore, layout: Layout, restore_id: str, state: TableState) -> None:
        self._store = store
        self._state = state
        self._layout = layout
        self._restore_id = restore_id
        self._digests: dict[int, bytearray] = {}
        self._saved: dict[int, int] = {}

    def of_file(self, number: int) -> bytearray:
        """Return the digests of one file collected so far; what an earlier turn collected is read back."""
        if number not in self._digests:
            begun = self._state.files[number].verified.items > 0
            self._digests[number] = bytearray(self._store.get(self._key(number)).body if begun else b"")
            self._saved[number] = len(self._digests[number])
        return self._digests[number]

    def _key(self, number: int) -> str:
        return self._layout.key_digests(self._restore_id, self._state.target, number)

    def save(self) -> None:
        """Keep in S3, for the next turn, what this turn collected."""
        for number, digests in self._digests.items():
            if len(digests) > self._saved[number]:
                self._store.put(self._key(number), bytes(digests), content_type="application/octet-stream")
                self._saved[number] = len(digests)

    def in_pass(self, number: int, passes: int) -> set[bytes]:
        """Return the digests that belong to one of so many passes."""
        return {
            digest
            for file in range(len(self._state.files))
            for digest in _split(self.of_file(file))
            if _pass_of(digest, passes) == number
        }


class Mirror:
    """Deletes from the target table every key that the backup does not hold."""

    def __init__(
        self, clients: Clients, state: TableState, keys: KeySchema, backup: BackupKeys, deadline: Deadline
    ) -> None:
        self._client = clients.dynamodb
        self._state = state
        self._keys = keys
        self._backup = backup
        self._deadline = deadline
        self._counting = threading.Lock()

    def run(self, writer: BatchWriter, workers: int) -> bool:
        """Scan the table's keys and delete the extra ones; ``False`` means that time was up.

        Raises ``ClientError`` where DynamoDB refuses for a cause that time does not mend, and ``ToolError`` where it
        refuses to delete a key that it has just returned.
        """
        passes = -(-self._state.items_expected // KEYS_PER_PASS) or 1
        while self._state.delete_pass < passes:
            keep = self._backup.in_pass(self._state.delete_pass, passes)
            if not self._state.segments:
                self._state.segments = [Segment(number) for number in range(workers)]
            total = len(self._state.segments)

            def clear(segment: Segment, keep: set[bytes] = keep, total: int = total) -> None:
                self._clear_segment(segment, total, keep, passes, writer)

            if not run_workers(workers, [one for one in self._state.segments if not one.done], clear, self._deadline):
                return False
            self._state.segments = []
            self._state.delete_pass += 1
        return True

    def _clear_segment(self, segment: Segment, total: int, keep: set[bytes], passes: int, writer: BatchWriter) -> None:
        while not segment.done:
            page, last = key_page(self._client, self._state.target, self._keys, segment, total)
            extra = []
            for key in page:
                digest = self._keys.digest(key)
                if _pass_of(digest, passes) == self._state.delete_pass and digest not in keep:
                    extra.append(key)
            for start in range(0, len(extra), MOST_BATCH_ITEMS):
                self._delete(writer, extra[start : start + MOST_BATCH_ITEMS])
            segment.start, segment.done = last, last is None
            if self._deadline.passed() and not segment.done:
                raise TimeIsUp("deleting what the backup does not hold goes on in the next turn")

    def _delete(self, writer: BatchWriter, keys: list[dict[str, object]]) -> None:
        outcome = writer.delete(keys)
        with self._counting:
            self._state.items_deleted += outcome.written
        if outcome.refused:
            raise ToolError(
                f"DynamoDB refused to delete {len(outcome.refused)} items of table {self._state.target} that the "
                "backup does not hold, so the table does not equal the backup"
            )
        if outcome.unsettled:
            raise TimeIsUp(f"deleting goes on in the next turn: {outcome.last_trouble}")


def _split(digests: bytearray) -> list[bytes]:
    whole = bytes(digests)
    return [whole[start : start + DIGEST_BYTES] for start in range(0, len(whole), DIGEST_BYTES)]


def _pass_of(digest: bytes, passes: int) -> int:
    return int.from_bytes(digest[:4], "big") % passes
