"""One invocation of verify: plan or continue, carry each table as far as time allows, checkpoint, answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from dynamodb_backup.archive.catalog import Catalog
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws import Clients
from dynamodb_backup.contract.verify import VerifyRequest, VerifyResult
from dynamodb_backup.settings import Settings
from dynamodb_backup.telemetry import emit, logger
from dynamodb_backup.timing import Clock, Deadline, utc_now
from dynamodb_backup.turns.carry import carry, keep, resume
from dynamodb_backup.turns.state import new_id
from dynamodb_backup.verify.choose import Chooser
from dynamodb_backup.verify.state import VerifyState
from dynamodb_backup.verify.table import TableVerifier

__all__ = ["VerifyRun"]


class VerifyRun:
    """The verify use case with everything it needs."""

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
        self._chooser = Chooser(self._store, Catalog(self._store, self._layout), settings.tables)

    def execute(self, request: VerifyRequest) -> VerifyResult:
        """Verify as far as this invocation's time allows.

        Raises
        ------
        RequestRefused
            The request contradicts itself, the backup, or the verification that it continues.
        BackupNotFound, BackupDamaged
            There is no such backup or no such verification, or the date's manifest cannot be read.
        """
        began = self._monotonic()
        state = self._continued(request) if request.verify_id else self._begun(request)
        request = state.original_request()
        error = None
        if state.turns == 1 or state.open:
            unfinished = carry(self._tables(request, state), self._deadline)
            error = keep(state, self._store, self._layout.verification(state.id), unfinished)
            if not unfinished:
                self._report(state)
        return VerifyResult(
            environment=self._settings.environment,
            s3_bucket=self._settings.bucket,
            against=request.against,
            verify_id=state.id,
            duration_seconds=self._monotonic() - began,
            tables=tuple(table.result() for table in state.tables),
            warnings=tuple(state.warnings),
            error=error,
            error_type="CheckpointNotWritten" if error else None,
        )

    def _begun(self, request: VerifyRequest) -> VerifyState:
        tables = self._chooser.choose(request)
        verify_id = new_id(self._clock())
        logger.info("verification began", verify_id=verify_id, tables=len(tables), against=request.against)
        return VerifyState(verify_id, request.to_dict(), tables)

    def _continued(self, request: VerifyRequest) -> VerifyState:
        verify_id = str(request.verify_id)
        return resume(VerifyState, self._store, self._layout.verification(verify_id), verify_id, request)

    def _tables(self, request: VerifyRequest, state: VerifyState) -> Iterator[TableVerifier]:
        for table in state.tables:
            folder = self._layout.verification_digests(state.id, table.source)
            yield TableVerifier(self._clients, self._store, folder, request, table, self._deadline)

    def _report(self, state: VerifyState) -> None:
        for table in state.tables:
            whole = table.status in {"VERIFIED", "IDENTICAL"}
            logger.info("verification of a table ended", verify_id=state.id, table=table.source, status=table.status)
            emit(
                {"VerifySucceeded": whole, "VerifyFailed": not whole},
                environment=self._settings.environment,
                table=table.source or "unknown",
            )
