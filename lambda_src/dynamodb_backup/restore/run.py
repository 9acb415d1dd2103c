"""One invocation of the restore: plan or continue, carry each table as far as time allows, checkpoint, answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.contract.restore_result import RestoreResult
from dynamodb_backup.restore.begin import begin
from dynamodb_backup.restore.bounds import refuse_strange_state
from dynamodb_backup.restore.carrier import Carrier, OwnCarrier
from dynamodb_backup.restore.confirmation import refuse_unconfirmed_restore
from dynamodb_backup.restore.ended import report_ended
from dynamodb_backup.restore.progress import ProgressReporter
from dynamodb_backup.restore.state import RestoreState
from dynamodb_backup.restore.targets import refuse_targets_outside_convention
from dynamodb_backup.turns.carry import keep, resume
from dynamodb_backup.turns.means import Means

__all__ = ["RestoreRun"]


class RestoreRun:
    """The restore use case with everything it needs.

    Parameters
    ----------
    scratch_definitions
        For a restore test: by table the key of the definition with which its scratch table is made, in place of the
        captured one. Such a restore emits no metrics of its own: a table that is gone in an hour is not to be watched.
    began
        Called with the id and the request of a restore that begins, before anything is written.
    """

    def __init__(
        self,
        means: Means,
        carrier: Carrier | None = None,
        *,
        scratch_definitions: Mapping[str, str] | None = None,
        began: Callable[[str, Mapping[str, Any]], None] | None = None,
    ) -> None:
        self._means = means
        self._began = began
        self._carrier = carrier or OwnCarrier(means)
        self._scratch_definitions = scratch_definitions or {}

    def execute(self, request: RestoreRequest) -> RestoreResult:
        """Restore as far as this invocation's time allows.

        Raises
        ------
        RequestRefused
            The request contradicts itself, the naming convention, or the restore that it continues,
            or deletes without being confirmed.
        BackupNotFound
            There is no such backup or no such restore.
        BackupDamaged, UnsupportedExport
            The request as a whole cannot be planned.
        """
        began = self._means.monotonic()
        refuse_targets_outside_convention(request, self._means.settings)
        refuse_unconfirmed_restore(request, self._means.settings)
        state = self._continued(request) if request.restore_id else self._begun(request)
        request = state.original_request()
        if not state.open and state.turns > 1:
            return self._result(request, state, self._means.monotonic() - began)  # it had ended already
        refuse_targets_outside_convention(request, self._means.settings)
        with ProgressReporter(self._carrier.publisher(request, state), state, dry_run=request.dry_run):
            unfinished = self._carrier.carry(request, state)
            error = keep(state, self._means.store, self._means.layout.checkpoint(state.id), unfinished)
        if not unfinished:
            report_ended(
                request, state, self._means.settings.environment, self._means.clock(), self._scratch_definitions
            )
        return self._result(request, state, self._means.monotonic() - began, error)

    def _begun(self, request: RestoreRequest) -> RestoreState:
        state = begin(request, self._means, self._scratch_definitions)
        if self._began:
            self._began(state.id, state.request)
        return state

    def _continued(self, request: RestoreRequest) -> RestoreState:
        restore_id = str(request.restore_id)
        key = self._means.layout.checkpoint(restore_id)
        state = resume(RestoreState, self._means.store, key, restore_id, request)
        refuse_strange_state(state, key, self._means.settings)
        return state

    def _result(
        self, request: RestoreRequest, state: RestoreState, seconds: float, error: str | None = None
    ) -> RestoreResult:
        dates = [table.backup_date for table in state.tables if table.backup_date]
        return RestoreResult(
            environment=self._means.settings.environment,
            s3_bucket=self._means.settings.bucket,
            dry_run=request.dry_run,
            backup_date=max(dates, default=None if request.export or request.on_demand_backup else request.backup_date),
            restore_id=state.id,
            duration_seconds=seconds,
            tables=tuple(table.result(dry_run=request.dry_run) for table in state.tables),
            warnings=tuple(state.warnings),
            error=error,
            error_type="CheckpointNotWritten" if error else None,
        )
