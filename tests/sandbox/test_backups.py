"""On-demand backups live as on AWS: they take time, have a type and an age, and are listed page by page."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox import Sandbox
from tests.sandbox.tables import create_table, put


def create(aws: Sandbox, table: str = "events", name: str = "nightly") -> str:
    arn: str = aws.client("dynamodb").create_backup(TableName=table, BackupName=name)["BackupDetails"]["BackupArn"]
    return arn


def status(aws: Sandbox, arn: str) -> str:
    described: dict[str, Any] = aws.client("dynamodb").describe_backup(BackupArn=arn)["BackupDescription"]
    return str(described["BackupDetails"]["BackupStatus"])


def listed(aws: Sandbox, **filters: Any) -> list[str]:
    answer = aws.client("dynamodb").list_backups(**filters)
    return [summary["BackupName"] for summary in answer["BackupSummaries"]]


def refused(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return str(error.value.response["Error"]["Code"])


def test_a_backup_is_creating_and_then_available(aws: Sandbox) -> None:
    create_table(aws, "events", pitr=False)
    aws.backups.configure(seconds=0.3)
    arn = create(aws)

    assert status(aws, arn) == "CREATING"
    assert refused(aws.client("dynamodb").delete_backup, BackupArn=arn) == "BackupInUseException"
    time.sleep(0.35)
    assert status(aws, arn) == "AVAILABLE"


def test_names_need_not_be_unique_but_are_checked(aws: Sandbox) -> None:
    create_table(aws, "events", pitr=False)

    assert create(aws) != create(aws)
    assert (
        refused(aws.client("dynamodb").create_backup, TableName="events", BackupName="a b c") == "ValidationException"
    )


def test_the_list_is_filtered_by_table_type_and_time(aws: Sandbox) -> None:
    for table in ("events", "others"):
        create_table(aws, table, pitr=False)
    aws.backups.configure(age_seconds=86400)
    create(aws, name="yesterday")
    aws.backups.configure(age_seconds=0, type="SYSTEM")
    create(aws, name="by-aws")
    aws.backups.configure(type="USER")
    create(aws, name="today")
    create(aws, "others", "elsewhere")
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)

    assert listed(aws, TableName="events") == ["yesterday", "today"]
    assert listed(aws, TableName="events", BackupType="ALL") == ["yesterday", "by-aws", "today"]
    assert listed(aws, TimeRangeLowerBound=an_hour_ago) == ["today", "elsewhere"]
    assert listed(aws, TimeRangeUpperBound=an_hour_ago) == ["yesterday"]


def test_the_list_comes_in_pages(aws: Sandbox) -> None:
    create_table(aws, "events", pitr=False)
    for number in range(3):
        create(aws, name=f"backup-{number}")
    aws.backups.configure(page_size=2)
    dynamodb = aws.client("dynamodb")

    first = dynamodb.list_backups(TableName="events")
    second = dynamodb.list_backups(TableName="events", ExclusiveStartBackupArn=first["LastEvaluatedBackupArn"])

    assert [len(page["BackupSummaries"]) for page in (first, second)] == [2, 1]
    assert "LastEvaluatedBackupArn" not in second


def test_a_restored_table_is_creating_and_says_where_it_came_from(aws: Sandbox) -> None:
    create_table(aws, "events", pitr=False)
    put(aws, "events", "a", "b")
    aws.backups.configure(seconds=0, restore_seconds=0.3)
    arn, dynamodb = create(aws), aws.client("dynamodb")

    dynamodb.restore_table_from_backup(BackupArn=arn, TargetTableName="events-restored")

    table = dynamodb.describe_table(TableName="events-restored")["Table"]
    assert (table["TableStatus"], table["RestoreSummary"]["RestoreInProgress"]) == ("CREATING", True)
    assert table["RestoreSummary"]["SourceBackupArn"] == arn
    time.sleep(0.35)
    table = dynamodb.describe_table(TableName="events-restored")["Table"]
    assert (table["TableStatus"], table["RestoreSummary"]["RestoreInProgress"]) == ("ACTIVE", False)
    assert dynamodb.scan(TableName="events-restored")["Count"] == 2


def test_a_backup_outlives_its_table(aws: Sandbox) -> None:
    create_table(aws, "events", pitr=False)
    aws.backups.configure(seconds=0)
    arn = create(aws)
    aws.client("dynamodb").delete_table(TableName="events")

    assert status(aws, arn) == "AVAILABLE"
    assert listed(aws, TableName="events") == ["nightly"]


def test_settings_go_back_at_a_reset(aws: Sandbox) -> None:
    aws.backups.configure(type="SYSTEM")
    aws.reset()
    create_table(aws, "events", pitr=False)
    create(aws)

    assert listed(aws) == ["nightly"]


def test_an_unknown_setting_is_refused(aws: Sandbox) -> None:
    with pytest.raises(ValueError, match="unknown settings"):
        aws.backups.configure(speed=1)
