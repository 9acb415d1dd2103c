"""One table of an undo, carried through its phases: export, verify, revert, done."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from dynamodb_backup.archive.export_manifests import listing_digest
from dynamodb_backup.archive.incremental import Change, IncrementalExport, change_of, read_incremental
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws_errors import is_transient
from dynamodb_backup.contract.undo import UndoRequest
from dynamodb_backup.errors import BackupDamaged, ObjectChanged, TargetUnusable, TimeIsUp, ToolError, UnsupportedExport
from dynamodb_backup.pool import run_workers
from dynamodb_backup.table.definition import describe_target
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.table.live_items import MOST_KEYS_AT_ONCE, LiveItems
from dynamodb_backup.telemetry import logger
from dynamodb_backup.turns.means import Means
from dynamodb_backup.turns.outcome import told_by
from dynamodb_backup.undo.changes import Changes
from dynamodb_backup.undo.leftovers import Leftovers
from dynamodb_backup.undo.revert import ALREADY, CHANGED_AFTER, FAILED, REVERTED, Reverter
from dynamodb_backup.undo.state import FileState, TableState
from dynamodb_backup.undo.window import WindowExport
from dynamodb_backup.verify.stored_backup import verify_file

__all__ = ["TableUndoer"]


class TableUndoer:
    """Carries one table as far as time allows. Its state tells the outcome; nothing about it alone is raised."""

    def __init__(self, means: Means, request: UndoRequest, undo_id: str, state: TableState) -> None:
        self._clients = means.clients
        self._store = means.store
        self._request = request
        self._state = state
        self._deadline = means.deadline
        self._leftovers = Leftovers(means.store, means.layout, undo_id, state)
        self._window = WindowExport(means, state.table, request.window) if request.window else None

    @property
    def open(self) -> bool:
        return self._state.open

    def save(self) -> None:
        """Keep in S3 what the record of the undo itself does not hold."""
        self._leftovers.flush()

    def execute(self) -> None:
        """Go on with this table until it is done, has failed, must wait, or time is up."""
        state = self._state
        with told_by(state, "undo", table=state.table):
            try:
                description = describe_target(self._clients.dynamodb, state.table)
                keys = KeySchema.of(description)
                if state.phase == "export" and self._export(description):
                    state.phase = "verify"
                if state.phase in {"verify", "revert"}:
                    self._verify_and_revert(description, keys)
                if state.phase == "done":
                    self._conclude()
            except TimeIsUp as error:
                state.error = str(error)

    def _export(self, description: dict[str, Any]) -> bool:
        """See to it that there is an export of the window; ``False`` while DynamoDB is at it."""
        state = self._state
        if self._window is None:
            state.bucket, _, place = (self._request.export or "").removeprefix("s3://").partition("/")
            state.root = place.rstrip("/") + "/"
            return True
        state.export_arn = state.export_arn or self._window.start(description["TableArn"])
        root = self._window.root(state.export_arn)
        if root is not None:
            state.bucket, state.root = self._store.bucket, root
        return root is not None

    def _verify_and_revert(self, description: dict[str, Any], keys: KeySchema) -> None:
        state = self._state
        store = self._store.in_bucket(state.bucket)
        export = self._checked(read_incremental(store, state.root), description)
        changes = Changes(self._request, keys, state)
        if state.phase == "verify" and self._verify(store, export, changes):
            state.phase = "revert"
        if state.phase == "revert" and self._revert(store, export, changes, keys):
            state.phase = "done"

    def _checked(self, export: IncrementalExport, description: dict[str, Any]) -> IncrementalExport:
        """Return the export if it is one of this table and this window, with everything that an undo needs."""
        state, place = self._state, f"s3://{export.bucket}/{export.root}"
        if export.output_view != "NEW_AND_OLD_IMAGES":
            raise UnsupportedExport(
                f"{place} has no old images (its view is {export.output_view}), so what was before it is unknown"
            )
        if export.table_name not in {None, state.table}:
            raise BackupDamaged(f"{place} is an export of table {export.table_name}, not of {state.table}")
        created = description.get("CreationDateTime")
        recreated = isinstance(created, datetime) and created > datetime.fromisoformat(export.to_time)
        if recreated or export.table_id not in {None, description.get("TableId", export.table_id)}:
            raise TargetUnusable(
                f"table {state.table} was created again since the window: what changed in the former table cannot be "
                "reverted in this one; restore a backup instead"
            )
        window = (datetime.fromisoformat(export.from_time), datetime.fromisoformat(export.to_time))
        if self._request.window not in {None, window}:
            raise BackupDamaged(f"{place} is of another window, from {export.from_time} to {export.to_time}")
        listing = listing_digest(export.files)
        if not state.listing:
            state.listing, state.files = listing, [FileState() for _ in export.files]
            state.warnings += export.warnings
        if listing != state.listing:
            raise ObjectChanged(f"the manifest of {place} changed since this undo began")
        return export

    def _verify(self, store: ObjectStore, export: IncrementalExport, changes: Changes) -> bool:
        """Check every data file before the first item is touched; ``False`` means that time was up."""

        def verify(number: int) -> None:
            progress = self._state.files[number].verified
            verify_file(store, export.files[number], progress, self._deadline, changes.check, change_of)

        waiting = [number for number, file in enumerate(self._state.files) if not file.verified.done]
        if not run_workers(self._request.max_workers, waiting, verify, self._deadline):
            return False
        changes.conclude()
        logger.info("export of a window verified", table=self._state.table, changes=self._state.changes)
        return True

    def _revert(self, store: ObjectStore, export: IncrementalExport, changes: Changes, keys: KeySchema) -> bool:
        items = LiveItems(self._clients.dynamodb, self._state.table, keys, self._deadline)
        reverter = Reverter(
            items,
            self._leftovers,
            dry_run=self._request.dry_run,
            allow_changed_after=self._request.allow_changed_after,
        )
        with ThreadPoolExecutor(self._request.max_workers, thread_name_prefix="undo") as pool:
            for file, state in zip(export.files, self._state.files, strict=True):
                if state.settled:
                    continue
                for chunk, lines in changes.chunks(store, file, state, MOST_KEYS_AT_ONCE):
                    self._revert_chunk(chunk, items, reverter, keys, pool)
                    state.lines_settled = lines
                    state.settled = lines >= state.verified.lines
                    if self._deadline.passed():
                        return all(one.settled for one in self._state.files)
        return all(file.settled for file in self._state.files)

    def _revert_chunk(
        self, chunk: list[Change], items: LiveItems, reverter: Reverter, keys: KeySchema, pool: ThreadPoolExecutor
    ) -> None:
        """Revert some changes. Cut short by time, it counts none; the next turn finds those done as already reverted.

        Behind any other error there is no next turn: those done are counted before it is raised.
        """
        if not chunk:
            return
        live = items.read([change.keys for change in chunk])
        pairs = [(change, live.get(keys.digest(change.keys))) for change in chunk]
        for change, item in pairs:
            reverter.keep(change, item)
        self._leftovers.flush()
        reverts = [pool.submit(reverter.revert, *pair) for pair in pairs]
        errors = [error for one in reverts if (error := one.exception())]
        for error in errors:
            if isinstance(error, TimeIsUp) or is_transient(error):
                raise error
        outcomes = Counter(one.result() for one in reverts if not one.exception())
        state = self._state
        state.reverted += outcomes[REVERTED]
        state.already += outcomes[ALREADY]
        state.changed_after += outcomes[CHANGED_AFTER]
        state.failed += outcomes[FAILED]
        if errors:
            raise errors[0]

    def _conclude(self) -> None:
        state = self._state
        self._leftovers.flush()
        settled = state.reverted + state.already + state.changed_after + state.failed
        if settled != state.selected:
            raise ToolError(
                f"{settled} of {state.selected} changes of table {state.table} were accounted for; "
                "this is a defect of the undo, please report it"
            )
        left = _left(state)
        if not left:
            state.status = "READY" if self._request.dry_run else "COMPLETED"
            return
        state.status = "PARTIAL_SUCCESS" if state.reverted or state.already else "FAILED"
        state.error = "; ".join(left)


def _left(state: TableState) -> list[str]:
    """Say what the undo did not do."""
    left = []
    if state.changed_after:
        left.append(f"{state.changed_after} items changed again after the window and were left as they are")
    if state.failed:
        left.append(f"DynamoDB refused to take back {state.failed} items")
    if state.not_found:
        left.append(f"{len(state.not_found)} of the keys did not change in the window; they are in 'keys_not_found'")
    if state.not_reverted:
        left.append(f"the keys of those left are in {state.not_reverted}")
    return left
