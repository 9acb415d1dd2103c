"""How far a restore is: one small object in S3 that anybody may read at any time, and metrics."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.errors import BackupDamaged, ToolError
from dynamodb_backup.restore.state import RestoreState, TableState
from dynamodb_backup.strict_json import read_json
from dynamodb_backup.telemetry import emit, logger
from dynamodb_backup.timing import iso, moment_of
from dynamodb_backup.turns.means import Means
from dynamodb_backup.typed_record import record_of

__all__ = ["OwnProgress", "Progress", "ProgressReporter", "Publisher", "TableProgress", "emit_percent"]

FIRST_REPORT_SECONDS = 5.0
"""A restore that takes less has nothing to report but its answer."""

REPORT_SECONDS = 10.0


@dataclass
class TableProgress:
    """One table's share of a restore's progress. Counts are files and items."""

    table_name: str
    target_table: str
    phase: str
    status: str
    files_total: int = 0
    files_verified: int = 0
    files_done: int = 0
    items_expected: int = 0
    items_verified: int = 0
    items_written: int = 0
    items_failed: int = 0
    items_deleted: int = 0

    @classmethod
    def of(cls, state: TableState, *, dry_run: bool) -> TableProgress:
        verified = [file.verified for file in state.all_files]
        return cls(
            table_name=state.source,
            target_table=state.target,
            phase=state.phase,
            status=state.status,
            files_total=len(state.all_files),
            files_verified=sum(one.done for one in verified),
            files_done=sum(one.done for one in verified) if dry_run else sum(file.written for file in state.all_files),
            items_expected=state.items_expected,
            items_verified=sum(one.items for one in verified),
            items_written=state.items_written,
            items_failed=state.items_failed,
            items_deleted=state.items_deleted + state.changes_deleted,
        )

    def done(self, *, dry_run: bool) -> int:
        """Return the items that need nothing more; a table that has ended, well or not, needs nothing more either."""
        if self.status != "IN_PROGRESS":
            return self.items_expected
        settled = self.items_verified if dry_run else self.items_written + self.items_failed
        return min(settled, self.items_expected)


@dataclass
class Progress:
    """A restore's progress. ``percent`` is of items: settled ones, in a dry run verified ones.

    ``moving_since`` and ``moving_from`` are the moment and the item count from which the rate is taken: verification is
    so much faster than writing that it says nothing about it.
    """

    restore_id: str
    dry_run: bool
    started_at: str
    updated_at: str
    tables: list[TableProgress] = field(default_factory=list)
    moving_since: str | None = None
    moving_from: int = 0

    def brought_to(self, tables: list[TableProgress], now: datetime) -> Progress:
        """Return the progress as of now."""
        fresh = Progress(self.restore_id, self.dry_run, self.started_at, iso(now), tables)
        fresh.moving_since, fresh.moving_from = self.moving_since, self.moving_from
        if fresh.moving_since is None and fresh.items_done:
            fresh.moving_since, fresh.moving_from = iso(now), fresh.items_done
        return fresh

    @property
    def items_done(self) -> int:
        return sum(table.done(dry_run=self.dry_run) for table in self.tables)

    @property
    def items_expected(self) -> int:
        return sum(table.items_expected for table in self.tables)

    @property
    def status(self) -> str:
        return "IN_PROGRESS" if any(table.status == "IN_PROGRESS" for table in self.tables) else "ENDED"

    @property
    def percent(self) -> float:
        """Return 0 to 100; 100 only when every table has ended."""
        if self.status == "ENDED":
            return 100.0
        expected = self.items_expected
        return min(99.9, round(100 * self.items_done / expected, 1)) if expected else 0.0

    @property
    def estimated_end(self) -> str | None:
        """Return when the last item will be settled at the rate so far; ``None`` while there is no rate, or no need."""
        if self.moving_since is None or self.status == "ENDED":
            return None
        now = moment_of(self.updated_at)
        seconds = (now - moment_of(self.moving_since)).total_seconds()
        moved = self.items_done - self.moving_from
        if seconds <= 0 or moved <= 0:
            return None
        try:
            return iso(now + timedelta(seconds=seconds * (self.items_expected - self.items_done) / moved))
        except OverflowError:
            return None  # after the year 9999

    def to_json(self) -> bytes:
        document: dict[str, Any] = {
            "restore_id": self.restore_id,
            "status": self.status,
            "dry_run": self.dry_run,
            "percent": self.percent,
            "started_at": self.started_at,
            "updated_at": self.updated_at,
            "estimated_end": self.estimated_end,
        }
        for name in ("files_total", "files_done", "items_expected", "items_written"):
            document[name] = sum(getattr(table, name) for table in self.tables)
        document["tables"] = [asdict(table) for table in self.tables]
        document |= {"moving_since": self.moving_since, "moving_from": self.moving_from}
        return json.dumps(document).encode()

    @classmethod
    def parse(cls, key: str, body: bytes) -> Progress:
        """Read what ``to_json`` wrote, also if a newer version wrote more.

        Raises
        ------
        BackupDamaged
            It is not a progress object.
        """
        try:
            progress = record_of(cls, read_json(body))
            for moment in (progress.started_at, progress.updated_at, progress.moving_since):
                if moment is not None:
                    moment_of(moment)
        except ValueError as error:
            raise BackupDamaged(f"progress {key} is malformed: {error}") from error
        return progress


class Publisher(Protocol):
    """Where progress is published."""

    def publish(self, tables: list[TableProgress]) -> None: ...


class OwnProgress:
    """The progress object of a restore that one invocation after the other carries."""

    def __init__(self, means: Means, state: RestoreState, *, dry_run: bool) -> None:
        self._store = means.store
        self._key = means.layout.progress(state.id)
        self._state = state
        self._dry_run = dry_run
        self._environment = means.settings.environment
        self._clock = means.clock
        self._progress: Progress | None = None
        self._began = iso(means.clock())

    def publish(self, tables: list[TableProgress]) -> None:
        before = self._progress or self._of_earlier_turns()
        self._progress = before.brought_to(tables, self._clock())
        self._store.put(self._key, self._progress.to_json())
        emit_percent(self._progress, self._environment)

    def _of_earlier_turns(self) -> Progress:
        stored = self._store.find(self._key) if self._state.turns > 1 else None
        if stored:
            return Progress.parse(self._key, stored.body)
        return Progress(self._state.id, self._dry_run, self._began, self._began)


def emit_percent(progress: Progress, environment: str) -> None:
    """Emit the metric of a restore that writes."""
    if not progress.dry_run:
        emit({"RestorePercent": progress.percent}, environment=environment)


class ProgressReporter:
    """Publishes progress every ten seconds from a thread of its own, while the restore itself goes on.

    It only looks at the state and never changes it. Progress that cannot be published is worth a line in the log, and
    never stops a restore.
    """

    def __init__(self, publisher: Publisher, state: RestoreState, *, dry_run: bool, shared: bool = False) -> None:
        self._publisher = publisher
        self._state = state
        self._dry_run = dry_run
        self._stop = threading.Event()
        self._known = shared or state.turns > 1
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def __enter__(self) -> ProgressReporter:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._known or any(table.open for table in self._state.tables):
            self._report()

    def _run(self) -> None:
        pause = REPORT_SECONDS if self._known else FIRST_REPORT_SECONDS
        while not self._stop.wait(pause):
            self._known = True
            self._report()
            pause = REPORT_SECONDS

    def _report(self) -> None:
        try:
            self._publisher.publish([TableProgress.of(one, dry_run=self._dry_run) for one in self._state.tables])
        except (ToolError, *AWS_ERRORS) as error:
            logger.warning("progress is not reported", restore_id=self._state.id, error=explain(error))
