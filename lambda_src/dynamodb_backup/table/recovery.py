"""Point-in-time recovery of a table: from when until when DynamoDB can tell what was in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from dynamodb_backup.aws_errors import error_code
from dynamodb_backup.errors import ExportRefused
from dynamodb_backup.table.export_job import recovery_is_off

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

__all__ = ["Restorable", "restorable"]


@dataclass(frozen=True)
class Restorable:
    """The recovery window. ``latest`` is about five minutes ago."""

    earliest: datetime
    latest: datetime


def restorable(client: DynamoDBClient, table: str) -> Restorable:
    """Return the recovery window of a table, as DescribeContinuousBackups tells it.

    Raises
    ------
    ExportRefused
        Point-in-time recovery is off, or there is no such table.
    """
    try:
        answer: dict[str, Any] = dict(client.describe_continuous_backups(TableName=table))
    except ClientError as error:
        if error_code(error) in {"TableNotFoundException", "ResourceNotFoundException"}:
            raise ExportRefused(f"table {table} does not exist") from error
        raise
    recovery = answer["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    earliest, latest = recovery.get("EarliestRestorableDateTime"), recovery.get("LatestRestorableDateTime")
    if recovery.get("PointInTimeRecoveryStatus") != "ENABLED" or earliest is None or latest is None:
        raise ExportRefused(recovery_is_off(table))
    return Restorable(earliest, latest)
