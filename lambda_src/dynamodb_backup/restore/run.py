"""One invocation of the restore: plan or continue, carry each table as far as time allows, checkpoint, answer."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from dynamodb_backup.archive.catalog import Catalog
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws import Clients
from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.contract.restore import RestoreRequest, RestoreResult
from dynamodb_backup.errors import BackupNotFound, RequestRefused, TargetUnusable, ToolError, WriteConflict
from dynamodb_backup.restore.on_demand import OnDemandRestorer, plan_on_demand
from dynamodb_backup.restore.plan import Planner, refuse_targets_outside_convention
from dynamodb_backup.restore.progress import OwnProgress, ProgressReporter, Publisher
from dynamodb_backup.restore.state import RestoreState, TableState
from dynamodb_backup.restore.table import TableRestorer
from dynamodb_backup.restore.transform import refuse_rules_for_keys
from dynamodb_backup.settings import Settings
from dynamodb_backup.table.definition import target_key_schema
from dynamodb_backup.telemetry import emit, logger
from dynamodb_backup.timing import Clock, Deadline, backoff_seconds, utc_now
from dynamodb_backup.verify.lookup import refuse_other_keys

__all__ = ["RestoreRun", "Restorer"]


class Restorer(Protocol):
    """What carries one table of a restore."""

    @property
    def open(self) -> bool: ...

    def save(self) -> None: ...

    def execute(self) -> None: ...


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
        if not any(table.open for table in state.tables) and state.turns > 1:
            return self._result(request, state, self._monotonic() - began)  # it had ended already
        refuse_targets_outside_convention(request, self._settings)
        with ProgressReporter(self._publisher(request, state), state, dry_run=request.dry_run):
            unfinished = self._carry(request, state)
            error = self._checkpoint(state, unfinished)
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
        restore_id = f"{self._clock():%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"
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
        key = self._layout.checkpoint(restore_id)
        stored = self._store.find(key)
        if stored is None:
            raise BackupNotFound(f"there is no unfinished restore '{restore_id}' (s3://{self._store.bucket}/{key})")
        state = RestoreState.parse(key, stored.body, stored.etag)
        field = state.contradiction(request)
        if field:
            raise RequestRefused(
                field, f"differs from the request that began restore '{restore_id}': {state.first_value(field)}"
            )
        state.turns += 1
        logger.info("restore goes on", restore_id=restore_id, turn=state.turns)
        return state

    def _checkpoint(self, state: RestoreState, unfinished: list[Restorer]) -> str | None:
        """Keep the state for the next turn, if there is or was more than one; return why that was impossible."""
        if not unfinished and state.turns == 1:
            return None
        try:
            for table in unfinished:
                table.save()
            self._store.put_if_unchanged(self._layout.checkpoint(state.restore_id), state.to_json(), state.etag)
        except WriteConflict:
            # Another invocation of this restore was faster; whoever goes on does so from its checkpoint.
            state.warnings.append("another invocation carries this restore at the same time; its progress counts")
            return None
        except (ToolError, *AWS_ERRORS) as error:
            logger.error("the checkpoint could not be written", restore_id=state.restore_id, error=explain(error))
            if not unfinished:
                state.warnings.append(f"the checkpoint could not be brought up to date: {explain(error)}")
                return None
            return f"the restore cannot be continued, begin it again: its checkpoint was not written: {explain(error)}"
        return None

    def _carry(self, request: RestoreRequest, state: RestoreState) -> list[Restorer]:
        """Go on with the first open table in any case, so that a short turn makes progress; then while time is left.

        A table that met something that passes by itself (throttling, a broken connection) is tried again after a pause.
        Returns the tables that are not done.
        """
        unfinished = [self._restorer(request, state.restore_id, table) for table in state.tables if table.open]
        pauses = backoff_seconds(first=0.5, longest=15.0)
        while unfinished:
            for number, table in enumerate(unfinished):
                if number and self._deadline.passed():
                    break
                table.execute()
            unfinished = [table for table in unfinished if table.open]
            if self._deadline.passed():
                break
            if unfinished:
                self._deadline.sleep(next(pauses))
        return unfinished

    def _restorer(self, request: RestoreRequest, restore_id: str, table: TableState) -> Restorer:
        if table.on_demand_backup:
            return OnDemandRestorer(self._clients.dynamodb, request, table, self._deadline)
        return TableRestorer(self._clients, self._store, self._layout, request, restore_id, table, self._deadline)

    def _report(self, request: RestoreRequest, state: RestoreState) -> None:
        for table in state.tables:
            logger.info(
                "restore of a table ended",
                restore_id=state.restore_id,
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
            restore_id=state.restore_id,
            duration_seconds=seconds,
            tables=tuple(table.result(dry_run=request.dry_run) for table in state.tables),
            warnings=tuple(state.warnings),
            error=error,
            error_type="CheckpointNotWritten" if error else None,
        )
