"""Items that DynamoDB refused are kept in S3, in export format: mend the cause, then restore that export.

Beside each data file lies one with DynamoDB's words for each item. Neither is logged: both may hold item data.
"""

from __future__ import annotations

import json

from dynamodb_backup.archive.own_export import new_file_name, packed, write_data_file, write_manifests
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.restore.state import TableState
from dynamodb_backup.table.batch_write import Refused

__all__ = ["FailedItems"]

MOST_BUFFERED_ITEMS = 500
_PUT_OPENS = len(b'{"PutRequest":')


class FailedItems:
    """Collects one table's refused items and writes them as data files of an export. Not safe for threads by itself."""

    def __init__(self, store: ObjectStore, root: str, state: TableState) -> None:
        self._store = store
        self._root = root
        self._state = state
        self._buffer: list[Refused] = []

    def add(self, refused: list[Refused]) -> None:
        self._buffer += refused
        if len(self._buffer) >= MOST_BUFFERED_ITEMS:
            self.flush()

    def flush(self) -> None:
        """Write what is buffered as one more data file."""
        if not self._buffer:
            return
        name = new_file_name()
        lines = [refused.operation[_PUT_OPENS:-1].strip() for refused in self._buffer]
        reasons = [json.dumps({"line": line, "reason": one.reason}) for line, one in enumerate(self._buffer, start=1)]
        part = write_data_file(self._store, self._root, name, lines)
        self._store.put(f"{self._root}reasons/{name}.jsonl.gz", packed(one.encode() for one in reasons))
        self._state.failed_parts.append(part)
        self._buffer.clear()

    def finish(self) -> None:
        """Write the manifests, so that the failed items can be restored like any other export."""
        self.flush()
        if self._state.failed_parts:
            write_manifests(self._store, self._root, self._state.failed_parts)
            self._state.failed_items_export = f"s3://{self._store.bucket}/{self._root}"
