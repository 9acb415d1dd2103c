"""Handing superseded backups to S3's lifecycle rules: each of their objects gets the tag of its retention class.

Nothing is deleted here, and no backup depends on it: whatever goes wrong is a warning, the objects stay without a tag,
which keeps them, and the next run goes on.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby

from dynamodb_backup.archive.incremental import read_incremental
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ListedObject, ObjectStore
from dynamodb_backup.aws_errors import AWS_ERRORS, error_code, explain
from dynamodb_backup.backup.handing_over import HandingOver
from dynamodb_backup.backup.manifests import Manifests
from dynamodb_backup.backup.record import RunRecord
from dynamodb_backup.backup.records import RunRecords
from dynamodb_backup.backup.retention_progress import Progress, ProgressRecord, TableProgress
from dynamodb_backup.backup.superseded import Attempt, superseded
from dynamodb_backup.errors import BackupDamaged, BackupNotFound, ObjectMissing, TimeIsUp, ToolError, UnsupportedExport
from dynamodb_backup.pool import run_workers
from dynamodb_backup.settings import Settings
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import Clock, Deadline

__all__ = ["Retention"]

TAG_THREADS = 16
"""At some 30 ms a request about 500 tags a second; S3 takes 3,500 a second under one prefix."""
KEYS_AT_ONCE = 250
"""After so many objects it is noted how far it went."""
DAYS_AT_ONCE = 32

Classified = tuple[Attempt, str | None]


@dataclass(frozen=True)
class _Class:
    """A retention class; a backup with a legal hold (``held``) keeps it for when the hold is taken away."""

    name: str
    held: bool


@dataclass
class Retention:
    """The bucket's superseded backups."""

    settings: Settings
    store: ObjectStore
    layout: Layout
    records: RunRecords
    manifests: Manifests
    deadline: Deadline
    clock: Clock
    handing_over: HandingOver
    _troubles: dict[str, str] = field(default_factory=dict)

    def hand_over(self, run: RunRecord, withheld: Collection[str] = ()) -> list[str]:
        """Tag whatever the verified backups of a finished run have superseded; return warnings and raise nothing.

        ``withheld`` are tables of which nothing is handed over: their item count collapsed.
        """
        if not self.settings.retention_days:
            return []
        attempts = [Attempt(run, table) for table in run.tables.values()]
        tables = {one.table.table_name for one in attempts if one.verified and one.full} - set(withheld)
        if not tables:
            return []
        try:
            self._look_through(tables)
        except TimeIsUp:
            return ["time ran out before all superseded backups had their retention class; the next run goes on"]
        except (ToolError, *AWS_ERRORS) as error:
            self._note_trouble(min(tables), error)
        return self._warnings()

    def _look_through(self, tables: Collection[str]) -> None:
        record = ProgressRecord(self.store, self.layout.retention_progress)
        progress = record.load()
        first_day = min(progress.first_day(table) for table in tables)
        folders = self.store.folders(self.layout.root)
        days = sorted(day for folder in folders if (day := self.layout.date_of(folder)) and day >= first_day)
        attempts: dict[str, list[Attempt]] = {}
        try:
            for start in range(0, len(days), DAYS_AT_ONCE):
                self._read(days[start : start + DAYS_AT_ONCE], progress, attempts)
                self._supersede({table: attempts.get(table, []) for table in tables}, progress)
        finally:
            record.save(progress)

    def _read(self, days: list[str], progress: Progress, attempts: dict[str, list[Attempt]]) -> None:
        for run in self.records.of_days(days).records:
            for table in run.tables.values():
                progress.saw(table.table_name, run.backup_date)
                if run.run_id > progress.tables[table.table_name].done_through:
                    attempts.setdefault(table.table_name, []).append(Attempt(run, table))
        progress.scanned_through = max(progress.scanned_through, days[-1])

    def _supersede(self, attempts: dict[str, list[Attempt]], progress: Progress) -> None:
        """Deal with what is superseded, run by run, so that each date's manifest is written once."""
        classified: list[Classified] = []
        for waiting in attempts.values():
            found = superseded(waiting, self.settings.retention_days.keys(), self.clock())
            del waiting[: len(found)]
            classified += found
        by_run = sorted(classified, key=lambda one: one[0].run_id)
        for run_id, group in groupby(by_run, key=lambda one: one[0].run_id):
            self._deal_with(run_id, list(group), progress)

    def _deal_with(self, run_id: str, group: list[Classified], progress: Progress) -> None:
        done: dict[str, str | None] = {}
        held = self.handing_over.held_tables(run_id[:10]) if any(name for _, name in group) else frozenset()
        for attempt, name in group:
            table = attempt.table.table_name
            if table in self._troubles:
                continue
            try:
                if name:
                    self._tag(attempt, _Class(name, held=table in held), progress)
                done[table] = name
            except TimeIsUp:
                self._finish(run_id, done, progress)
                raise
            except (ToolError, *AWS_ERRORS) as error:
                self._note_trouble(table, error)
        self._finish(run_id, done, progress)

    def _finish(self, run_id: str, done: dict[str, str | None], progress: Progress) -> None:
        classes = {table: name for table, name in done.items() if name}
        if classes:
            try:
                self.manifests.note_retention(run_id[:10], run_id, classes)
            except BackupDamaged as error:
                # The objects have their tags; only the list cannot say so.
                logger.warning("a retention class could not be noted", run_id=run_id, error=str(error))
            self._lock_history(run_id, classes.values())
            logger.info("backups were superseded", run_id=run_id, classes=classes)
        for table in done:
            progress.tables[table] = TableProgress(run_id)

    def _lock_history(self, run_id: str, classes: Collection[str]) -> None:
        """Lock what a person finds the backups by as long as the longest-lived of them."""
        day = run_id[:10]
        written = datetime.fromisoformat(day).replace(tzinfo=UTC)
        for key in (self.layout.manifest(day), self.layout.run_record(day, run_id)):
            for name in classes:
                with suppress(ObjectMissing):  # a run of increments alone has no manifest
                    self.handing_over.prolong(key, written, name)

    def _tag(self, attempt: Attempt, name: _Class, progress: Progress) -> None:
        """Tag all objects of one table's backup, going on where an earlier invocation had to stop."""
        table = attempt.table.table_name
        standing = progress.tables[table]
        after = standing.tagged_through if standing.going_on == attempt.run_id else None
        if not attempt.full:
            self._tag_windows(attempt, name)
            return
        root = self._root(attempt)
        while root:
            found = self.store.next_objects(root, after=after, most=KEYS_AT_ONCE)
            self._tag_all(found, name)
            if len(found) < KEYS_AT_ONCE:
                break
            after = found[-1].key
            progress.tables[table] = replace(standing, going_on=attempt.run_id, tagged_through=after)
        beside = [self.layout.key_index(root)] if root else []
        # Written while the export was made.
        written = datetime.fromisoformat(attempt.run.started_at)
        keys = [*beside, *filter(None, [attempt.table.definition_key])]
        self._tag_all([ListedObject(key, written) for key in keys], name)

    def _tag_windows(self, attempt: Attempt, name: _Class) -> None:
        """Tag the increments that a run made of one table."""
        for window in attempt.table.windows:
            root = self.layout.rerooted(window["export_manifest"])
            found = self.store.next_objects(root, after=None, most=KEYS_AT_ONCE)
            written = max((one.written for one in found), default=self.clock())
            self._tag_all([*found, *(ListedObject(key, written) for key in self._shared_files(root))], name)

    def _shared_files(self, root: str) -> list[str]:
        """Return the data files of an incremental export: they lie beside those of others, its manifest tells which."""
        try:
            return [file.key for file in read_incremental(self.store, root).files]
        except (BackupDamaged, BackupNotFound, UnsupportedExport) as error:
            logger.warning(
                "files of an incremental export are not known, so they are kept", root=root, error=str(error)
            )
            return []

    def _tag_all(self, found: list[ListedObject], name: _Class) -> None:
        def give(one: ListedObject) -> None:
            self.handing_over.give(one, name.name, held=name.held)

        if self.deadline.passed() or not run_workers(TAG_THREADS, found, give, self.deadline):
            raise TimeIsUp("tagging superseded backups goes on in the next run")

    def _root(self, attempt: Attempt) -> str | None:
        arn = attempt.table.export_arn
        return self.layout.export_root(attempt.run.backup_date, attempt.table.table_name, arn) if arn else None

    def _note_trouble(self, table: str, error: BaseException) -> None:
        self._troubles[table] = explain(error)
        logger.warning("retention failed", table=table, error=explain(error), error_code=error_code(error))

    def _warnings(self) -> list[str]:
        if not self._troubles:
            return []
        table, cause = next(iter(self._troubles.items()))
        warning = (
            f"superseded backups of {len(self._troubles)} tables have no retention class yet and are kept until the "
            f"next run has given it; table {table}: {cause}"
        )
        return [warning]
