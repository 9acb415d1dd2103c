"""One table of a restore test: choose its newest backup, restore it into a scratch table, delete that."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

from dynamodb_backup.archive.catalog import Catalog, StoredBackup
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws import Clients
from dynamodb_backup.aws_errors import AWS_ERRORS, explain, is_transient
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.contract.restore_result import TableRestore
from dynamodb_backup.errors import ToolError
from dynamodb_backup.restore.run import RestoreRun
from dynamodb_backup.restore_test.definition import captured_definition, scratch_definition
from dynamodb_backup.restore_test.scratch import ScratchTables
from dynamodb_backup.restore_test.state import TableTestState
from dynamodb_backup.restore_test.terms import Terms
from dynamodb_backup.settings import Settings
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import Clock, Deadline, iso
from dynamodb_backup.turns.means import Means

__all__ = ["TableTester"]

WORKERS = 8


class TableTester:
    """Carries one table as far as time allows. Its state tells the outcome; nothing about it alone is raised."""

    def __init__(
        self, settings: Settings, terms: Terms, clients: Clients, test_id: str, deadline: Deadline, clock: Clock
    ) -> None:
        self._settings = settings
        self._terms = terms
        self._clients = clients
        self._test_id = test_id
        self._deadline = deadline
        self._clock = clock
        self._store = ObjectStore(clients.s3, settings.bucket)
        self._layout = Layout(settings.exports_prefix)
        self._catalog = Catalog(self._store, self._layout)
        self._scratch = ScratchTables(clients.dynamodb, terms.scratch_prefix, deadline)

    def execute(self, state: TableTestState, save: Callable[[], None]) -> None:
        """Go on with a table until it has ended, must wait, or time is up.

        ``save`` keeps the state: the scratch table's name must be known before the table is.
        """
        while state.phase != "ended":
            before = state.phase
            if before == "delete":
                self._delete(state)
            else:
                self._try(state, self._choose if before == "choose" else self._restore)
            if state.phase == before:
                return
            save()

    def _try(self, state: TableTestState, step: Callable[[TableTestState], None]) -> None:
        try:
            step(state)
        except (ToolError, *AWS_ERRORS) as error:
            if is_transient(error):
                logger.warning("restore test has to wait", table=state.table_name, error=explain(error))
                return
            self._conclude(state, "FAILED", explain(error))

    def _choose(self, state: TableTestState) -> None:
        table = state.table_name
        backup = self._catalog.newest([table]).get(table)
        if backup is None:
            self._conclude(state, "FAILED", f"no date holds a COMPLETED backup of table {table}")
            return
        state.backup_date = backup.manifest.backup_date
        definition = captured_definition(self._store, backup)
        state.table_bytes = _size(backup) or _described_size(definition["Table"].get("TableSizeBytes"))
        limit = self._terms.max_table_bytes
        if limit is not None and (state.table_bytes is None or state.table_bytes > limit):
            size = "of unknown size" if state.table_bytes is None else f"{state.table_bytes} bytes large"
            self._conclude(
                state,
                "SKIPPED",
                f"table {table} is {size}, and max_table_bytes is {limit}: it was not tested; raise the limit, or "
                "leave the table out of restore_tests.tables",
            )
            return
        document = json.dumps(scratch_definition(definition, self._test_id)).encode()
        self._store.put(self._layout.scratch_definition(table), document)
        state.scratch_table = self._terms.new_name(table)
        state.started_at = iso(self._clock())
        state.phase = "restore"

    def _restore(self, state: TableTestState) -> None:
        run = RestoreRun(
            Means(self._terms.settings(self._settings), self._clients, self._deadline),
            scratch_definitions={state.table_name: self._layout.scratch_definition(state.table_name)},
        )
        answer = run.execute(RestoreRequest.from_event(self._event(state)))
        state.restore_id = answer.restore_id
        if answer.error:
            self._conclude(state, "FAILED", answer.error)
            return
        (restored,) = answer.tables
        if restored.status == "IN_PROGRESS":
            return
        now = self._clock()
        state.tested_at = iso(now)
        state.restore_seconds = round((now - datetime.fromisoformat(str(state.started_at))).total_seconds(), 3)
        state.items_expected, state.items_restored = restored.items_expected, restored.items_written
        state.warnings += restored.warnings
        differences = restored.differences or {}
        state.differences = {kind: int(differences[kind]) for kind in ("missing", "different", "extra") if differences}
        state.proven = _is_proof(restored, state.differences)
        self._conclude(state, *(("PROVEN", None) if state.proven else ("FAILED", restored.error or _UNPROVEN)))

    def _event(self, state: TableTestState) -> dict[str, object]:
        if state.restore_id:
            return {"restore_id": state.restore_id}
        return {
            "backup_date": state.backup_date,
            "tables": [state.table_name],
            "target_tables": {state.table_name: state.scratch_table},
            "create_missing_tables": True,
            "prove": True,
            "max_workers": WORKERS,
        }

    def _delete(self, state: TableTestState) -> None:
        name = str(state.scratch_table)
        try:
            if not self._scratch.delete(name):
                return
        except (ToolError, *AWS_ERRORS) as error:
            if is_transient(error):
                logger.warning("deletion of a scratch table has to wait", target=name, error=explain(error))
                return
            logger.error("scratch table not deleted", target=name, error=explain(error))
            earlier = f"{state.error}; and " if state.error else ""
            state.status = "FAILED"
            state.error = f"{earlier}scratch table {name} was not deleted and costs money: {explain(error)}"
        else:
            state.scratch_table = None
        state.phase = "ended"

    def _conclude(self, state: TableTestState, status: str, error: str | None) -> None:
        state.status, state.error = status, error
        state.tested_at = state.tested_at or iso(self._clock())
        state.phase = "delete" if state.scratch_table else "ended"


_UNPROVEN = "the scratch table does not hold exactly the backup's items; see 'differences'"


def _is_proof(restored: TableRestore, differences: dict[str, int]) -> bool:
    return restored.status == "COMPLETED" and restored.proven is True and not any(differences.values())


def _size(backup: StoredBackup) -> int | None:
    """Return the table's size as DynamoDB billed its export, in bytes; ``None`` where the manifest does not say."""
    return backup.entry.number("billed_size_bytes") or None


def _described_size(size: object) -> int | None:
    return size if isinstance(size, int) else None
