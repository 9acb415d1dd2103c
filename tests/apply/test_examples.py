"""Every example applies, is what it says, stays as it is at a second plan, and goes without a trace.

make test applies those that nothing else stands in for, make long the others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from tests.apply.conftest import TOGETHER, VARIABLES, AppliedExample

ROOT = Path(__file__).resolve().parents[2]

# What a second plan would change although nothing did, because the emulator does not keep it. Nothing else may differ.
EMULATOR_DRIFT = {
    # It drops description, actions and treat_missing_data of alarms on metric math.
    "module.dynamodb_backup.module.backup_state_machine.aws_cloudwatch_metric_alarm.failed": ["update"],
    "module.dynamodb_backup.module.restore_state_machine.aws_cloudwatch_metric_alarm.failed": ["update"],
    # Of other alarms it gives back neither description, actions, dimensions, statistic, period nor treat_missing_data.
    "module.dynamodb_backup.aws_cloudwatch_metric_alarm.item_count": ["update"],
    "module.dynamodb_backup.aws_cloudwatch_metric_alarm.not_fresh": ["update"],
    "module.dynamodb_backup.aws_cloudwatch_metric_alarm.not_proven": ["update"],
    "module.dynamodb_backup.module.restore_test_state_machine.aws_cloudwatch_metric_alarm.failed": ["update"],
    "module.dynamodb_backup.aws_cloudwatch_metric_alarm.undelivered": ["update"],
    "module.on_demand_backup.aws_cloudwatch_metric_alarm.dead_letter": ["update"],
    "module.dynamodb_backup.aws_cloudwatch_metric_alarm.replication_failed": ["update"],
    "module.replica.aws_cloudwatch_metric_alarm.late": ["update"],
    "module.standby.module.backup_state_machine.aws_cloudwatch_metric_alarm.failed": ["update"],
    "module.standby.module.restore_state_machine.aws_cloudwatch_metric_alarm.failed": ["update"],
    "module.standby.aws_cloudwatch_metric_alarm.item_count": ["update"],
    "module.standby.aws_cloudwatch_metric_alarm.undelivered": ["update"],
    "module.on_demand_backup.aws_cloudwatch_metric_alarm.failed": ["update"],
    "module.on_demand_backup.aws_cloudwatch_metric_alarm.not_fresh": ["update"],
}


# Only make long applies these, because each shows what others do: minimal the defaults (complete, and the plan in
# defaults.tftest.hcl), existing_bucket a bucket that is left alone (less.tftest.hcl), incremental a second schedule
# (complete has two, and features.tftest.hcl one of increments), scan_backup the permission to scan (tests/permissions
# plays it under the planned role); and those that make test applies together. In each run they are valid:
# tests/plan/test_configuration.py.
APPLIED_BY_MAKE_LONG = {"existing_bucket", "incremental", "minimal", "scan_backup", *TOGETHER}
# What differs most, and so what a second plan and destroy of each run look at. make long takes all to their end.
TAKEN_TO_THE_END = {"complete"}


def examples(*names: str, long: Collection[str] = APPLIED_BY_MAKE_LONG) -> pytest.MarkDecorator:
    """Run a test on these examples; tests of one example share a worker, and with it the applied example.

    A test of one of those that are applied together runs on that deployment, and in the long run on the example, too.
    """
    if "together" not in names and not set(names).isdisjoint(TOGETHER):
        names = ("together", *names)
    marked = [
        pytest.param(
            name,
            marks=[pytest.mark.xdist_group(f"apply-{name}"), *([pytest.mark.long] if name in long else [])],
            id=name,
        )
        for name in names
    ]
    return pytest.mark.parametrize("example", marked, indirect=True)


ALL = examples(*VARIABLES, long=VARIABLES.keys() - TAKEN_TO_THE_END)
WITH_A_BUCKET = examples(*(name for name in VARIABLES if name != "on_demand_backup"))


# It takes a store of another provider; a plan test and tests/scenario/offsite show what it would do.
PLANNED_ONLY = {"offsite_copy"}


def test_every_example_is_applied() -> None:
    assert set(VARIABLES) - {"together"} | PLANNED_ONLY == {
        path.name for path in (ROOT / "examples").iterdir() if path.is_dir()
    }


@WITH_A_BUCKET
def test_functions_use_the_bucket_in_the_outputs(example: AppliedExample) -> None:
    functions = example.aws.client("lambda")
    for name in (example.outputs["backup_function"], example.outputs["restore_function"]):
        configuration = functions.get_function_configuration(FunctionName=name)
        assert configuration["Environment"]["Variables"]["BACKUP_BUCKET"] == example.outputs["bucket"]
        assert len(configuration["Layers"]) == 1


@examples("complete")
def test_functions_start_and_refuse_what_they_do_not_know(example: AppliedExample) -> None:
    functions = example.aws.client("lambda")
    for name in (example.outputs["backup_function"], example.outputs["restore_function"]):
        refused = functions.invoke(FunctionName=name, Payload=b'{"no_such_field": 1}')
        answer = json.loads(refused["Payload"].read())
        assert answer["statusCode"] == 500, answer
        assert "no_such_field" in json.dumps(answer["body"]), answer
    audit = example.aws.client("logs").filter_log_events(logGroupName="mfa-api-production-dynamodb-audit")["events"]
    lines = [json.loads(event["message"]) for event in audit]
    refused = [one for one in lines if "no_such_field" in one.get("outcome", {}).get("error", "")]
    assert sorted(one["act"] for one in refused) == ["backup", "restore"]


@examples("scan_backup")
def test_a_table_without_recovery_is_backed_up_and_restored_under_the_real_roles(example: AppliedExample) -> None:
    dynamodb, functions = example.aws.client("dynamodb"), example.aws.client("lambda")
    for table in ("shop-sessions", "shop-orders"):
        dynamodb.put_item(TableName=table, Item={"id": {"S": "a"}, "b": {"B": b"bytes"}})

    def invoke(name: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(functions.invoke(FunctionName=name, Payload=b"{}")["Payload"].read())
        return answer

    made = invoke(example.outputs["backup_function"])
    assert made["statusCode"] == 200, made
    dynamodb.delete_item(TableName="shop-sessions", Key={"id": {"S": "a"}})
    restored = invoke(example.outputs["restore_function"])
    assert restored["statusCode"] == 200, restored
    assert dynamodb.scan(TableName="shop-sessions")["Items"] == [{"id": {"S": "a"}, "b": {"B": b"bytes"}}]
    # The scan is for the table that asks for it alone.
    assert {request.resources for request in example.aws.requests.list("dynamodb", "Scan")} >= {("shop-sessions",)}


@examples("minimal", "complete")
def test_created_bucket_expires_backups(example: AppliedExample) -> None:
    s3 = example.aws.client("s3")
    rules = s3.get_bucket_lifecycle_configuration(Bucket=example.outputs["bucket"])["Rules"]
    monthly = {rule["ID"]: rule for rule in rules}["expire-monthly-backups"]
    tag = {"Key": "backup-retention", "Value": "monthly"}
    # The provider adds the last one. What holds no byte costs nothing.
    both = {"Prefix": "native-exports/", "Tags": [tag], "ObjectSizeGreaterThan": 0}
    assert monthly["Filter"] == {"And": both}
    assert monthly["Expiration"]["Days"] == {"minimal": 365, "complete": 2557}[example.name]
    colder = [move["StorageClass"] for move in monthly["Transitions"]]
    assert colder == {"minimal": ["GLACIER_IR"], "complete": ["GLACIER_IR", "DEEP_ARCHIVE"]}[example.name]
    assert s3.get_bucket_versioning(Bucket=example.outputs["bucket"])["Status"] == "Enabled"


@examples("existing_bucket")
def test_existing_bucket_keeps_its_owners_settings(example: AppliedExample) -> None:
    managed = [address for address in example.terraform.addresses() if ".aws_s3_" in f".{address}"]
    assert managed == ["aws_s3_bucket.shared"]


@examples("complete")
def test_short_names_are_the_tables_of_the_example(example: AppliedExample) -> None:
    names = example.aws.client("dynamodb").list_tables()["TableNames"]
    assert sorted(example.outputs["tables"].values()) == sorted(names)
    assert set(example.outputs["tables"]) == {"api-key", "totp", "u2f"}


@examples("complete")
def test_schedules_start_the_state_machine(example: AppliedExample) -> None:
    scheduler = example.aws.client("scheduler")
    summaries = scheduler.list_schedules()["Schedules"]
    assert sorted(summary["Name"] for summary in summaries) == ["daily", "weekdays_at_noon"]
    for summary in summaries:
        target = scheduler.get_schedule(Name=summary["Name"], GroupName=summary["GroupName"])["Target"]
        assert target["Arn"] == example.outputs["backup_state_machine_arn"]
        assert target["RoleArn"] == example.outputs["roles"]["schedule"]["arn"]
        assert json.loads(target["Input"])["time"] == "<aws.scheduler.scheduled-time>"


@examples("complete")
def test_restore_makes_a_new_table_of_an_on_demand_backup(example: AppliedExample) -> None:
    dynamodb, table = example.aws.client("dynamodb"), example.outputs["tables"]["totp"]
    example.empty(table)
    dynamodb.put_item(TableName=table, Item={"apiKey": {"S": "a"}, "uuid": {"S": "b"}})
    example.aws.backups.configure(seconds=0)
    dynamodb.create_backup(TableName=table, BackupName="by-hand")
    target = table.replace("_global", "_restored")
    event = {"on_demand_backup": "latest", "tables": [table], "target_tables": {table: target}}

    answer = example.aws.client("lambda").invoke(
        FunctionName=example.outputs["restore_function"], Payload=json.dumps(event)
    )

    assert json.loads(answer["Payload"].read())["statusCode"] == 200
    assert dynamodb.scan(TableName=target)["Items"] == [{"apiKey": {"S": "a"}, "uuid": {"S": "b"}}]
    dynamodb.delete_table(TableName=target)
    dynamodb.delete_item(TableName=table, Key={"apiKey": {"S": "a"}, "uuid": {"S": "b"}})


@examples("minimal", "complete")
def test_topics_are_there(example: AppliedExample) -> None:
    topics = [topic["TopicArn"].split(":")[-1] for topic in example.aws.client("sns").list_topics()["Topics"]]
    expected = {
        "minimal": ["shop-production-dynamodb-backup-failure"],
        "complete": ["mfa-api-production-dynamodb-backup-success", "mfa-api-production-on-call"],
    }
    assert sorted(topics) == expected[example.name]


@ALL
def test_second_plan_is_empty(example: AppliedExample) -> None:
    changes = example.terraform.planned_changes()
    unexpected = {
        address: actions
        for address, actions in changes.items()
        if EMULATOR_DRIFT.get(re.sub(r"\[[^]]*\]", "", address)) != actions
    }
    assert unexpected == {}


@ALL
def test_destroy_leaves_nothing(example: AppliedExample) -> None:
    # The plan before this has read everything, and found it as it was. But that a bucket locks its objects is only in a
    # state that was read again after the apply, and without it the provider does not lift their locks.
    destroy = ["-auto-approve"] if example.name == "immutable" else ["-auto-approve", "-refresh=false"]
    example.terraform.run("destroy", *destroy)
    assert example.terraform.addresses() == []
    assert example.aws.client("s3").list_buckets()["Buckets"] == []
    assert example.aws.client("lambda").list_functions()["Functions"] == []
    assert example.aws.client("iam").list_roles()["Roles"] == []
    assert example.aws.client("stepfunctions").list_state_machines()["stateMachines"] == []
    assert example.aws.client("scheduler").list_schedules()["Schedules"] == []
    assert example.aws.client("sns").list_topics()["Topics"] == []
    assert example.aws.client("sqs").list_queues().get("QueueUrls", []) == []
    assert example.aws.client("logs").describe_log_groups()["logGroups"] == []
    assert example.aws.client("dynamodb").list_tables()["TableNames"] == []
