"""The applied submodule of the on-demand backup under its own roles: schedule, queue, monitor, retention, alert."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.apply.conftest import AppliedExample
from tests.apply.test_examples import examples

TABLES = ("shop-carts", "shop-sessions")
DAY = 86_400
OWN = "shop-production-20260701T050000Z"

on_demand = examples("on_demand_backup")


class Stage:
    """The applied example, its backups, and an ear at its topic."""

    def __init__(self, example: AppliedExample) -> None:
        self.aws = example.aws
        self.outputs: dict[str, Any] = example.outputs.get("on_demand_backup", example.outputs)
        self.dynamodb = example.aws.client("dynamodb")
        self.sqs = example.aws.client("sqs")
        self.url = self.sqs.create_queue(QueueName="ear")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        anyone = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [anyone]})
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})
        self.subscription = example.aws.client("sns").subscribe(
            TopicArn=self.outputs["topic_arn"], Protocol="sqs", Endpoint=arn
        )["SubscriptionArn"]
        self.aws.backups.configure(seconds=0, age_seconds=0, type="USER", page_size=2)

    def close(self) -> None:
        self.aws.faults.clear()
        self.aws.client("sns").unsubscribe(SubscriptionArn=self.subscription)
        self.sqs.delete_queue(QueueUrl=self.url)
        self.sqs.purge_queue(QueueUrl=self.outputs["queues"]["watched"]["url"])
        for arn in self.arns():
            self.dynamodb.delete_backup(BackupArn=arn)

    def invoke(self, event: object = None) -> Any:
        answer = self.aws.client("lambda").invoke(
            FunctionName=self.outputs["backup_function"], Payload=json.dumps({} if event is None else event)
        )
        return json.loads(answer["Payload"].read())

    def seed(self, table: str, name: str, *, days_ago: float, kind: str = "USER") -> str:
        self.aws.backups.configure(age_seconds=days_ago * DAY, type=kind)
        arn: str = self.dynamodb.create_backup(TableName=table, BackupName=name)["BackupDetails"]["BackupArn"]
        self.aws.backups.configure(age_seconds=0, type="USER")
        return arn

    def arns(self, table: str | None = None) -> set[str]:
        found = set()
        for kind in ("ALL", "AWS_BACKUP"):
            pages = self.dynamodb.get_paginator("list_backups").paginate(BackupType=kind)
            found |= {one["BackupArn"] for page in pages for one in page["BackupSummaries"]}
        return {arn for arn in found if table is None or f":table/{table}/" in arn}

    def heard(self) -> list[str]:
        """Return what the topic has told since it was asked last."""
        messages = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"])["Message"] for message in messages]

    def looked_at(self) -> int:
        return self.aws.requests.count("dynamodb", "DescribeBackup")


def wait_for(condition: Callable[[], object], seconds: float = 30.0) -> Any:
    """Return the first answer that is not empty."""
    ends = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < ends, "that did not happen in time"
        time.sleep(0.2)
    return found


@pytest.fixture
def stage(example: AppliedExample) -> Iterator[Stage]:
    stage = Stage(example)
    stage.aws.requests.clear()
    yield stage
    stage.close()


@on_demand
def test_the_schedule_leads_to_backups_that_are_watched_until_available_and_expire_older_ones(stage: Stage) -> None:
    old = {stage.seed(table, OWN, days_ago=8) for table in TABLES}
    young = {stage.seed(table, "shop-production-20260730T050000Z", days_ago=6) for table in TABLES}
    stage.aws.backups.configure(seconds=10)

    fire_now(stage)

    wait_for(lambda: not old & stage.arns(), seconds=60)
    assert young <= stage.arns()
    assert len(stage.arns()) == 4
    assert stage.looked_at() > 2, "they were looked at again while they were CREATING"
    assert stage.heard() == []


def fire_now(stage: Stage) -> None:
    """Let the applied schedule's target be called in a moment, by a schedule like it."""
    scheduler = stage.aws.client("scheduler")
    group = stage.outputs["schedule"]["group_name"]
    applied = scheduler.get_schedule(Name=stage.outputs["schedule"]["name"], GroupName=group)
    before, name = stage.arns(), f"now-{time.monotonic_ns()}"
    scheduler.create_schedule(
        Name=name,
        GroupName=group,
        ScheduleExpression=f"at({datetime.now(UTC) + timedelta(seconds=2):%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=applied["Target"],
    )
    wait_for(lambda: stage.arns() - before)
    scheduler.delete_schedule(Name=name, GroupName=group)


