"""The fingerprint of a verified export, stored beside it, so that a copy takes it along."""

from __future__ import annotations

import json
from collections.abc import Sequence

from dynamodb_backup.archive.export import NativeExport
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.errors import WriteConflict
from dynamodb_backup.verify.fingerprint import VERSION, Fingerprint

__all__ = ["keep_fingerprint"]


def keep_fingerprint(store: ObjectStore, export: NativeExport, files: Sequence[Fingerprint]) -> tuple[str, bool]:
    """Store the fingerprint of an export and of each of its data files, unless it is there already.

    Returns
    -------
    The object's key, and whether another fingerprint had been there: since the same files always have the same
    fingerprint, that one was damaged, or written by another version. It is replaced.
    """
    key = Layout.fingerprint(export.root)
    body = _document(export, files)
    try:
        store.put_if_unchanged(key, body, None)
    except WriteConflict:
        there = store.find(key)
        if there is not None and there.body == body:
            return key, False
        store.put(key, body)
        return key, there is not None
    return key, False


def _document(export: NativeExport, files: Sequence[Fingerprint]) -> bytes:
    document = {
        "version": VERSION,
        "export_arn": export.export_arn,
        "table_name": export.table_name,
        "item_count": export.item_count,
        "fingerprint": str(sum(files, Fingerprint())),
        "files": [
            {
                "file": file.key.removeprefix(export.root),
                "md5Checksum": file.md5,
                "item_count": one.items,
                "fingerprint": str(one),
            }
            for file, one in zip(export.files, files, strict=True)
        ],
    }
    return json.dumps(document, indent=1).encode() + b"\n"
