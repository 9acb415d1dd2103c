"""On-demand backups, begun and watched, and the HTTP API."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from dynamodb_backup.aws import api_clients, on_demand_clients
from dynamodb_backup.handlers import api, on_demand_backup, on_demand_monitor
from tests.reliability.crashes.account import Account
from tests.reliability.crashes.case import Answer, UseCase, done, insisting, retried
from tests.reliability.crashes.cases.backups import scheduled
from tests.reliability.crashes.clock import CLOCK
from tests.reliability.crashes.place import be_function, stage_of
from tests.scenario.restore.kit import BUCKET, strings

__all__ = ["CASES"]

TABLES = ("orders", "users")
_MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:shop-"
MACHINES = {name: f"{_MACHINE}{name}" for name in ("backup", "restore", "verify")}
DAY_SECONDS = 86_400.0


def _tables(account: Account) -> None:
    fifo = {"FifoQueue": "true", "VisibilityTimeout": "60"}
    queue = account.client("sqs").create_queue(QueueName="backups.fifo", Attributes=fifo)["QueueUrl"]
    topic = account.client("sns").create_topic(Name="on-call")["TopicArn"]
    be_function(
        TABLES,
        BACKUP_NAME_PREFIX="shop-test",
        QUEUE_URL=queue,
        NOTIFICATION_TOPIC_ARN=topic,
        RETENTION_DAYS="3",
    )
    on_demand_clients()
    stage = stage_of(account)
    for table in TABLES:
        stage.create_table(table)
        stage.fill(table, strings(3))


def _begin(day: str, account: Account) -> Answer:
    return insisting(account, on_demand_backup.lambda_handler, scheduled(day))


def _check_begun(account: Account, answer: Answer) -> None:
    done(answer)
    listed = account.client("dynamodb").list_backups()["BackupSummaries"]
    assert sorted(one["TableName"] for one in listed) == list(TABLES), "billed twice"
    assert len({one["BackupName"] for one in listed}) == 1
    assert {json.loads(one["Body"])["table"] for one in _received(account)} == set(TABLES)


def _received(account: Account) -> list[Any]:
    sqs, queue = account.client("sqs"), account.client("sqs").get_queue_url(QueueName="backups.fifo")["QueueUrl"]
    found: list[Any] = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
        found += messages
        for one in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=one["ReceiptHandle"])
    return found


def _watched(account: Account) -> None:
    """Make an old run and a new one, whose messages wait in the queue."""
    _tables(account)
    done(_begin("2026-01-31", account))
    _received(account)
    CLOCK.advance(5 * DAY_SECONDS)
    done(_begin("2026-02-05", account))
    CLOCK.advance(60)


def _monitor(account: Account) -> None:
    """Hand the queue's messages over as Lambda does: a batch that got no answer comes again."""
    while messages := _received(account):
        records = [{"messageId": one["MessageId"], "body": one["Body"]} for one in messages]
        answer = retried(partial(account.invoke, on_demand_monitor.lambda_handler, {"Records": records}))
        assert answer == {"batchItemFailures": []}, answer


def _check_monitored(account: Account, _answer: None) -> None:
    listed = account.client("dynamodb").list_backups()["BackupSummaries"]
    assert sorted(one["TableName"] for one in listed) == list(TABLES), listed
    assert all("20260205" in one["BackupName"] and one["BackupStatus"] == "AVAILABLE" for one in listed), listed


def _machines(account: Account) -> None:
    be_function(API_AUTHORIZATION="iam", **{f"{name.upper()}_STATE_MACHINE_ARN": arn for name, arn in MACHINES.items()})
    api_clients()
    stage_of(account).s3.create_bucket(Bucket=BUCKET)
    definition = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Pass", "End": True}}})
    for arn in MACHINES.values():
        account.client("stepfunctions").create_state_machine(
            name=arn.rpartition(":")[2], definition=definition, roleArn="arn:aws:iam::123456789012:role/any"
        )


def _post(account: Account) -> Answer:
    """Send a request as a client does that sends it again with the same key where no answer came."""
    event = {
        "version": "2.0",
        "routeKey": "POST /backups",
        "headers": {"content-type": "application/json", "Idempotency-Key": "key-1"},
        "requestContext": {"requestId": "request-1", "authorizer": {"iam": {"userArn": "arn:aws:iam::1:user/a"}}},
        "isBase64Encoded": False,
        "body": "{}",
    }
    return retried(partial(account.invoke, api.lambda_handler, event))


def _check_posted(account: Account, answer: Answer) -> None:
    assert answer["statusCode"] == 202, answer
    (started,) = account.client("stepfunctions").list_executions(stateMachineArn=MACHINES["backup"])["executions"]
    assert started["name"] == json.loads(answer["body"])["id"]


CASES = [
    UseCase("on-demand backup, begun", _tables, partial(_begin, "2026-01-31"), _check_begun),
    UseCase("on-demand backup, watched and expired", _watched, _monitor, _check_monitored),
    UseCase("HTTP API, start", _machines, _post, _check_posted),
]