@on_demand
def test_nothing_that_others_made_is_deleted(stage: Stage) -> None:
    own = stage.seed("shop-carts", OWN, days_ago=400)
    others = {
        stage.seed("shop-carts", "before-migration", days_ago=400),
        stage.seed("shop-carts", "shop-production-eu-20260701T050000Z", days_ago=400),
        stage.seed("shop-carts", OWN, days_ago=400, kind="SYSTEM"),
        stage.seed("shop-carts", OWN, days_ago=400, kind="AWS_BACKUP"),
    }

    assert stage.invoke()["statusCode"] == 200

    wait_for(lambda: own not in stage.arns())
    assert others <= stage.arns()


@on_demand
def test_a_lost_backup_is_told_and_nothing_is_deleted(stage: Stage) -> None:
    old = {stage.seed(table, OWN, days_ago=400) for table in TABLES}
    answer = stage.invoke()
    (lost,) = (one["backup_arn"] for one in answer["body"]["backup_results"] if one["table_name"] == "shop-carts")
    stage.dynamodb.delete_backup(BackupArn=lost)

    (told,) = wait_for(stage.heard)

    assert f"table shop-carts: its backup {lost} is gone" in told
    wait_for(lambda: stage.looked_at() >= 2)
    time.sleep(1)
    assert old <= stage.arns()


@on_demand
def test_killed_before_the_message_the_run_goes_on_without_a_second_backup(stage: Stage) -> None:
    with stage.aws.faults.deny("sqs", "SendMessage"):
        cut_off = stage.invoke()
    assert cut_off["statusCode"] == 500
    assert "nobody watches it" in wait_for(stage.heard)[0]
    made = stage.arns()

    answer = stage.invoke({"run_id": cut_off["body"]["run_id"]})

    assert answer["statusCode"] == 200
    assert {one["backup_arn"] for one in answer["body"]["backup_results"]} == made == stage.arns()
    wait_for(lambda: stage.looked_at() >= 2)


@on_demand
def test_messages_that_come_twice_and_late_change_nothing(stage: Stage) -> None:
    old = {stage.seed(table, OWN, days_ago=8) for table in TABLES}
    answer = stage.invoke()
    wait_for(lambda: not old & stage.arns())
    kept = stage.arns()
    stage.aws.requests.clear()
    results = answer["body"]["backup_results"]

    for number, one in enumerate([*reversed(results), *results]):
        message = {
            "table": one["table_name"],
            "backup_arn": one["backup_arn"],
            "backup_name": answer["body"]["backup_name"],
            "tables": list(TABLES),
            "run_began": "2026-07-01T05:00:00.000Z",
        }
        stage.sqs.send_message(
            QueueUrl=stage.outputs["queues"]["watched"]["url"],
            MessageBody=json.dumps(message),
            MessageGroupId="again",
            MessageDeduplicationId=f"again-{number}-{answer['body']['run_id']}",
        )

    wait_for(lambda: stage.looked_at() >= 4)
    assert stage.arns() == kept
    assert stage.heard() == []


@on_demand
def test_a_throttled_table_waits_and_a_refused_event_is_told(stage: Stage) -> None:
    stage.aws.faults.error("dynamodb", "CreateBackup", code="BackupInUseException", resource="shop-carts", times=2)

    assert stage.invoke()["statusCode"] == 200
    assert stage.invoke({"table": "shop-carts"})["statusCode"] == 500
    assert "field 'table' is unknown" in wait_for(stage.heard)[0]


@on_demand
def test_a_table_that_is_gone_fails_alone(stage: Stage) -> None:
    old = stage.seed("shop-sessions", OWN, days_ago=400)
    stage.aws.faults.error("dynamodb", "CreateBackup", code="TableNotFoundException", resource="shop-carts")

    answer = stage.invoke()

    assert answer["statusCode"] == 207
    assert "table shop-carts does not exist" in wait_for(stage.heard)[0]
    wait_for(lambda: stage.looked_at() >= 1)
    time.sleep(1)
    assert old in stage.arns(), "a run that lacks a table deletes nothing"
