"""One invocation of the restore: plan or continue, carry each table as far as time allows, checkpoint, answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from dynamodb_backup.archive.catalog import Catalog
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws import Clients
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.contract.restore_result import RestoreResult
from dynamodb_backup.errors import RequestRefused, TargetUnusable
from dynamodb_backup.restore.on_demand import OnDemandRestorer, plan_on_demand
from dynamodb_backup.restore.plan import Planner, refuse_targets_outside_convention
from dynamodb_backup.restore.progress import OwnProgress, ProgressReporter, Publisher
from dynamodb_backup.restore.state import RestoreState, TableState
from dynamodb_backup.restore.table import TableRestorer
from dynamodb_backup.restore.transform import refuse_rules_for_keys
from dynamodb_backup.settings import Settings
from dynamodb_backup.table.definition import target_key_schema
from dynamodb_backup.telemetry import emit, logger
from dynamodb_backup.timing import Clock, Deadline, utc_now
from dynamodb_backup.turns.carry import TableWork, carry, keep, resume
from dynamodb_backup.turns.state import began_at, new_id
from dynamodb_backup.verify.lookup import refuse_other_keys

__all__ = ["RestoreRun"]


class RestoreRun:
    """The restore use case with everything it needs."""

    def __init__(
        self,
        settings: Settings,
        clients: Clients,
        deadline: Deadline,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._clients = clients
        self._deadline = deadline
        self._clock = clock
        self._monotonic = monotonic
        self._layout = Layout(settings.exports_prefix)
        self._store = ObjectStore(clients.s3, settings.bucket)
        self._planner = Planner(settings, self._store, Catalog(self._store, self._layout))

    def execute(self, request: RestoreRequest) -> RestoreResult:
        """Restore as far as this invocation's time allows.

        Raises
        ------
        RequestRefused
            The request contradicts itself, the naming convention, or the restore that it continues.
        BackupNotFound
            There is no such backup or no such restore.
        BackupDamaged, UnsupportedExport
            The request as a whole cannot be planned.
        """
        began = self._monotonic()
        refuse_targets_outside_convention(request, self._settings)
        state = self._continued(request) if request.restore_id else self._begun(request)
        request = state.original_request()
        if not state.open and state.turns > 1:
            return self._result(request, state, self._monotonic() - began)  # it had ended already
        refuse_targets_outside_convention(request, self._settings)
        with ProgressReporter(self._publisher(request, state), state, dry_run=request.dry_run):
            unfinished = self._carry(request, state)
            error = keep(state, self._store, self._layout.checkpoint(state.id), unfinished)
        if not unfinished:
            self._report(request, state)
        return self._result(request, state, self._monotonic() - began, error)

    def _publisher(self, request: RestoreRequest, state: RestoreState) -> Publisher:
        return OwnProgress(
            self._store,
            self._layout,
            state,
            dry_run=request.dry_run,
            environment=self._settings.environment,
            clock=self._clock,
        )

    def _begun(self, request: RestoreRequest) -> RestoreState:
        warnings: list[str] = []
        if request.restore_to and datetime.fromisoformat(request.restore_to) > self._clock():
            raise RequestRefused("restore_to", f"is {request.restore_to}, which lies in the future")
        if request.on_demand_backup:
            tables = plan_on_demand(self._clients.dynamodb, self._settings, request)
        else:
            tables = self._planner.plan(request, warnings)
        restore_id = new_id(self._clock())
        for table in tables:
            if table.captured_keys:
                refuse_rules_for_keys(table.source, request.transform.get(table.source, ()), table.captured_keys)
        if request.selected_keys:
            self._begin_selection(request, tables)
        logger.info("restore began", restore_id=restore_id, tables=len(tables), dry_run=request.dry_run)
        return RestoreState(restore_id, request.to_dict(), tables, warnings)

    def _begin_selection(self, request: RestoreRequest, tables: list[TableState]) -> None:
        """Compare the request's keys with the table's before anything is written."""
        (table,) = tables
        if not table.open:
            return
        table.phase = "select"
        try:
            keys = table.captured_keys or target_key_schema(self._clients.dynamodb, table.target)
        except TargetUnusable as error:
            table.fail(str(error))
            return
        refuse_other_keys(keys, request.keys, request.partition_keys)

    def _continued(self, request: RestoreRequest) -> RestoreState:
        restore_id = str(request.restore_id)
        return resume(RestoreState, self._store, self._layout.checkpoint(restore_id), restore_id, request)

    def _carry(self, request: RestoreRequest, state: RestoreState) -> list[TableWork]:
        return carry((self._restorer(request, state.id, table) for table in state.tables if table.open), self._deadline)

    def _restorer(self, request: RestoreRequest, restore_id: str, table: TableState) -> TableWork:
        if table.on_demand_backup:
            return OnDemandRestorer(self._clients.dynamodb, request, table, self._deadline)
        return TableRestorer(self._clients, self._store, self._layout, request, restore_id, table, self._deadline)

    def _report(self, request: RestoreRequest, state: RestoreState) -> None:
        began = began_at(state.id)
        duration = {"RestoreDuration": max(0.0, (self._clock() - began).total_seconds())} if began else {}
        for table in state.tables:
            logger.info(
                "restore of a table ended",
                restore_id=state.id,
                table=table.source,
                target=table.target,
                status=table.status,
                written=table.items_written,
                failed=table.items_failed,
                deleted=table.items_deleted,
            )
            if request.dry_run:
                continue
            completed = table.status == "COMPLETED"
            emit(
                {
                    "RestoreSucceeded": completed,
                    "RestoreFailed": not completed,
                    "ItemsWritten": table.items_written,
                    "ItemsFailed": table.items_failed,
                    "ItemsDeleted": table.items_deleted,
                    **duration,
                    **({} if table.proven is None else {"RestoreProven": table.proven}),
                },
                environment=self._settings.environment,
                table=table.target,
            )

    def _result(
        self, request: RestoreRequest, state: RestoreState, seconds: float, error: str | None = None
    ) -> RestoreResult:
        dates = [table.backup_date for table in state.tables if table.backup_date]
        return RestoreResult(
            environment=self._settings.environment,
            s3_bucket=self._settings.bucket,
            dry_run=request.dry_run,
            backup_date=max(dates, default=None if request.export or request.on_demand_backup else request.backup_date),
            restore_id=state.id,
            duration_seconds=seconds,
            tables=tuple(table.result(dry_run=request.dry_run) for table in state.tables),
            warnings=tuple(state.warnings),
            error=error,
            error_type="CheckpointNotWritten" if error else None,
        )
