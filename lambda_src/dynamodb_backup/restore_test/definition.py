"""The definition of a scratch table: the source's keys and indexes, and none of what costs, reacts or protects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dynamodb_backup.archive.captured_definition import read_definition
from dynamodb_backup.archive.catalog import StoredBackup
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.errors import BackupDamaged
from dynamodb_backup.restore_test.scratch import SCRATCH_TAG

__all__ = ["captured_definition", "scratch_definition"]

_KEPT = ("TableName", "AttributeDefinitions", "KeySchema", "LocalSecondaryIndexes", "SSEDescription")
_KEPT_OF_INDEX = ("IndexName", "KeySchema", "Projection", "IndexStatus")


def captured_definition(store: ObjectStore, backup: StoredBackup) -> Mapping[str, Any]:
    """Return the table definition captured with a backup.

    Raises
    ------
    BackupDamaged
        There is none, or it is altered or malformed.
    """
    table, date, key = backup.entry.table_name, backup.manifest.backup_date, backup.definition_key
    try:
        if key:
            return read_definition(store, key, backup.definition_sha256)
    except BackupDamaged as error:
        raise BackupDamaged(f"no scratch table can be made: {error}; back table {table} up again") from error
    raise BackupDamaged(
        f"no scratch table can be made: no definition was captured with the backup of table {table} of {date}; "
        "back the table up again"
    )


def scratch_definition(captured: Mapping[str, Any], test_id: str) -> dict[str, Any]:
    """Return a definition of the same keys, indexes and encryption.

    Left out: provisioned capacity (a test pays by request), streams, TTL, point-in-time recovery, deletion protection,
    and the source's tags, by which others may grant access or count costs.
    """
    source = captured["Table"]
    table = {name: source[name] for name in _KEPT if source.get(name)}
    indexes = source.get("GlobalSecondaryIndexes") or ()
    if indexes:
        table["GlobalSecondaryIndexes"] = [
            {name: one[name] for name in _KEPT_OF_INDEX if name in one} for one in indexes
        ]
    table["BillingModeSummary"] = {"BillingMode": "PAY_PER_REQUEST"}
    return {"Table": table, "Tags": [{"Key": SCRATCH_TAG, "Value": test_id}]}
