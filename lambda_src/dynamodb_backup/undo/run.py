"""One invocation of an undo: begin or continue, carry each table as far as time allows, record, answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dynamodb_backup.contract.confirmation import refuse_other_tables
from dynamodb_backup.contract.undo import UndoRequest, UndoResult
from dynamodb_backup.errors import RequestRefused
from dynamodb_backup.table.definition import target_key_schema
from dynamodb_backup.telemetry import emit, logger
from dynamodb_backup.turns.bounds import ELSEWHERE, may_read
from dynamodb_backup.turns.carry import carry, keep, resume
from dynamodb_backup.turns.means import Means
from dynamodb_backup.turns.state import new_id
from dynamodb_backup.undo.state import UNDO, TableState, UndoState
from dynamodb_backup.undo.table import TableUndoer
from dynamodb_backup.verify.lookup import refuse_other_keys

__all__ = ["UndoRun"]


class UndoRun:
    """The undo use case with everything it needs."""

    def __init__(self, means: Means, began: Callable[[str, Mapping[str, Any]], None] | None = None) -> None:
        self._means = means
        self._began = began

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
        began = self._means.monotonic()
        state = self._continued(request) if request.undo_id else self._begun(request)
        request = state.original_request()
        self._refuse_other_environments([table.table for table in state.tables])
        if not state.open:
            return self._result(request, state, began)  # it had ended already
        unfinished = carry(self._tables(request, state), self._means.deadline)
        error = keep(state, self._means.store, self._means.layout.undo(state.id), unfinished)
        if not unfinished and not request.dry_run:
            self._report(state)
        return self._result(request, state, began, error)

    def _begun(self, request: UndoRequest) -> UndoState:
        tables = request.tables or self._means.settings.tables
        self._refuse_other_environments(tables)
        self._refuse_unconfirmed(request, tables)
        if request.selected_keys:
            keys = target_key_schema(self._means.clients.dynamodb, tables[0])
            refuse_other_keys(keys, request.keys, request.partition_keys)
        undo_id = new_id(self._means.clock())
        logger.info("undo began", undo_id=undo_id, tables=len(tables), dry_run=request.dry_run)
        event = request.to_dict() | {"tables": list(tables)}
        if self._began:
            self._began(undo_id, event)
        return UndoState(undo_id, event, [TableState(table) for table in tables])

    def _continued(self, request: UndoRequest) -> UndoState:
        undo_id = str(request.undo_id)
        key = self._means.layout.undo(undo_id)
        state = resume(UndoState, self._means.store, key, undo_id, request)
        asked = state.original_request()
        for table in state.tables:
            if table.table not in (asked.tables or ()):
                raise UNDO.damaged(key, "it has a table that its request does not name")
            if not may_read(self._means.settings, asked.export, table.bucket, table.root):
                raise UNDO.damaged(key, ELSEWHERE)
        return state

    def _refuse_other_environments(self, tables: tuple[str, ...] | list[str]) -> None:
        for table in tables:
            if not self._means.settings.convention.allows(table):
                raise RequestRefused(
                    "tables", f"names a forbidden target: {self._means.settings.convention.refusal(table)}"
                )

    def _refuse_unconfirmed(self, request: UndoRequest, tables: tuple[str, ...]) -> None:
        """Compare ``confirm`` with the tables. An undo that goes on was confirmed when it began."""
        demanded = self._means.settings.require_confirmation and not request.dry_run
        if demanded or request.confirm is not None:
            refuse_other_tables(request.confirm, tables, "reverts changes of")

    def _tables(self, request: UndoRequest, state: UndoState) -> Iterator[TableUndoer]:
        for table in state.tables:
            yield TableUndoer(self._means, request, state.id, table)

    def _report(self, state: UndoState) -> None:
        for table in state.tables:
            logger.info(
                "undo of a table ended",
                undo_id=state.id,
                table=table.table,
                status=table.status,
                reverted=table.reverted,
                already_reverted=table.already,
                changed_after=table.changed_after,
                failed=table.failed,
            )
            emit(
                {"ItemsReverted": table.reverted, "ItemsNotReverted": table.changed_after + table.failed},
                environment=self._means.settings.environment,
                table=table.table,
            )

    def _result(self, request: UndoRequest, state: UndoState, began: float, error: str | None = None) -> UndoResult:
        return UndoResult(
            environment=self._means.settings.environment,
            s3_bucket=self._means.settings.bucket,
            undo_id=state.id,
            dry_run=request.dry_run,
            duration_seconds=self._means.monotonic() - began,
            tables=tuple(table.result() for table in state.tables),
            error=error,
            error_type="RecordNotWritten" if error else None,
        )
