"""The window's changes: verified whole before the first item is touched, then read again from the very same objects."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from dynamodb_backup.archive.datafile import line_blocks
from dynamodb_backup.archive.export_manifests import DataFile
from dynamodb_backup.archive.incremental import Change, change_of
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.contract.undo import UndoRequest
from dynamodb_backup.errors import BackupDamaged, TargetUnusable
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.undo.state import FileState, TableState
from dynamodb_backup.verify.lookup import WantedKeys

__all__ = ["Changes"]

Numbered = tuple[int, Change]
"""A change, and the number of lines up to its own."""


class Changes:
    """The changes of one table's window, all of them or those of the request's keys."""

    def __init__(self, request: UndoRequest, keys: KeySchema, state: TableState) -> None:
        self._keys = keys
        self._state = state
        self._selected = request.selected_keys
        self._wanted = (
            WantedKeys(keys, self._selected, partitions=bool(request.partition_keys)) if self._selected else None
        )
        self._counting = threading.Lock()

    def check(self, change: Change) -> None:
        """Take in one change while it is verified.

        Raises
        ------
        TargetUnusable
            Its key is none of the table's as it is now.
        BackupDamaged
            Its images are not of its key.
        """
        if {name: kind for name, typed in change.keys.items() for kind in typed} != dict(self._keys.attributes):
            raise TargetUnusable(
                f"the keys of table {self._state.table} were others in the window: they are {self._keys} now; "
                "what changed before cannot be reverted in this table"
            )
        digest = self._keys.digest(change.keys)
        for image in (change.old, change.new):
            if image is not None and self._keys.digest(image) != digest:
                raise BackupDamaged(f"an image in the export of table {self._state.table} is not of its own key")
        with self._counting:
            self._state.changes += 1
            wanted = self._wanted.match(change.keys) if self._wanted else None
            self._state.selected += self._wanted is None or wanted is not None
            if wanted is not None and wanted.hex() not in self._state.found:
                self._state.found.append(wanted.hex())

    def conclude(self) -> None:
        """Note which of the request's keys did not change in the window, when everything is verified."""
        if self._wanted:
            found = set(self._state.found)
            digests = zip(self._selected, self._wanted.digests, strict=True)
            self._state.not_found = [key for key, digest in digests if digest.hex() not in found]

    def chunks(
        self, store: ObjectStore, file: DataFile, state: FileState, most: int
    ) -> Iterator[tuple[list[Change], int]]:
        """Yield the selected changes of a file that are not settled, some at a time, with the lines up to their end.

        The last of them may hold no change. No key stands twice in one.

        Raises
        ------
        ObjectChanged
            The object is no longer the one that was verified.
        ReadInterrupted
            The connection broke.
        """
        chunk: list[Change] = []
        digests: set[bytes] = set()
        number = state.lines_settled
        for number, change in self._changes(store, file, state):
            digest = self._keys.digest(change.keys)
            if len(chunk) == most or digest in digests:
                yield chunk, number - 1
                chunk, digests = [], set()
            chunk.append(change)
            digests.add(digest)
        yield chunk, max(number, state.verified.lines)

    def _changes(self, store: ObjectStore, file: DataFile, state: FileState) -> Iterator[Numbered]:
        body, _ = store.open(file.key, etag=state.verified.etag)
        settled, number = state.lines_settled, 0
        with body:
            for lines in line_blocks(body, f"s3://{store.bucket}/{file.key}"):
                for line in lines:
                    number += 1
                    if number > settled and line.strip():
                        change = change_of(line)
                        if self._wanted is None or self._wanted.match(change.keys) is not None:
                            yield number, change
