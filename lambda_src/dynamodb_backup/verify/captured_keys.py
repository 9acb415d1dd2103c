"""The key schema that was captured with a backup."""

from __future__ import annotations

from dynamodb_backup.archive.captured_definition import read_definition
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.errors import BackupDamaged
from dynamodb_backup.table.keys import KeySchema

__all__ = ["read_captured_keys"]


def read_captured_keys(store: ObjectStore, key: str, sha256: str | None) -> KeySchema:
    """Read the key schema out of a captured table definition.

    ``sha256`` is what the backup's manifest says of it; ``None`` where it says nothing.

    Raises
    ------
    BackupDamaged
        The definition is missing, altered or malformed.
    """
    definition = read_definition(store, key, sha256)
    try:
        return KeySchema.of(definition["Table"])
    except (ValueError, KeyError, TypeError):
        raise BackupDamaged(f"the captured definition s3://{store.bucket}/{key} is missing or malformed") from None
