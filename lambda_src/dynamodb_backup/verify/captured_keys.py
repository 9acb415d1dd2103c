"""The key schema that was captured with a backup."""

from __future__ import annotations

from dynamodb_backup.archive.seal import is_altered
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.errors import BackupDamaged
from dynamodb_backup.strict_json import read_json
from dynamodb_backup.table.keys import KeySchema

__all__ = ["read_captured_keys"]


def read_captured_keys(store: ObjectStore, key: str, sha256: str | None = None) -> KeySchema:
    """Read the key schema out of a captured table definition.

    ``sha256`` is what the backup's manifest says of it; ``None`` where it says nothing.

    Raises
    ------
    BackupDamaged
        The definition is missing, altered or malformed.
    """
    stored = store.find(key)
    if stored is not None and is_altered(stored.body, sha256):
        raise BackupDamaged(f"the captured definition s3://{store.bucket}/{key} is altered since it was captured")
    try:
        if stored is not None:
            return KeySchema.of(read_json(stored.body)["Table"])
    except (ValueError, KeyError, TypeError):
        pass
    raise BackupDamaged(f"the captured definition s3://{store.bucket}/{key} is missing or malformed")
