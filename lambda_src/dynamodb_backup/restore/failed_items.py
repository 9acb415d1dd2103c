"""Items that DynamoDB refused are kept in S3, in export format: mend the cause, then restore that export.

Beside each data file lies one with DynamoDB's words for each item. Neither is logged: both may hold item data.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import uuid

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
        # A name of its own, as DynamoDB's data files have: another invocation of the same restore must not replace it.
        name = base64.b32encode(uuid.uuid4().bytes).decode().rstrip("=").lower()
        lines = [refused.operation[_PUT_OPENS:-1].strip() for refused in self._buffer]
        reasons = [json.dumps({"line": line, "reason": one.reason}) for line, one in enumerate(self._buffer, start=1)]
        data = _packed(lines)
        key = f"{self._root}data/{name}.json.gz"
        self._store.put(key, data, content_type="application/gzip")
        self._store.put(f"{self._root}reasons/{name}.jsonl.gz", _packed([one.encode() for one in reasons]))
        self._state.failed_parts.append({"itemCount": len(lines), "md5Checksum": _md5(data), "dataFileS3Key": key})
        self._buffer.clear()

    def finish(self) -> None:
        """Write the manifests, so that the failed items can be restored like any other export."""
        self.flush()
        parts = self._state.failed_parts
        if not parts:
            return
        files = "".join(json.dumps(part, separators=(",", ":")) + "\n" for part in parts).encode()
        summary = {
            "version": "2020-06-30",
            "s3Bucket": self._store.bucket,
            "manifestFilesS3Key": f"{self._root}manifest-files.json",
            "itemCount": sum(part["itemCount"] for part in parts),
            "billedSizeBytes": 0,
            "outputFormat": "DYNAMODB_JSON",
        }
        for name, body in (("manifest-files", files), ("manifest-summary", json.dumps(summary).encode())):
            self._store.put(f"{self._root}{name}.md5", _md5(body).encode(), content_type="text/plain")
            self._store.put(f"{self._root}{name}.json", body)
        self._state.failed_items_export = f"s3://{self._store.bucket}/{self._root}"


def _packed(lines: list[bytes]) -> bytes:
    return gzip.compress(b"".join(line + b"\n" for line in lines), mtime=0)


def _md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
