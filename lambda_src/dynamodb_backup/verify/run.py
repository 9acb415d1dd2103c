"""One invocation of verify: plan or continue, carry each table as far as time allows, checkpoint, answer."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from dynamodb_backup.archive.catalog import Catalog
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws import Clients
from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.contract.verify import VerifyRequest, VerifyResult
from dynamodb_backup.errors import BackupNotFound, RequestRefused, ToolError, WriteConflict
from dynamodb_backup.settings import Settings
from dynamodb_backup.telemetry import emit, logger
from dynamodb_backup.timing import Clock, Deadline, backoff_seconds, utc_now
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
        if state.turns == 1 or any(table.open for table in state.tables):
            unfinished = self._carry(request, state)
            error = self._checkpoint(state, unfinished)
            if not unfinished:
                self._report(state)
        return VerifyResult(
            environment=self._settings.environment,
            s3_bucket=self._settings.bucket,
            against=request.against,
            verify_id=state.verify_id,
            duration_seconds=self._monotonic() - began,
            tables=tuple(table.result() for table in state.tables),
            warnings=tuple(state.warnings),
            error=error,
            error_type="CheckpointNotWritten" if error else None,
        )

    def _begun(self, request: VerifyRequest) -> VerifyState:
        tables = self._chooser.choose(request)
        verify_id = f"{self._clock():%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"
        logger.info("verification began", verify_id=verify_id, tables=len(tables), against=request.against)
        return VerifyState(verify_id, request.to_dict(), tables)

    def _continued(self, request: VerifyRequest) -> VerifyState:
        verify_id = str(request.verify_id)
        key = self._layout.verification(verify_id)
        stored = self._store.find(key)
        if stored is None:
            raise BackupNotFound(f"there is no unfinished verification '{verify_id}' (s3://{self._store.bucket}/{key})")
        state = VerifyState.parse(key, stored.body, stored.etag)
        field = state.contradiction(request)
        if field:
            value = state.original_request().to_dict()[field]
            raise RequestRefused(field, f"differs from the request that began verification '{verify_id}': {value!r}")
        state.turns += 1
        logger.info("verification goes on", verify_id=verify_id, turn=state.turns)
        return state

    def _carry(self, request: VerifyRequest, state: VerifyState) -> list[TableVerifier]:
        """Go on with the first open table in any case, so that a short turn makes progress; then while time is left.

        Returns the tables that are not done.
        """
        unfinished = [
            TableVerifier(
                self._clients,
                self._store,
                self._layout.verification_digests(state.verify_id, table.source),
                request,
                table,
                self._deadline,
            )
            for table in state.tables
            if table.open
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

    def _checkpoint(self, state: VerifyState, unfinished: list[TableVerifier]) -> str | None:
        """Keep the state for the next turn, if there is or was more than one; return why that was impossible."""
        if not unfinished and state.turns == 1:
            return None
        try:
            for table in unfinished:
                table.save()
            self._store.put_if_unchanged(self._layout.verification(state.verify_id), state.to_json(), state.etag)
        except WriteConflict:
            # Another invocation of this verification was faster; whoever goes on does so from its checkpoint.
            state.warnings.append("another invocation carries this verification at the same time; its progress counts")
        except (ToolError, *AWS_ERRORS) as error:
            logger.error("the checkpoint could not be written", verify_id=state.verify_id, error=explain(error))
            if unfinished:
                return f"the verification cannot be continued, begin it again: {explain(error)}"
            state.warnings.append(f"the checkpoint could not be brought up to date: {explain(error)}")
        return None

    def _report(self, state: VerifyState) -> None:
        for table in state.tables:
            whole = table.status in {"VERIFIED", "IDENTICAL"}
            logger.info(
                "verification of a table ended", verify_id=state.verify_id, table=table.source, status=table.status
            )
            emit(
                {"VerifySucceeded": whole, "VerifyFailed": not whole},
                environment=self._settings.environment,
                table=table.source or "unknown",
            )
