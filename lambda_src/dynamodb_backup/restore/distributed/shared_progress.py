"""The progress object of a restore that many invocations carry at the same time.

Each adds what it did since it last added something. Between the phases the whole is counted anew from the jobs' own
states, so what a worker that died had not added, or had added twice, is put right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dynamodb_backup.errors import WriteConflict
from dynamodb_backup.restore.distributed.jobs import Job
from dynamodb_backup.restore.progress import Progress, TableProgress, emit_percent
from dynamodb_backup.restore.state import TableState
from dynamodb_backup.timing import iso
from dynamodb_backup.turns.means import Means

__all__ = ["JobProgress", "SharedProgress", "restore_of"]

MOST_TRIES = 5
ADDED = ("files_verified", "files_done", "items_verified", "items_written", "items_failed")


def restore_of(part_id: str) -> str:
    """Return the restore that a table's restore is a part of."""
    return part_id.rpartition("-")[0]


class SharedProgress:
    """Changes the object by conditional writes; who comes too late several times leaves it to others."""

    def __init__(self, means: Means, part_id: str) -> None:
        self._store = means.store
        self._restore_id = restore_of(part_id)
        self._key = means.layout.progress(self._restore_id)
        self._environment = means.settings.environment
        self._clock = means.clock

    def begin(self, tables: list[TableProgress], *, dry_run: bool) -> None:
        now = self._clock()
        self._store.put(
            self._key, Progress(self._restore_id, dry_run, iso(now), iso(now)).brought_to(tables, now).to_json()
        )

    def publish(self, tables: list[TableProgress]) -> None:
        """Replace the rows of these tables."""
        exact = {table.target_table: table for table in tables}
        self._change(lambda row: exact.get(row.target_table, row))

    def add(self, target: str, more: dict[str, int]) -> bool:
        """Add to the row of a table, and return whether that succeeded."""

        def added(row: TableProgress) -> TableProgress:
            if row.target_table != target:
                return row
            sums = {name: getattr(row, name) + count for name, count in more.items()}
            return replace(row, **sums)

        return self._change(added)

    def _change(self, change: Callable[[TableProgress], TableProgress]) -> bool:
        for _ in range(MOST_TRIES):
            stored = self._store.get(self._key)
            before = Progress.parse(self._key, stored.body)
            after = before.brought_to([change(row) for row in before.tables], self._clock())
            try:
                self._store.put_if_unchanged(self._key, after.to_json(), stored.etag)
            except WriteConflict:
                continue
            emit_percent(after, self._environment)
            return True
        return False


class JobProgress:
    """Adds what one job did."""

    def __init__(self, shared: SharedProgress, job: Job, state: TableState) -> None:
        self._shared = shared
        self._job = job
        self._reported = self._counts(TableProgress.of(state, dry_run=False))

    def publish(self, tables: list[TableProgress]) -> None:
        counts = self._counts(tables[0])
        more = {name: count - self._reported[name] for name, count in counts.items()}
        if any(more.values()) and self._shared.add(tables[0].target_table, more):
            self._reported = counts

    def _counts(self, row: TableProgress) -> dict[str, int]:
        counts = {name: getattr(row, name) for name in ADDED}
        if self._job.phase == "write" and (self._job.first or self._job.until is not None):
            counts["files_done"] = 0  # a slice is not a file
        return counts
