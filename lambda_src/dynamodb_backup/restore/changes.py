"""Increments of a restore: all verified before the first write, then applied window after window."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence

from dynamodb_backup.archive.chains import read_window
from dynamodb_backup.archive.incremental import Change, IncrementalExport, change_of, read_incremental
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.errors import BackupDamaged, ObjectChanged, ToolError
from dynamodb_backup.pool import run_workers
from dynamodb_backup.restore.chain_digests import ChainDigests
from dynamodb_backup.restore.failed_items import FailedItems
from dynamodb_backup.restore.plan import fingerprint_of
from dynamodb_backup.restore.state import FileState, TableState, WindowState
from dynamodb_backup.restore.write import TableWriter
from dynamodb_backup.table.batch_write import Outcome
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.table.write_budget import ItemWriter
from dynamodb_backup.timing import Deadline
from dynamodb_backup.verify.stored_backup import OnItem, verify_file

__all__ = ["ChangeWriter", "Changes"]

_UNSENT = b""


class Changes:
    """The increments of one table's restore."""

    def __init__(self, store: ObjectStore, state: TableState, deadline: Deadline) -> None:
        self._store = store
        self._state = state
        self._deadline = deadline
        self._counting = threading.Lock()

    def verify(self, keys: KeySchema, digests: ChainDigests, workers: int) -> bool:
        """Check every file of every window; ``False`` means that time was up.

        Raises
        ------
        BackupNotFound, BackupDamaged
            An increment is missing, not whole, of another table or window, or has a change that cannot be applied.
        """
        windows = self._state.windows
        unread = [window for window in windows if window.fingerprint is None]
        if not run_workers(workers, unread, self._open, self._deadline):
            return False
        exports: dict[int, IncrementalExport] = {}

        def verify(place: tuple[int, int]) -> None:
            window, file = place
            if window not in exports:
                exports[window] = self._same_export(windows[window])
            progress = windows[window].files[file].verified
            on_item = self._on_change(window, keys, digests)
            verify_file(
                self._store, exports[window].files[file], progress, self._deadline, on_item=on_item, parse=change_of
            )

        waiting = [
            (number, place)
            for number, window in enumerate(windows)
            for place, file in enumerate(window.files)
            if not file.verified.done
        ]
        if not run_workers(workers, waiting, verify, self._deadline):
            return False
        digests.check_windows()
        return True

    def apply(self, writer: ItemWriter, failed: FailedItems, workers: int) -> bool:
        """Write the windows in their order, each whole before the next begins; ``False`` means that time was up.

        Within a window every key changes once, so its files can be written in any order, and again after a crash.
        """
        state = self._state
        changes = ChangeWriter(writer, state.target)
        for window in state.windows:
            if window.applied:
                continue
            export = self._same_export(window)
            table_writer = TableWriter(self._store, export, state, changes, failed, self._deadline, window.files)
            if not table_writer.run(workers):
                if table_writer.trouble:
                    state.error = f"time ran out while retrying: {table_writer.trouble}"
                return False
            window.applied = True
            state.items_written -= window.deletes
            state.changes_deleted += window.deletes
        return True

    def _open(self, window: WindowState) -> None:
        """Read a window's manifests for the first time."""
        table = self._state.source
        export = read_window(self._store, window.root, table, window.end, window.changes, window.files_sha256)
        window.files = [FileState() for _ in export.files]
        window.fingerprint = fingerprint_of(export)

    def _same_export(self, window: WindowState) -> IncrementalExport:
        export = read_incremental(self._store, window.root)
        if fingerprint_of(export) != window.fingerprint:
            raise ObjectChanged(f"the manifest of s3://{export.bucket}/{export.root} changed since this restore began")
        return export

    def _on_change(self, number: int, keys: KeySchema, digests: ChainDigests) -> OnItem:
        window = self._state.windows[number]

        def on_change(change: Change) -> None:
            try:
                digests.follow(keys, number + 1, change)
            except ValueError as error:
                raise BackupDamaged(
                    f"a change of the increment s3://{self._store.bucket}/{window.root} cannot be applied to table "
                    f"{self._state.target}: {error}"
                ) from None
            if change.new is None:
                with self._counting:
                    window.deletes += 1

        return on_change


class ChangeWriter:
    """Writes lines of an incremental export: puts the new items, and deletes the keys that have none."""

    def __init__(self, writer: ItemWriter, table: str) -> None:
        self._writer = writer
        self._table = table

    def put(self, lines: Sequence[bytes]) -> Outcome:
        """Apply some changes of different keys.

        Raises ``ClientError`` for what no retry mends, and ``ToolError`` where DynamoDB refuses to delete a key.
        """
        changes = [change_of(line) for line in lines]
        puts = [_put_line(change) for change in changes if change.new is not None]
        deletes = [change.keys for change in changes if change.new is None]
        written = self._writer.put(puts) if puts else Outcome()
        deleted = self._writer.delete(deletes) if deletes else Outcome()
        if deleted.refused:
            raise ToolError(
                f"DynamoDB refused to delete {len(deleted.refused)} items of table {self._table} that an increment "
                "says were deleted, so the table does not equal the backup"
            )
        if not written.unsettled and not deleted.unsettled:
            return Outcome(written=written.written + deleted.written, refused=written.refused)
        return self._leading(changes, puts, written, deleted)

    def _leading(self, changes: Sequence[Change], puts: Sequence[bytes], written: Outcome, deleted: Outcome) -> Outcome:
        """Return the outcome of the changes up to the first that is not settled; those behind it are done again."""
        settled_puts = written.settled if written.unsettled else len(puts)
        leading = 0
        put = 0
        for change in changes:
            if change.new is None and deleted.unsettled:
                break
            if change.new is not None:
                if put == settled_puts:
                    break
                put += 1
            leading += 1
        refused_lines = {one.operation: one for one in written.refused}
        refused = [refused_lines[one] for one in map(_operation, puts[:put]) if one in refused_lines]
        rest = [_UNSENT] * (len(changes) - leading)
        return Outcome(
            written=leading - len(refused),
            refused=refused,
            unsettled=rest,
            last_trouble=written.last_trouble or deleted.last_trouble,
        )


def _put_line(change: Change) -> bytes:
    # Strings and numbers are JSON strings, and base64 stays as it is, so the item arrives exactly as it was exported.
    return json.dumps({"Item": change.new}, separators=(",", ":")).encode()


def _operation(line: bytes) -> bytes:
    return b'{"PutRequest":' + line + b"}"
