"""The write mode ``mirror``: after everything has been written, delete what the backup does not hold. Never before.

The table is never empty, and what the backup holds is never deleted: its keys are collected while the backup is
verified, as 16-byte digests, and only keys outside them are deleted.
"""

from __future__ import annotations

import threading

from dynamodb_backup.aws import Clients
from dynamodb_backup.errors import TimeIsUp, ToolError
from dynamodb_backup.pool import run_workers
from dynamodb_backup.restore.state import TableState
from dynamodb_backup.table.batch_write import MOST_BATCH_ITEMS
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.table.scan import Segment, key_page
from dynamodb_backup.table.write_budget import ItemWriter
from dynamodb_backup.timing import Deadline
from dynamodb_backup.verify.digests import BackupDigests

__all__ = ["Mirror"]


class Mirror:
    """Deletes from the target table every key that the backup does not hold."""

    def __init__(
        self, clients: Clients, state: TableState, keys: KeySchema, backup: BackupDigests, deadline: Deadline
    ) -> None:
        self._client = clients.dynamodb
        self._state = state
        self._keys = keys
        self._backup = backup
        self._deadline = deadline
        self._counting = threading.Lock()

    def run(self, writer: ItemWriter, workers: int) -> bool:
        """Scan the table's keys and delete the extra ones; ``False`` means that time was up.

        Raises ``ClientError`` where DynamoDB refuses for a cause that time does not mend, and ``ToolError`` where it
        refuses to delete a key that it has just returned.
        """
        if not self._state.segments:
            self._state.segments = [Segment(number) for number in range(workers)]
        total = len(self._state.segments)

        def clear(segment: Segment) -> None:
            self._clear_segment(segment, total, writer)

        return run_workers(workers, [one for one in self._state.segments if not one.done], clear, self._deadline)

    def _clear_segment(self, segment: Segment, total: int, writer: ItemWriter) -> None:
        while not segment.done:
            page, last = key_page(self._client, self._state.target, self._keys, segment, total)
            extra = [key for key in page if self._backup.find(self._keys.digest(key)) is None]
            for start in range(0, len(extra), MOST_BATCH_ITEMS):
                self._delete(writer, extra[start : start + MOST_BATCH_ITEMS])
            segment.start, segment.done = last, last is None
            if self._deadline.passed() and not segment.done:
                raise TimeIsUp("deleting what the backup does not hold goes on in the next turn")

    def _delete(self, writer: ItemWriter, keys: list[dict[str, object]]) -> None:
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
