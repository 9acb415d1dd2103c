"""The table definition that was captured with a backup."""

from __future__ import annotations

from typing import Any

from dynamodb_backup.archive.seal import is_altered
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.errors import BackupDamaged
from dynamodb_backup.strict_json import read_json

__all__ = ["read_definition"]


def read_definition(store: ObjectStore, key: str, sha256: str | None) -> dict[str, Any]:
    """Read a captured definition: DescribeTable's ``Table``, with its keys, and beside it what that does not tell.

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
        definition = read_json(stored.body) if stored else None
        if isinstance(definition, dict) and definition["Table"]["KeySchema"]:
            return definition
    except (ValueError, KeyError, TypeError):
        pass
    raise BackupDamaged(f"the captured definition s3://{store.bucket}/{key} is missing or malformed")
