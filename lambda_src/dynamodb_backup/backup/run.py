"""One invocation of the backup: begin or continue a run, carry it as far as time allows, record it, answer."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from dynamodb_backup.archive.layout import Layout, export_id_of
from dynamodb_backup.archive.manifest import BackupManifest, ManifestEntry
from dynamodb_backup.archive.store import MOST_WRITE_CONFLICTS, ObjectStore
from dynamodb_backup.aws import Clients
from dynamodb_backup.backup.record import RunRecord, RunRecords, TableRun
from dynamodb_backup.backup.tables import TableBackups
from dynamodb_backup.contract.backup import BACKUP_TYPE, BackupRequest, BackupResult, TableBackup
from dynamodb_backup.errors import ConfigurationError, WriteConflict
from dynamodb_backup.settings import Settings
from dynamodb_backup.telemetry import emit, logger
from dynamodb_backup.timing import Clock, Deadline, iso, utc_now

__all__ = ["BackupRun"]

PARALLEL_STARTS = 8
"""Bursts of about twenty export calls are throttled."""

JOIN_WITHIN = timedelta(hours=20)
"""An unfinished run that is younger is continued by the same event; an older one is closed, and a new run begins."""

FIRST_LOOK_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 15.0
PAUSE_BETWEEN_CALLS_SECONDS = 0.1
"""Bursts of 13 to 18 DescribeExport calls are throttled."""


class BackupRun:
    """The backup use case with everything it needs."""

    def __init__(self, settings: Settings, clients: Clients, deadline: Deadline, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._deadline = deadline
        self._clock = clock
        self._store = ObjectStore(clients.s3, settings.bucket)
        self._layout = Layout(settings.exports_prefix)
        self._records = RunRecords(self._store, self._layout)
        self._tables = TableBackups(settings, clients, self._store, self._layout, deadline)

    def execute(self, request: BackupRequest) -> BackupResult:
        """Back the requested tables up, as far as this invocation's time allows.

        Raises
        ------
        ConfigurationError
            A configured table is outside the naming convention.
        """
        for table in request.tables:
            if not self._settings.convention.allows(table):
                raise ConfigurationError("DYNAMODB_TABLES", f"is wrong: {self._settings.convention.refusal(table)}")
        run = self._begin_or_join(request)
        if not run.finished:
            self._carry(run)
            self._record(run)
        return self._result(run)

    def _begin_or_join(self, request: BackupRequest) -> RunRecord:
        now = self._clock()
        earlier: list[RunRecord] = []
        for day in (now - timedelta(days=1), now):
            earlier += self._records.of(iso(day)[:10])
        repeated = [run for run in earlier if request.trigger_id and run.trigger_id == request.trigger_id]
        for run in reversed(repeated):
            if run.is_for(request) and (not run.finished or run.status_code == 200):
                return run
        for run in reversed(earlier):
            if run.finished or not run.is_for(request):
                continue
            if now - datetime.fromisoformat(run.started_at) < JOIN_WITHIN:
                logger.info("continuing a run", run_id=run.run_id)
                return run
            self._close(run)
        today = [run for run in earlier if run.backup_date == iso(now)[:10]]
        run = self._records.create(request, iso(now), today)
        logger.info("run began", run_id=run.run_id, tables=len(run.tables))
        return run

    def _close(self, run: RunRecord) -> None:
        """Record what became of a run that nobody continued, without waiting for it."""
        self._follow_once(run)
        for table in list(run.tables.values()):
            if table.open:
                error = "the run was not continued in time, and its export was not COMPLETED when the next run began"
                run.tables[table.table_name] = replace(table, status="FAILED", error=error)
        logger.warning("closing a run that nobody continued", run_id=run.run_id)
        self._record(run)

    def _carry(self, run: RunRecord) -> None:
        """Start what is not started and follow what is going, until all is settled or time is up."""
        pause = FIRST_LOOK_SECONDS
        while True:
            self._start_pending(run)
            self._follow_once(run)
            if self._deadline.passed() or not any(table.open for table in run.tables.values()):
                return
            self._deadline.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)

    def _start_pending(self, run: RunRecord) -> None:
        pending = [table for table in run.tables.values() if table.export_arn is None and table.open]
        if not pending:
            return
        with ThreadPoolExecutor(PARALLEL_STARTS, thread_name_prefix="start") as pool:
            self._update(run, pool.map(lambda table: self._tables.start(run, table), pending))
        self._records.save(run)

    def _follow_once(self, run: RunRecord) -> None:
        for table in list(run.tables.values()):
            if table.status != "IN_PROGRESS":
                continue
            followed = self._tables.follow(run, table)
            if followed != table:
                self._update(run, [followed])
                self._records.save(run)
            if self._deadline.passed():
                return
            self._deadline.sleep(PAUSE_BETWEEN_CALLS_SECONDS)

    @staticmethod
    def _update(run: RunRecord, tables: Iterable[TableRun]) -> None:
        run.tables.update({table.table_name: table for table in tables})

    def _record(self, run: RunRecord) -> None:
        """Write the date's manifest, and only then call the run finished."""
        self._write_manifest(run)
        run.finished = not any(table.open for table in run.tables.values())
        if run.finished:
            run.status_code = self._result(run).status_code
            self._emit(run)
        self._records.save(run)

    def _write_manifest(self, run: RunRecord) -> None:
        key = self._layout.manifest(run.backup_date)
        attempts = [self._entry(run, table) for table in run.tables.values()]
        for _ in range(MOST_WRITE_CONFLICTS):
            stored = self._store.find(key)
            manifest = (
                BackupManifest.parse(key, run.backup_date, stored.body)
                if stored
                else BackupManifest(key, run.backup_date, {})
            )
            body = manifest.merged(attempts).to_json(
                environment=self._settings.environment,
                bucket=self._settings.bucket,
                backup_type=BACKUP_TYPE,
                created_at=manifest.created_at or iso(self._clock()),
            )
            try:
                self._store.put_if_unchanged(key, body, stored.etag if stored else None)
            except WriteConflict:
                logger.info("manifest was written by another run at the same time; merging again", key=key)
            else:
                return
        raise WriteConflict(f"{key} is written by others again and again, so this run is not in it")

    def _entry(self, run: RunRecord, table: TableRun) -> ManifestEntry:
        prefix = self._layout.export_prefix(run.backup_date, table.table_name)
        status = "IN_PROGRESS" if table.open else table.status
        export_id = export_id_of(table.export_arn) if table.export_arn else None
        fields = {
            "table_name": table.table_name,
            "status": status,
            "run_id": run.run_id,
            "export_arn": table.export_arn,
            "export_type": run.export_type,
            "export_time": table.export_time,
            "start_time": table.start_time,
            "end_time": table.end_time,
            "s3_prefix": prefix,
            "export_manifest": f"{prefix}/AWSDynamoDB/{export_id}/manifest-summary.json" if export_id else None,
            "item_count": table.item_count,
            "billed_size_bytes": table.billed_size_bytes,
            "table_definition": table.definition_key,
            "verification": table.verification,
            "warnings": list(table.warnings),
            "error": table.error,
        }
        return ManifestEntry(table.table_name, status, fields)

    def _result(self, run: RunRecord) -> BackupResult:
        return BackupResult(
            backup_date=run.backup_date,
            environment=self._settings.environment,
            s3_bucket=self._settings.bucket,
            manifest_s3_key=self._layout.manifest(run.backup_date),
            run_id=run.run_id,
            tables=tuple(
                TableBackup(
                    table_name=table.table_name,
                    status="IN_PROGRESS" if table.open else table.status,
                    export_arn=table.export_arn,
                    item_count=table.item_count,
                    size_bytes=table.billed_size_bytes or 0,
                    error=table.error,
                    warnings=table.warnings,
                )
                for table in run.tables.values()
            ),
        )

    def _emit(self, run: RunRecord) -> None:
        for table in run.tables.values():
            completed = table.status == "COMPLETED"
            values: dict[str, float] = {"BackupSucceeded": completed, "BackupFailed": not completed}
            if completed:
                values |= {"ItemsBackedUp": table.item_count or 0, "BytesBackedUp": table.billed_size_bytes or 0}
            emit(values, environment=self._settings.environment, table=table.table_name)
