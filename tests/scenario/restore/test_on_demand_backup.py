"""DynamoDB's own on-demand backups are restored into new tables, and only into those."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox import Sandbox
from tests.scenario.restore.kit import Answer, Stage, canonicals, restore, restore_in_turns, strings, table_arn

ITEMS = strings(7, b={"B": "aGVsbG8="}, n={"N": "1.50"})


@pytest.fixture
def backup(stage: Stage, aws: Sandbox) -> str:
    """A table and its backup, AVAILABLE; afterwards the table is changed."""
    aws.backups.configure(seconds=0, restore_seconds=0)
    stage.create_table("orders")
    stage.fill("orders", ITEMS)
    arn = create(stage)
    stage.fill("orders", strings(3, start=50))
    return arn


def create(stage: Stage, name: str = "shop-prod-20260801T050000Z", table: str = "orders") -> str:
    arn: str = stage.dynamodb.create_backup(TableName=table, BackupName=name)["BackupDetails"]["BackupArn"]
    return arn


def into(target: str, arn: str, **others: Any) -> dict[str, Any]:
    return {"on_demand_backup": arn, "target_tables": {"orders": target}, **others}


def restores(aws: Sandbox) -> int:
    return aws.requests.count("dynamodb", "RestoreTableFromBackup")


def refused(answer: Answer, *says: str) -> None:
    assert answer.code == 500
    for part in says:
        assert part in answer.errors


def test_a_new_table_holds_exactly_the_backup(stage: Stage, backup: str) -> None:
    answer = restore(into("orders-restored", backup))

    assert answer.code == 200
    assert answer.result["status"] == "COMPLETED"
    assert answer.result["creates_target"]
    assert stage.items("orders-restored") == canonicals(ITEMS)
    assert len(stage.items("orders")) == 10, "the source is untouched"


def test_the_answer_says_what_dynamodb_does_not_restore(stage: Stage, backup: str) -> None:
    stage.dynamodb.update_time_to_live(
        TableName="orders", TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
    )

    warnings = " | ".join(restore(into("orders-restored", create(stage, "second"))).body["warnings"])

    assert "does not restore auto scaling" in warnings
    assert "time to live on attribute expires" in warnings
    assert "items_expected of table orders-restored is DynamoDB's own figure" in warnings


def test_latest_is_the_newest_available_one(stage: Stage, aws: Sandbox, backup: str) -> None:
    newest = create(stage, "newest")
    aws.backups.configure(seconds=600)
    create(stage, "not-yet")

    assert restore(into("orders-restored", "latest")).code == 200

    table = stage.dynamodb.describe_table(TableName="orders-restored")["Table"]
    assert table["RestoreSummary"]["SourceBackupArn"] == newest


def test_a_deleted_table_comes_back_under_its_name(stage: Stage, backup: str) -> None:
    stage.dynamodb.delete_table(TableName="orders")

    assert restore({"on_demand_backup": backup}).code == 200
    assert stage.items("orders") == canonicals(ITEMS)


def test_a_dry_run_makes_no_table(stage: Stage, aws: Sandbox, backup: str) -> None:
    answer = restore(into("orders-restored", backup, dry_run=True))

    assert (answer.code, answer.result["status"]) == (200, "READY")
    assert restores(aws) == 0


def test_a_long_restore_takes_several_turns(stage: Stage, aws: Sandbox, backup: str) -> None:
    aws.backups.configure(restore_seconds=2)

    answers = restore_in_turns(into("orders-restored", backup), seconds=1.0)

    assert [answer.code for answer in answers[:-1]] == [202] * (len(answers) - 1)
    assert len(answers) > 2
    assert answers[-1].code == 200
    assert restores(aws) == 1
    assert stage.items("orders-restored") == canonicals(ITEMS)


def test_restore_id_alone_goes_on(stage: Stage, aws: Sandbox, backup: str) -> None:
    aws.backups.configure(restore_seconds=1)
    first = restore(into("orders-restored", backup), seconds=0.5)
    assert first.code == 202

    assert restore({"restore_id": first.body["restore_id"]}).code == 200


def test_killed_after_the_call_the_same_event_follows_the_table_that_is_being_made(
    stage: Stage, aws: Sandbox, backup: str
) -> None:
    aws.backups.configure(restore_seconds=1.5)
    stage.dynamodb.restore_table_from_backup(TargetTableName="orders-restored", BackupArn=backup)

    assert restore(into("orders-restored", backup)).code == 200
    assert restores(aws) == 1


def test_an_existing_table_is_refused_by_name(stage: Stage, aws: Sandbox, backup: str) -> None:
    refused(restore({"on_demand_backup": backup}), "target table orders exists already", "target_tables")
    assert restores(aws) == 0


def test_a_table_restored_earlier_is_not_called_restored_again(stage: Stage, aws: Sandbox, backup: str) -> None:
    restore(into("orders-restored", backup))
    stage.fill("orders-restored", strings(1, start=99))

    refused(restore(into("orders-restored", backup)), "was made of this very backup", "may have been written to since")
    assert restores(aws) == 1


def test_a_table_that_disappears_is_told(stage: Stage, aws: Sandbox, backup: str) -> None:
    aws.backups.configure(restore_seconds=60)
    first = restore(into("orders-restored", backup), seconds=0.5)
    stage.dynamodb.delete_table(TableName="orders-restored")

    refused(restore({"restore_id": first.body["restore_id"]}), "is no longer the one that DynamoDB was making")


def test_a_backup_that_is_not_there_or_not_ready_is_refused(stage: Stage, aws: Sandbox, backup: str) -> None:
    gone = f"{table_arn('orders')}/backup/01795252193529-00000000"
    refused(restore(into("orders-restored", gone)), "there is no on-demand backup", gone)
    aws.backups.configure(seconds=60)
    refused(restore(into("orders-restored", create(stage, "young"))), "is CREATING; restore it when it is AVAILABLE")
    assert restores(aws) == 0


def test_latest_of_a_table_without_backups_fails_alone(stage: Stage, backup: str) -> None:
    event = {
        "on_demand_backup": "latest",
        "tables": ["orders", "users"],
        "target_tables": {"orders": "orders-restored"},
    }
    answer = restore(event)

    assert answer.code == 207
    assert answer.of("users")["error"] == "there is no AVAILABLE on-demand backup of table users"
    assert answer.of("orders")["status"] == "COMPLETED"


def test_the_convention_guards_the_target(
    stage: Stage, aws: Sandbox, backup: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABLE_NAME_PATTERN", "test_.*")

    refused(restore(into("prod_orders", backup)), "forbidden", "prod_orders")
    refused(restore({"on_demand_backup": backup}), "would make a forbidden table")
    assert restores(aws) == 0


def test_throttled_calls_are_tried_again(stage: Stage, aws: Sandbox, backup: str) -> None:
    aws.faults.throttle("dynamodb", "DescribeBackup", times=2)
    aws.faults.error("dynamodb", "RestoreTableFromBackup", code="LimitExceededException", times=2)

    assert restore(into("orders-restored", backup)).code == 200


def test_an_answer_that_was_lost_starts_no_second_restore(stage: Stage, aws: Sandbox, backup: str) -> None:
    aws.backups.configure(restore_seconds=2)
    aws.faults.reset_connection("dynamodb", "RestoreTableFromBackup", after=True, times=1)

    assert restore(into("orders-restored", backup)).code == 200
    assert restores(aws) == 1


def test_a_denied_restore_names_the_operation(stage: Stage, aws: Sandbox, backup: str) -> None:
    aws.faults.deny("dynamodb", "RestoreTableFromBackup")

    refused(restore(into("orders-restored", backup)), "RestoreTableFromBackup failed with AccessDeniedException")


ARN = f"{table_arn('orders')}/backup/01795252193529-00000000"


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({"on_demand_backup": "newest"}, "'on_demand_backup' must be the ARN of an on-demand backup, or latest"),
        ({"on_demand_backup": "latest"}, "must say of which"),
        ({"on_demand_backup": ARN, "tables": ["users"]}, "is of table 'orders'"),
        ({"on_demand_backup": ARN, "clear_existing_data": True}, "'clear_existing_data' cannot go with"),
        ({"on_demand_backup": ARN, "backup_date": "2026-08-01"}, "'backup_date' cannot go with"),
        ({"on_demand_backup": ARN, "method": "import"}, "'method' cannot go with"),
        (
            {
                "on_demand_backup": "latest",
                "tables": ["orders", "users"],
                "target_tables": {"orders": "one", "users": "one"},
            },
            "would restore both",
        ),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_bad_events_are_refused_before_any_call(stage: Stage, aws: Sandbox, event: object, says: str) -> None:
    aws.requests.clear()

    refused(restore(event), says)
    assert aws.requests.count("dynamodb") == 0
