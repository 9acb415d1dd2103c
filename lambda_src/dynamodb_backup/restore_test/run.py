"""One invocation of a restore test: begin or continue, carry table after table, record, answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws import Clients
from dynamodb_backup.aws_errors import AWS_ERRORS, explain, is_transient
from dynamodb_backup.contract.restore_test import RestoreTestReport, RestoreTestRequest, RestoreTestResult
from dynamodb_backup.errors import LeaseTaken, ToolError, WriteConflict
from dynamodb_backup.restore_test.records import TestRecords
from dynamodb_backup.restore_test.scratch import ScratchTables
from dynamodb_backup.restore_test.state import TableTestState, TestState
from dynamodb_backup.restore_test.table import TableTester
from dynamodb_backup.restore_test.terms import Terms
from dynamodb_backup.settings import Settings
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import Clock, Deadline, iso, utc_now
from dynamodb_backup.turns.state import new_id

__all__ = ["RestoreTestRun"]

GIVEN_UP_AFTER = timedelta(hours=1)
"""A test of which nothing was heard for so long is nobody's: an invocation lasts a quarter of an hour at most."""


class RestoreTestRun:
    """The restore test with everything it needs."""

    def __init__(
        self,
        settings: Settings,
        terms: Terms,
        clients: Clients,
        deadline: Deadline,
        clock: Clock = utc_now,
        *,
        began: Callable[[str, Mapping[str, Any]], None] | None = None,
    ) -> None:
        self._began = began
        self._settings = settings
        self._terms = terms
        self._clients = clients
        self._deadline = deadline
        self._clock = clock
        self._store = ObjectStore(clients.s3, settings.bucket)
        self._layout = Layout(settings.exports_prefix)
        self._records = TestRecords(self._store, self._layout, settings.environment)

    def report(self, request: RestoreTestRequest) -> RestoreTestReport:
        """Publish how long ago each table was proven restorable."""
        now, tables = self._clock(), self._terms.chosen(request)
        ages = tuple(self._records.age(table, now) for table in tables)
        return RestoreTestReport(self._settings.environment, self._settings.bucket, ages)

    def execute(self, request: RestoreTestRequest) -> RestoreTestResult:
        """Test as far as this invocation's time allows.

        Raises
        ------
        RequestRefused
            A table is not among those that are tested.
        LeaseTaken
            Another test is going on.
        BackupDamaged
            The state of the test cannot be read.
        """
        state = self._begun_or_continued(request)
        if state.open:
            self._save(state)
            if not state.swept:
                self._sweep(state)
            self._carry(state)
        return RestoreTestResult(
            environment=self._settings.environment,
            s3_bucket=self._settings.bucket,
            test_id=state.test_id,
            tables=tuple(table.result() for table in state.tables),
            leftovers=tuple(state.leftovers),
            warnings=tuple(state.warnings),
        )

    def _begun_or_continued(self, request: RestoreTestRequest) -> TestState:
        chosen = self._terms.chosen(request)
        key = self._layout.restore_test_run
        stored = self._store.find(key)
        earlier = TestState.parse(key, stored.body, stored.etag) if stored else None
        if earlier and earlier.test_id == request.test_id:
            return earlier
        now = self._clock()
        if earlier and earlier.open and now - datetime.fromisoformat(earlier.updated_at) < GIVEN_UP_AFTER:
            raise LeaseTaken(
                f"restore test '{earlier.test_id}' is going on; continue it with its test_id, or wait until it has "
                "ended or was not heard of for an hour"
            )
        test_id = request.test_id or new_id(now)
        logger.info("restore test began", test_id=test_id, tables=len(chosen))
        if self._began:
            self._began(test_id, {"tables": list(chosen)})
        tables = [TableTestState(table) for table in chosen]
        return TestState(test_id, iso(now), tables, etag=earlier.etag if earlier else None)

    def _save(self, state: TestState) -> None:
        state.updated_at = iso(self._clock())
        try:
            state.etag = self._store.put_own(self._layout.restore_test_run, state.to_json(), state.etag)
        except WriteConflict as error:
            raise LeaseTaken(
                f"another invocation carries on with restore tests, so this one of '{state.test_id}' stopped"
            ) from error

    def _sweep(self, state: TestState) -> None:
        """Delete what tests that died left behind: whatever is there now is older than this test."""
        scratch = ScratchTables(self._clients.dynamodb, self._terms.scratch_prefix, self._deadline)
        state.leftovers = []
        try:
            for name in scratch.names():
                try:
                    if not scratch.delete(name):
                        return
                except (ToolError, *AWS_ERRORS) as error:
                    if is_transient(error):
                        raise
                    logger.error("scratch table of an earlier test not deleted", target=name, error=explain(error))
                    state.leftovers.append(f"{name}: {explain(error)}")
        except AWS_ERRORS as error:
            if is_transient(error):
                logger.warning("looking for scratch tables has to wait", error=explain(error))
                return
            state.leftovers.append(f"tables {self._terms.scratch_prefix}*: {explain(error)}")
        state.swept = True
        self._save(state)

    def _carry(self, state: TestState) -> None:
        """Go on with the first open table in any case, so that a short turn makes progress; then while time is left."""
        if not state.swept:
            return
        tester = TableTester(self._settings, self._terms, self._clients, state.test_id, self._deadline, self._clock)
        for table in [table for table in state.tables if table.open]:
            tester.execute(table, lambda: self._save(state))
            if table.phase == "ended":
                self._record(state, table)
            if self._deadline.passed():
                break
        self._save(state)

    def _record(self, state: TestState, table: TableTestState) -> None:
        table.recorded = True
        try:
            self._records.record(state.test_id, table.result(), self._clock())
        except (ToolError, *AWS_ERRORS) as error:
            table.recorded = not (is_transient(error) or isinstance(error, WriteConflict))
            logger.error("result of a restore test not recorded", table=table.table_name, error=explain(error))
            if table.recorded:
                table.status = "FAILED"
                table.error = f"the result could not be recorded: {explain(error)}"
