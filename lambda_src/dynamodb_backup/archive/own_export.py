"""Writing items to S3 as an export of our own, in DynamoDB's format, so that they can be restored like any other."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from dynamodb_backup.archive.store import ObjectStore

__all__ = ["new_file_name", "packed", "write_data_file", "write_manifests"]

Part = dict[str, Any]
"""One data file's line of manifest-files.json."""


def new_file_name() -> str:
    """Return a name as DynamoDB's data files have; another invocation of the same restore must not use it too."""
    return base64.b32encode(uuid.uuid4().bytes).decode().rstrip("=").lower()


def write_data_file(store: ObjectStore, root: str, name: str, lines: Sequence[bytes]) -> Part:
    """Write one data file and return what the manifest says of it."""
    data = packed(lines)
    key = f"{root}data/{name}.json.gz"
    store.put(key, data, content_type="application/gzip")
    return {"itemCount": len(lines), "md5Checksum": _md5(data), "dataFileS3Key": key}


def write_manifests(store: ObjectStore, root: str, parts: Sequence[Part]) -> None:
    """Write both manifests, and so make the data files an export."""
    files = "".join(json.dumps(part, separators=(",", ":")) + "\n" for part in parts).encode()
    summary = {
        "version": "2020-06-30",
        "s3Bucket": store.bucket,
        "manifestFilesS3Key": f"{root}manifest-files.json",
        "itemCount": sum(part["itemCount"] for part in parts),
        "billedSizeBytes": 0,
        "outputFormat": "DYNAMODB_JSON",
    }
    for name, body in (("manifest-files", files), ("manifest-summary", json.dumps(summary).encode())):
        store.put(f"{root}{name}.md5", _md5(body).encode(), content_type="text/plain")
        store.put(f"{root}{name}.json", body)


def packed(lines: Iterable[bytes]) -> bytes:
    """Return lines as an object's bytes; the same lines give the same bytes."""
    return gzip.compress(b"".join(line + b"\n" for line in lines), mtime=0)


def _md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
