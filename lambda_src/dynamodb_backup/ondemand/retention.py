"""Deleting on-demand backups that are past their retention: this deployment's own, and never the last good one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from dynamodb_backup.errors import TimeIsUp
from dynamodb_backup.table.on_demand_backup import OnDemandBackup, delete_backup
from dynamodb_backup.table.on_demand_names import BackupNames
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import Deadline

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

__all__ = ["expire", "expired"]


def expired(
    backups: list[OnDemandBackup], names: BackupNames, superseded_by: OnDemandBackup, older_than: datetime
) -> list[OnDemandBackup]:
    """Return which of a table's backups may go.

    Only an AVAILABLE one of our own name that is older than the retention, and older than the verified AVAILABLE backup
    that supersedes it. The newest AVAILABLE one of our own stays, however old it is.
    """
    own = [backup for backup in backups if names.is_own(backup.name) and backup.available]
    newest = max(own, key=lambda backup: backup.created_at, default=superseded_by)
    limit = min(older_than, superseded_by.created_at)
    kept = {newest.arn, superseded_by.arn}
    return [backup for backup in own if backup.created_at < limit and backup.arn not in kept]


def expire(
    client: DynamoDBClient,
    names: BackupNames,
    backups: list[OnDemandBackup],
    superseded_by: OnDemandBackup,
    older_than: datetime,
    deadline: Deadline,
) -> int:
    """Delete those of a table's backups that have expired and return how many went.

    Raises
    ------
    TimeIsUp
        Some are left; the same call again goes on.
    ClientError
        DynamoDB does not delete.
    """
    deleted = 0
    for backup in expired(backups, names, superseded_by, older_than):
        if deadline.passed():
            raise TimeIsUp(f"time ran out while expired backups of table {superseded_by.table} were deleted")
        if delete_backup(client, backup.arn):
            deleted += 1
            logger.info("on-demand backup expired", table=backup.table, backup_arn=backup.arn, backup_name=backup.name)
        else:
            logger.warning("on-demand backup is in use and stays for now", table=backup.table, backup_arn=backup.arn)
    return deleted
