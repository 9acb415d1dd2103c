"""One invocation of verify: plan or continue, carry each table as far as time allows, checkpoint, answer."""

from __future__ import annotations

from collections.abc import Iterator

from dynamodb_backup.archive.catalog import Catalog
from dynamodb_backup.contract.verify import VerifyRequest, VerifyResult
from dynamodb_backup.telemetry import emit, logger
from dynamodb_backup.turns.bounds import ELSEWHERE, may_read
from dynamodb_backup.turns.carry import carry, keep, resume
from dynamodb_backup.turns.means import Means
from dynamodb_backup.turns.state import new_id
from dynamodb_backup.verify.choose import Chooser
from dynamodb_backup.verify.state import VERIFICATION, VerifyState
from dynamodb_backup.verify.table import TableVerifier

__all__ = ["VerifyRun"]


class VerifyRun:
    """The verify use case with everything it needs."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._chooser = Chooser(means.store, Catalog(means.store, means.layout), means.settings.tables)

    def execute(self, request: VerifyRequest) -> VerifyResult:
        """Verify as far as this invocation's time allows.

        Raises
        ------
        RequestRefused
            The request contradicts itself, the backup, or the verification that it continues.
        BackupNotFound, BackupDamaged
            There is no such backup or no such verification, or the date's manifest cannot be read.
        """
        began = self._means.monotonic()
        state = self._continued(request) if request.verify_id else self._begun(request)
        request = state.original_request()
        error = None
        if state.turns == 1 or state.open:
            unfinished = carry(self._tables(request, state), self._means.deadline)
            error = keep(state, self._means.store, self._means.layout.verification(state.id), unfinished)
            if not unfinished:
                self._report(state)
        return VerifyResult(
            environment=self._means.settings.environment,
            s3_bucket=self._means.settings.bucket,
            against=request.against,
            verify_id=state.id,
            duration_seconds=self._means.monotonic() - began,
            tables=tuple(table.result() for table in state.tables),
            warnings=tuple(state.warnings),
            error=error,
            error_type="CheckpointNotWritten" if error else None,
        )

    def _begun(self, request: VerifyRequest) -> VerifyState:
        tables = self._chooser.choose(request)
        verify_id = new_id(self._means.clock())
        logger.info("verification began", verify_id=verify_id, tables=len(tables), against=request.against)
        return VerifyState(verify_id, request.to_dict(), tables)

    def _continued(self, request: VerifyRequest) -> VerifyState:
        verify_id = str(request.verify_id)
        key = self._means.layout.verification(verify_id)
        state = resume(VerifyState, self._means.store, key, verify_id, request)
        asked = state.original_request()
        for table in state.tables:
            strange = table.target not in {None, asked.target_of(table.source)}
            if strange or not may_read(self._means.settings, asked.export, table.bucket, table.root):
                raise VERIFICATION.damaged(key, ELSEWHERE)
        return state

    def _tables(self, request: VerifyRequest, state: VerifyState) -> Iterator[TableVerifier]:
        for table in state.tables:
            folder = self._means.layout.verification_digests(state.id, table.source)
            yield TableVerifier(self._means, folder, request, table)

    def _report(self, state: VerifyState) -> None:
        for table in state.tables:
            whole = table.status in {"VERIFIED", "IDENTICAL"}
            logger.info("verification of a table ended", verify_id=state.id, table=table.source, status=table.status)
            emit(
                {"VerifySucceeded": whole, "VerifyFailed": not whole},
                environment=self._means.settings.environment,
                table=table.source or "unknown",
            )
