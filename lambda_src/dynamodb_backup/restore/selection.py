"""Bringing back single items or partitions: what is asked for is found, verified, and set aside as an export.

The data files that may hold the keys are read whole, with checksum, count and every line, and only when all of them are
whole the found items become a small export under ``restores/``. From then on it is restored like any other.
"""

from __future__ import annotations

import json
import threading
from typing import Any

from dynamodb_backup.archive.export import NativeExport, read_export
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.own_export import new_file_name, write_data_file, write_manifests
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.pool import run_workers
from dynamodb_backup.restore.plan import adopt
from dynamodb_backup.restore.selection_state import Selection
from dynamodb_backup.restore.state import TableState
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.timing import Deadline
from dynamodb_backup.verify.lookup import WantedKeys, files_to_read
from dynamodb_backup.verify.stored_backup import FileProgress, OnItem, verify_file

__all__ = ["Selector"]

MOST_BUFFERED_BYTES = 8 * 1_048_576


class Selector:
    """The phase of one table's restore that finds what the request's keys stand for."""

    def __init__(
        self, store: ObjectStore, layout: Layout, request: RestoreRequest, restore_id: str, state: TableState
    ) -> None:
        self._store = store
        self._request = request
        self._state = state
        self._root = layout.selection(restore_id, state.target, restore_id)
        self._adding = threading.Lock()
        self._buffer: list[bytes] = []
        self._buffered_bytes = 0

    def run(self, source: ObjectStore, export: NativeExport, keys: KeySchema, deadline: Deadline) -> bool:
        """Find the items and set them aside; ``False`` means that time was up.

        Raises
        ------
        BackupDamaged
            A data file that may hold one of the keys is not whole.
        """
        wanted = WantedKeys(keys, self._request.selected_keys, partitions=bool(self._request.partition_keys))
        selection = self._state.selection or self._begin(source, export, wanted)

        def look_through(file: tuple[int, FileProgress]) -> None:
            number, progress = file
            verify_file(source, export.files[number], progress, deadline, self._on_item(wanted, selection))

        waiting = [file for file in selection.files if not file[1].done]
        if not run_workers(self._request.max_workers, waiting, look_through, deadline):
            return False
        self._conclude(wanted, selection)
        return True

    def save(self) -> None:
        """Keep in S3, for the next turn, what this turn found."""
        if self._buffer and not self._request.dry_run and self._state.selection:
            self._flush(self._state.selection)

    def _begin(self, source: ObjectStore, export: NativeExport, wanted: WantedKeys) -> Selection:
        numbers, warnings = files_to_read(source, export, wanted)
        self._state.warnings += warnings
        self._state.items_expected = 0
        self._state.selection = Selection([(number, FileProgress()) for number in numbers])
        return self._state.selection

    def _on_item(self, wanted: WantedKeys, selection: Selection) -> OnItem:
        def on_item(item: dict[str, Any]) -> None:
            digest = wanted.match(item)
            if digest is not None:
                with self._adding:
                    self._add(selection, digest, item)

        return on_item

    def _add(self, selection: Selection, digest: bytes, item: dict[str, Any]) -> None:
        if digest.hex() not in selection.found:
            selection.found.append(digest.hex())
        self._state.items_expected += 1
        if self._request.dry_run:
            return
        line = json.dumps({"Item": item}, separators=(",", ":")).encode()
        self._buffer.append(line)
        self._buffered_bytes += len(line)
        if self._buffered_bytes > MOST_BUFFERED_BYTES:
            self._flush(selection)

    def _flush(self, selection: Selection) -> None:
        selection.parts.append(write_data_file(self._store, self._root, new_file_name(), self._buffer))
        self._buffer.clear()
        self._buffered_bytes = 0

    def _conclude(self, wanted: WantedKeys, selection: Selection) -> None:
        found = set(selection.found)
        selection.not_found = [
            key
            for key, digest in zip(self._request.selected_keys, wanted.digests, strict=True)
            if digest.hex() not in found
        ]
        if self._request.dry_run or not found:
            return
        self.save()
        write_manifests(self._store, self._root, selection.parts)
        adopt(self._state, read_export(self._store, self._root))
