"""DynamoDB's own on-demand backups for the list: those of modules/on_demand_backup alone, known by their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.catalog.days import Day
from dynamodb_backup.contract.catalog import ON_DEMAND, ListRequest, RecoveryPoint
from dynamodb_backup.errors import TimeIsUp
from dynamodb_backup.table.on_demand_backup import OnDemandBackup, list_all_backups, list_backups
from dynamodb_backup.table.on_demand_names import BackupNames
from dynamodb_backup.timing import Deadline, iso

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

__all__ = ["OnDemandPoints", "read_on_demand"]

MOST_TABLES_ASKED_ONE_BY_ONE = 5
"""Of more tables the account's whole list is read: at most five ListBackups per second are taken."""


@dataclass(frozen=True)
class OnDemandPoints:
    """The on-demand backups by date and table, newest first, and why some may be lacking."""

    by_date: Mapping[str, Mapping[str, tuple[RecoveryPoint, ...]]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def with_day(self, day: Day) -> Day:
        """Return a date's recovery points with the on-demand backups of that date among them."""
        own = self.by_date.get(day.date)
        if not own:
            return day
        tables = sorted({*own, *(point.table_name for point in day.points)})
        merged = (
            point
            for table in tables
            for point in _merged([one for one in day.points if one.table_name == table], own.get(table, ()))
        )
        return replace(day, points=tuple(merged))


def read_on_demand(
    client: DynamoDBClient, names: BackupNames, retention_days: int, request: ListRequest, deadline: Deadline
) -> OnDemandPoints:
    """Return what a list request asks for. If DynamoDB does not tell, a warning says that they are lacking."""
    try:
        backups = [one for one in _listed(client, request, deadline) if names.is_own(one.name)]
    except (TimeIsUp, *AWS_ERRORS) as error:
        return OnDemandPoints(warnings=(f"on-demand backups are not in this list: {explain(error)}",))
    newest: dict[str, OnDemandBackup] = {}
    by_date: dict[str, dict[str, list[RecoveryPoint]]] = {}
    for backup in backups:
        if backup.status == "DELETED":
            continue
        if backup.available:
            newest.setdefault(backup.table, backup)
        superseded = backup.available and newest[backup.table] is not backup
        expires = backup.created_at + timedelta(days=retention_days) if superseded else None
        point = _point(backup, names, expires)
        by_date.setdefault(point.backup_date, {}).setdefault(backup.table, []).append(point)
    return OnDemandPoints(
        {date: {table: tuple(points) for table, points in tables.items()} for date, tables in by_date.items()}
    )


def _listed(client: DynamoDBClient, request: ListRequest, deadline: Deadline) -> list[OnDemandBackup]:
    """Return the tables' backups, newest first, up to now whatever is asked for: only the newest never expires."""
    tables = request.tables
    if tables is not None and len(tables) <= MOST_TABLES_ASKED_ONE_BY_ONE:
        return [backup for table in tables for backup in list_backups(client, table, deadline)]
    since = datetime.fromisoformat(f"{request.earliest}T00:00:00Z") if request.earliest else None
    return [one for one in list_all_backups(client, since, deadline) if tables is None or one.table in tables]


def _point(backup: OnDemandBackup, names: BackupNames, expires: datetime | None) -> RecoveryPoint:
    created = iso(backup.created_at)
    return RecoveryPoint(
        table_name=backup.table,
        backup_date=created[:10],
        status=backup.status,
        verified=False,
        export_time=created,
        billed_size_bytes=backup.size_bytes,
        run_id=names.run_of(backup.name),
        expires_at=iso(expires) if expires else None,
        backup_type=ON_DEMAND,
        backup_arn=backup.arn,
    )


def _merged(stored: list[RecoveryPoint], own: tuple[RecoveryPoint, ...]) -> Iterator[RecoveryPoint]:
    """Merge two lists that are newest first. Attempts that have no instant of data stay where they are."""
    left = list(own)
    for point in stored:
        while left and point.export_time and (left[0].export_time or "") > point.export_time:
            yield left.pop(0)
        yield point
    yield from left
