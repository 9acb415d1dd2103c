"""One invocation of the backup: begin or continue a run, carry it as far as time allows, record it, answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.legal_holds import LegalHolds
from dynamodb_backup.archive.locked_bucket import LockedBucket
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws import Clients
from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.backup.collapse import CollapseGuard
from dynamodb_backup.backup.freshness import NewestVerified
from dynamodb_backup.backup.handing_over import HandingOver
from dynamodb_backup.backup.manifests import Manifests
from dynamodb_backup.backup.methods.method import Resources
from dynamodb_backup.backup.metrics import emit_ages, emit_run
from dynamodb_backup.backup.record import RunRecord, TableRun
from dynamodb_backup.backup.records import RecentRuns, RunRecords
from dynamodb_backup.backup.retention import Retention
from dynamodb_backup.backup.tables import TableBackups
from dynamodb_backup.contract.backup import BackupRequest, BackupResult, TableBackup
from dynamodb_backup.errors import ConfigurationError, ToolError
from dynamodb_backup.pool import run_workers
from dynamodb_backup.settings import Settings
from dynamodb_backup.table.export_job import TOKEN_VALID
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import Clock, Deadline, iso, utc_now

__all__ = ["BackupRun"]

PARALLEL_STARTS = 8
"""Bursts of about twenty export calls are throttled."""

REPEATED_WITHIN = timedelta(hours=1)
"""For so long after a run ended, the same event, by id and time, counts as delivered twice."""

JOIN_OWN_WITHIN = timedelta(hours=20)
"""An unfinished run that is younger is continued by its own event, or by one without a time; beside an older one a new
run begins. A daily event must never be answered with yesterday's run."""

JOIN_OTHER_WITHIN = timedelta(hours=2)
"""An unfinished run that is younger is also continued by another schedule's event: the two overlap."""

CLOCKS_DIFFER_BY = timedelta(minutes=1)
"""At most. A run that seems to begin later than that is not of another invocation at this time: a clock was set."""

SAVED_EVERY = timedelta(seconds=5)
"""What was found out since is found out again after a crash. A record of many tables is too large to be written after
each of them."""

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 15.0
PAUSE_BETWEEN_CALLS_SECONDS = 0.1
"""Bursts of 13 to 18 DescribeExport calls are throttled."""


