"""DynamoDB's on-demand backups (CreateBackup): one page of facts, and the calls that make, find and delete them.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateBackup.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from dynamodb_backup.aws_errors import error_code, patiently
from dynamodb_backup.errors import TimeIsUp
from dynamodb_backup.timing import Deadline

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

__all__ = [
    "OnDemandBackup",
    "create_backup",
    "delete_backup",
    "describe_backup",
    "list_all_backups",
    "list_backups",
    "table_of_backup",
]

USER = "USER"
"""Made by somebody's CreateBackup. SYSTEM ones are DynamoDB's (of a deleted table), AWS_BACKUP ones AWS Backup's."""


@dataclass(frozen=True)
class OnDemandBackup:
    """One on-demand backup. ``status`` is CREATING, AVAILABLE or DELETED; the size is in bytes."""

    arn: str
    table: str
    name: str
    status: str
    type: str
    created_at: datetime
    size_bytes: int = 0

    @property
    def available(self) -> bool:
        return self.status == "AVAILABLE"

    @classmethod
    def of(cls, details: Mapping[str, Any]) -> OnDemandBackup:
        """Read a backup's summary or details, which name the same things alike."""
        return cls(
            arn=details["BackupArn"],
            table=table_of_backup(details["BackupArn"]),
            name=details["BackupName"],
            status=details["BackupStatus"],
            type=details.get("BackupType", USER),
            created_at=details["BackupCreationDateTime"],
            size_bytes=details.get("BackupSizeBytes") or 0,
        )


def table_of_backup(arn: str) -> str:
    """Return the table's name in ``arn:aws:dynamodb:REGION:ACCOUNT:table/NAME/backup/ID``."""
    return arn.partition(":table/")[2].partition("/")[0]


def _newest_first(backups: list[OnDemandBackup]) -> list[OnDemandBackup]:
    return sorted(backups, key=lambda backup: (backup.created_at, backup.arn), reverse=True)


def create_backup(client: DynamoDBClient, table: str, name: str) -> OnDemandBackup:
    """Begin a backup. There is no client token: each call that DynamoDB accepts makes one more backup.

    Raises ``ClientError``; ``BackupInUseException``, ``TableInUseException`` and
    ``ContinuousBackupsUnavailableException`` (a table that was just created) pass by themselves.
    """
    return OnDemandBackup.of(client.create_backup(TableName=table, BackupName=name)["BackupDetails"])


def describe_backup(client: DynamoDBClient, arn: str) -> dict[str, Any] | None:
    """Return DescribeBackup's ``BackupDescription``; ``None`` for a backup that does not exist (any more)."""
    try:
        return dict(patiently(lambda: client.describe_backup(BackupArn=arn))["BackupDescription"])
    except ClientError as error:
        if error_code(error) == "BackupNotFoundException":
            return None
        raise


def list_backups(client: DynamoDBClient, table: str, deadline: Deadline | None = None) -> list[OnDemandBackup]:
    """Return the USER backups of a table, newest first, also of one that was deleted.

    Raises
    ------
    TimeIsUp
        The deadline passed, if one is given, before all of them were listed.
    """
    return _newest_first(list(_pages(client, {"TableName": table}, deadline)))


def list_all_backups(
    client: DynamoDBClient, since: datetime | None, deadline: Deadline | None = None
) -> list[OnDemandBackup]:
    """Return the USER backups of all tables of the account that were made since then, newest first.

    Raises
    ------
    TimeIsUp
        The deadline passed, if one is given, before all of them were listed.
    """
    return _newest_first(list(_pages(client, {"TimeRangeLowerBound": since} if since else {}, deadline)))


def _pages(
    client: DynamoDBClient, parameters: dict[str, Any], deadline: Deadline | None = None
) -> Iterator[OnDemandBackup]:
    # Not more than five ListBackups per second are taken: patiently() waits where they come faster.
    start: dict[str, Any] = {}
    while True:
        if deadline and deadline.passed():
            raise TimeIsUp("time ran out before ListBackups had told of all on-demand backups")
        page = patiently(lambda: client.list_backups(BackupType="USER", Limit=100, **parameters, **start))  # noqa: B023 - called at once
        for summary in page.get("BackupSummaries", []):
            backup = OnDemandBackup.of(summary)
            # What DynamoDB says of each one counts, not what was asked for.
            if backup.type == USER:
                yield backup
        last = page.get("LastEvaluatedBackupArn")
        if not last:
            return
        start = {"ExclusiveStartBackupArn": last}


def delete_backup(client: DynamoDBClient, arn: str) -> bool:
    """Delete a backup; ``False`` means that it is in use (being restored, for example) and stays for now.

    One that is gone already counts as deleted. Raises any other ``ClientError``.
    """
    try:
        patiently(lambda: client.delete_backup(BackupArn=arn))
    except ClientError as error:
        if error_code(error) == "BackupInUseException":
            return False
        if error_code(error) != "BackupNotFoundException":
            raise
    return True
