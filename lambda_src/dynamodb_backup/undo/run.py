"""One invocation of an undo: begin or continue, carry each table as far as time allows, record, answer."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws import Clients
from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.contract.undo import UndoRequest, UndoResult
from dynamodb_backup.errors import BackupNotFound, RequestRefused, ToolError, WriteConflict
from dynamodb_backup.settings import Settings
from dynamodb_backup.table.definition import target_key_schema
from dynamodb_backup.telemetry import emit, logger
from dynamodb_backup.timing import Clock, Deadline, backoff_seconds, utc_now
from dynamodb_backup.undo.state import TableState, UndoState
from dynamodb_backup.undo.table import TableUndoer
from dynamodb_backup.undo.window import Means
from dynamodb_backup.verify.lookup import refuse_other_keys

__all__ = ["UndoRun"]


class UndoRun:
    """The undo use case with everything it needs."""

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

    def execute(self, request: UndoRequest) -> UndoResult:
        """Undo as far as this invocation's time allows.

        Raises
        ------
        RequestRefused
            The request is outside the naming convention, has keys of another schema, or contradicts the undo that it
            continues.
        BackupNotFound
            There is no such undo.
        """
        began = self._monotonic()
        state = self._continued(request) if request.undo_id else self._begun(request)
        request = state.original_request()
        self._refuse_other_environments([table.table for table in state.tables])
        if not any(table.open for table in state.tables):
            return self._result(request, state, began)  # it had ended already
        unfinished = self._carry(request, state)
        error = self._record(state, unfinished)
        if not unfinished and not request.dry_run:
            self._report(state)
        return self._result(request, state, began, error)

    def _begun(self, request: UndoRequest) -> UndoState:
        tables = request.tables or self._settings.tables
        self._refuse_other_environments(tables)
        if request.selected_keys:
            keys = target_key_schema(self._clients.dynamodb, tables[0])
            refuse_other_keys(keys, request.keys, request.partition_keys)
        undo_id = f"{self._clock():%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"
        logger.info("undo began", undo_id=undo_id, tables=len(tables), dry_run=request.dry_run)
        event = request.to_dict() | {"tables": list(tables)}
        return UndoState(undo_id, event, [TableState(table) for table in tables])

    def _continued(self, request: UndoRequest) -> UndoState:
        undo_id = str(request.undo_id)
        key = self._layout.undo(undo_id)
        stored = self._store.find(key)
        if stored is None:
            raise BackupNotFound(f"there is no undo '{undo_id}' (s3://{self._store.bucket}/{key})")
        state = UndoState.parse(key, stored.body, stored.etag)
        contradiction = state.contradiction(request)
        if contradiction:
            field, _, first = contradiction.partition(": ")
            raise RequestRefused(field, f"differs from the request that began undo '{undo_id}': {first}")
        state.turns += 1
        logger.info("undo goes on", undo_id=undo_id, turn=state.turns)
        return state

    def _refuse_other_environments(self, tables: tuple[str, ...] | list[str]) -> None:
        for table in tables:
            if not self._settings.convention.allows(table):
                raise RequestRefused("tables", f"names a forbidden target: {self._settings.convention.refusal(table)}")

    def _carry(self, request: UndoRequest, state: UndoState) -> list[TableUndoer]:
        """Go on with every open table, at least one, until all are done or time is up; return those that are not."""
        means = Means(self._settings, self._clients, self._store, self._layout)
        unfinished = [
            TableUndoer(means, request, state.undo_id, table, self._deadline) for table in state.tables if table.open
        ]
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

    def _record(self, state: UndoState, unfinished: list[TableUndoer]) -> str | None:
        """Keep the state, for the next turn and for those who ask later; return why that was impossible."""
        try:
            for table in unfinished:
                table.save()
            self._store.put_if_unchanged(self._layout.undo(state.undo_id), state.to_json(), state.etag)
        except WriteConflict:
            return None  # another invocation of this undo was faster; whoever goes on does so from its record
        except (ToolError, *AWS_ERRORS) as error:
            logger.error("the record of an undo could not be written", undo_id=state.undo_id, error=explain(error))
            if unfinished:
                return f"the undo cannot be continued, begin it again: its record was not written: {explain(error)}"
        return None

    def _report(self, state: UndoState) -> None:
        for table in state.tables:
            logger.info(
                "undo of a table ended",
                undo_id=state.undo_id,
                table=table.table,
                status=table.status,
                reverted=table.reverted,
                already_reverted=table.already,
                changed_after=table.changed_after,
                failed=table.failed,
            )
            emit(
                {"ItemsReverted": table.reverted, "ItemsNotReverted": table.changed_after + table.failed},
                environment=self._settings.environment,
                table=table.table,
            )

    def _result(self, request: UndoRequest, state: UndoState, began: float, error: str | None = None) -> UndoResult:
        return UndoResult(
            environment=self._settings.environment,
            s3_bucket=self._settings.bucket,
            undo_id=state.undo_id,
            dry_run=request.dry_run,
            duration_seconds=self._monotonic() - began,
            tables=tuple(table.result() for table in state.tables),
            error=error,
            error_type="RecordNotWritten" if error else None,
        )