class BackupRun:
    """The backup use case with everything it needs."""

    def __init__(
        self,
        settings: Settings,
        clients: Clients,
        deadline: Deadline,
        clock: Clock = utc_now,
        *,
        began: Callable[[str, Mapping[str, Any]], None] | None = None,
    ) -> None:
        self._began_with = began
        self._settings = settings
        self._deadline = deadline
        self._clock = clock
        self._began = iso(clock())
        self._layout = Layout(settings.exports_prefix)
        store = ObjectStore(clients.s3, settings.bucket)
        self._records = RunRecords(
            store, self._layout, {table: chosen.method for table, chosen in settings.methods.items()}
        )
        self._manifests = Manifests(store, self._layout, settings, clock)
        self._tables = TableBackups(Resources(settings, clients, store, self._layout, deadline, clock))
        self._bucket = LockedBucket(clients.s3, settings.bucket)
        handing_over = HandingOver(store, self._bucket, LegalHolds(store, self._layout), settings.object_lock, clock)
        self._retention = Retention(
            settings, store, self._layout, self._records, self._manifests, deadline, clock, handing_over
        )
        self._collapse = CollapseGuard(settings, store, self._layout)
        self._newest = NewestVerified(store, self._layout, deadline)
        self._warnings: list[str] = []

    def execute(self, request: BackupRequest) -> BackupResult:
        """Back the requested tables up, as far as this invocation's time allows.

        Raises
        ------
        ConfigurationError
            No table is configured, one is outside the naming convention, or the bucket does not lock what it should.
        BackupNotFound
            The run that the request names does not exist.
        """
        self._refuse_tables_outside_convention(request)
        recent = RecentRuns()
        if request.run_id:
            run = self._records.get(request.run_id)
        else:
            recent = self._records.recent(self._clock())
            self._warnings += recent.warnings
            run = self._begin_or_join(request, recent)
        if not run.finished:
            self._start_pending(run)
            self._settle_others(run, recent)
            self._carry(run)
            if self._record(run):
                self._tell_ages(run)
            self._warnings += self._retention.hand_over(run, self._collapse.withheld)
        return self._result(run)

    def _refuse_tables_outside_convention(self, request: BackupRequest) -> None:
        if not self._settings.tables:
            raise ConfigurationError("DYNAMODB_TABLES", "names no table, so there is nothing to back up")
        for table in request.tables:
            if not self._settings.convention.allows(table):
                raise ConfigurationError("DYNAMODB_TABLES", f"is wrong: {self._settings.convention.refusal(table)}")

    def _begin_or_join(self, request: BackupRequest, recent: RecentRuns) -> RunRecord:
        now = self._clock()
        for run in reversed(recent.records):
            if run.is_for(request) and (self._has_answered(request, run, now) or self._can_join(request, run, now)):
                logger.info("continuing a run", run_id=run.run_id)
                run.note_execution(request)
                return run
        if self._settings.object_lock:
            self._bucket.refuse_without(self._settings.object_lock)
        run = self._records.create(request, iso(now), recent.next_number(iso(now)[:10]))
        logger.info("run began", run_id=run.run_id, tables=len(run.tables))
        if self._began_with:
            event = {"tables": list(run.tables), "export_type": run.export_type, "trigger": run.trigger}
            self._began_with(run.run_id, event)
        return run

    def _has_answered(self, request: BackupRequest, run: RunRecord, now: datetime) -> bool:
        """Tell whether a run is the answer already: to this very event, or as it began after this invocation did."""
        repeated = run.is_answer_to(request) and run.succeeded and run.ended_within(REPEATED_WITHIN, now)
        return repeated or self._began <= run.started_at <= iso(now + CLOCKS_DIFFER_BY)

    def _can_join(self, request: BackupRequest, run: RunRecord, now: datetime) -> bool:
        """Tell whether an unfinished run is the one to go on with."""
        if run.finished or (run.pending and run.age(now) > TOKEN_VALID):
            return False
        own = request.trigger is None or run.trigger == request.trigger
        return run.age(now) < (JOIN_OWN_WITHIN if own else JOIN_OTHER_WITHIN)

    def _settle_others(self, run: RunRecord, recent: RecentRuns) -> None:
        """Record what has become of runs that nobody continued. Their trouble never stops this run."""
        for other in recent.records:
            if other.finished or other.run_id == run.run_id or self._deadline.passed():
                continue
            try:
                self._start_pending(other)
                self._follow_once(other)
                self._record(other)
            except (ToolError, *AWS_ERRORS) as error:
                self._warnings.append(f"the earlier run {other.run_id} could not be settled: {explain(error)}")
                logger.warning("an earlier run could not be settled", run_id=other.run_id, error=explain(error))

    def _carry(self, run: RunRecord) -> None:
        """Start what is not started and follow what is going, until all is settled or time is up."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            self._follow_once(run)
            if self._deadline.passed() or run.settled:
                return
            self._deadline.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
            self._start_pending(run)

    def _start_pending(self, run: RunRecord) -> None:
        def start(table: TableRun) -> None:
            if table.table_name in self._settings.tables:
                run.update(self._tables.start(run, table))
                return
            # The record lies in S3: it says how far a run is, not what this function may back up.
            problem = f"table {table.table_name} is not, or no longer, one of DYNAMODB_TABLES: it was not backed up"
            run.update(replace(table, status="FAILED", error=problem))

        if run.pending:
            run_workers(PARALLEL_STARTS, run.pending, start, self._deadline)
            self._records.save(run)

    def _follow_once(self, run: RunRecord) -> None:
        going = [one for one in run.tables.values() if one.export_arn and not one.settled]
        unsaved, saved_at = False, self._clock()
        # A scan takes the time that it is given; exports are looked at first, so that it does not hide that they ended.
        for table in sorted(going, key=lambda one: one.method == "scan"):
            followed = self._tables.follow(run, table)
            if followed != table:
                run.update(followed)
                unsaved = True
            if unsaved and self._clock() - saved_at >= SAVED_EVERY:
                self._records.save(run)
                unsaved, saved_at = False, self._clock()
            if self._deadline.passed():
                break
            self._deadline.sleep(PAUSE_BETWEEN_CALLS_SECONDS)
        if unsaved:
            self._records.save(run)

    def _record(self, run: RunRecord) -> bool:
        """Write the date's manifest from what all invocations know of the run, and only then call the run finished.

        Return whether the run ended with this.
        """
        self._records.save(run)
        if run.settled:  # also where another invocation has just ended the run: this one hands over, too
            self._collapse.judge(run)
        self._manifests.take_in(run)
        if run.finished or not run.settled:
            return False
        run.finished, run.finished_at = True, iso(self._clock())
        self._records.save(run)
        logger.info("run finished", run_id=run.run_id, succeeded=run.succeeded)
        emit_run(run, self._settings.environment)
        return True

    def _tell_ages(self, run: RunRecord) -> None:
        """Tell how old the newest verified backup of every table is, and of which tables there is none."""
        tables = {*run.tables, *self._settings.tables}
        newest = self._newest.of(run, tables)
        emit_ages(newest.moments, self._settings.environment, self._clock())
        for warning in newest.warnings(tables):
            logger.warning("not every table has a newest verified backup", run_id=run.run_id, warning=warning)
        failed = [name for name, table in run.tables.items() if table.status != "COMPLETED"]
        self._warnings += newest.warnings(failed)

    def _result(self, run: RunRecord) -> BackupResult:
        return BackupResult(
            backup_date=run.backup_date,
            environment=self._settings.environment,
            s3_bucket=self._settings.bucket,
            manifest_s3_key=(
                self._layout.manifest(run.backup_date) if any(map(run.makes_full, run.tables.values())) else None
            ),
            run_id=run.run_id,
            tables=tuple(_outcome(run, table) for table in run.tables.values()),
            warnings=tuple(self._warnings),
        )


def _outcome(run: RunRecord, table: TableRun) -> TableBackup:
    full = run.makes_full(table)
    last_window = table.windows[-1]["export_arn"] if table.windows else None
    return TableBackup(
        table_name=table.table_name,
        status=table.shown_status,
        export_arn=table.export_arn or last_window,
        item_count=table.item_count,
        size_bytes=table.billed_size_bytes or 0,
        error=table.error,
        warnings=table.all_warnings,
        export_type="FULL_EXPORT" if full else "INCREMENTAL_EXPORT",
        windows=None if full else tuple(_shown_window(window) for window in table.windows),
        item_count_alert=table.item_count_alert,
    )


def _shown_window(window: Mapping[str, Any]) -> dict[str, Any]:
    shown = ("from", "to", "status", "chain_id", "item_count", "billed_size_bytes", "export_arn", "export_manifest")
    return {name: window.get(name) for name in shown}
