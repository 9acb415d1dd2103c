"""What an undo leaves in S3: keys that were not reverted and why, and items that were overwritten nevertheless.

Neither is logged: both hold item data.
"""

from __future__ import annotations

import json
import threading
from typing import Any

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.own_export import new_file_name, packed, write_data_file, write_manifests
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.undo.state import TableState

__all__ = ["Leftovers"]

MOST_BUFFERED = 1000


class Leftovers:
    """Collects them for one table. Safe to call from many threads."""

    def __init__(self, store: ObjectStore, layout: Layout, undo_id: str, state: TableState) -> None:
        self._store = store
        self._folder = layout.not_reverted(undo_id, state.table)
        self._overwritten_root = layout.overwritten(undo_id, state.table)
        self._state = state
        self._lock = threading.Lock()
        self._keys: list[bytes] = []
        self._overwritten: list[bytes] = []

    def not_reverted(self, keys: dict[str, Any], why: str) -> None:
        """Note a key whose item was left as it is. ``why`` may hold item data."""
        with self._lock:
            self._keys.append(json.dumps({"Keys": keys, "why": why}).encode())

    def overwritten(self, item: dict[str, Any]) -> None:
        """Keep an item that had changed after the window and is overwritten."""
        with self._lock:
            self._overwritten.append(json.dumps({"Item": item}, separators=(",", ":")).encode())

    @property
    def full(self) -> bool:
        return len(self._keys) + len(self._overwritten) >= MOST_BUFFERED

    def flush(self) -> None:
        """Write what is noted; each time one more object, so that no other invocation replaces it."""
        if self._keys:
            self._store.put(f"{self._folder}{new_file_name()}.jsonl.gz", packed(self._keys))
            self._state.not_reverted = f"s3://{self._store.bucket}/{self._folder}"
            self._keys.clear()
        if self._overwritten:
            root, parts = self._overwritten_root, self._state.overwritten_parts
            parts.append(write_data_file(self._store, root, new_file_name(), self._overwritten))
            write_manifests(self._store, root, parts)
            self._state.overwritten_export = f"s3://{self._store.bucket}/{root}"
            self._overwritten.clear()
