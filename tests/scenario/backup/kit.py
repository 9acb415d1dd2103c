"""A stage for backup tests: tables, a bucket, the real handler in this process, and what then lies in the bucket."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dynamodb_backup.handlers.backup import lambda_handler
from sandbox import Sandbox
from tests.scenario.restore.kit import encoded

BUCKET = "backups"
PREFIX = "native-exports"

Item = Mapping[str, Any]
"""An item as boto3's client takes it: typed values, binary as bytes."""


@dataclass
class LambdaContext:
    """A Lambda context with so many seconds left."""

    ends: float

    @classmethod
    def lasting(cls, seconds: float) -> LambdaContext:
        return cls(time.monotonic() + seconds)

    def get_remaining_time_in_millis(self) -> int:
        return max(0, round((self.ends - time.monotonic()) * 1000))


@dataclass
class Answer:
    """The handler's response."""

    code: int
    body: dict[str, Any]

    def of(self, table: str) -> dict[str, Any]:
        """Return a table's entry in ``export_results``."""
        (result,) = (one for one in self.body["export_results"] if one["table_name"] == table)
        return dict(result)

    @property
    def statuses(self) -> dict[str, str]:
        return {one["table_name"]: one["status"] for one in self.body["export_results"]}


def back_up(event: object = None, *, seconds: float = 60.0) -> Answer:
    """Call the handler as Lambda would: the event comes from JSON, the answer must be JSON."""
    event = json.loads(json.dumps({} if event is None else event))
    response = json.loads(json.dumps(lambda_handler(event, LambdaContext.lasting(seconds))))
    assert set(response) == {"statusCode", "body"}
    assert isinstance(response["body"], dict)
    return Answer(response["statusCode"], response["body"])


def back_up_in_turns(event: object = None, *, seconds: float, most: int = 60) -> list[Answer]:
    """Repeat the event while the answer is 202; return all answers."""
    answers = [back_up(event, seconds=seconds)]
    while answers[-1].code == 202 and len(answers) < most:
        answers.append(back_up(event, seconds=seconds))
    return answers


def today() -> str:
    return datetime.now(UTC).date().isoformat()


@dataclass
class Stage:
    """An account with a backup bucket."""

    aws: Sandbox
    s3: Any
    dynamodb: Any

    def create_table(self, name: str, items: Iterable[Item] = (), *, recovery: bool = True) -> None:
        """Create a table with the key ``id`` (S), fill it, and turn its point-in-time recovery on."""
        self.dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        if recovery:
            self.turn_on_recovery(name)
        self.aws.contents.put_items(name, map(encoded, items))

    def turn_on_recovery(self, table: str) -> None:
        self.dynamodb.update_continuous_backups(
            TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )

    def exports_started(self, table: str = "*") -> int:
        """How often an export of the table was asked for."""
        return self.aws.requests.count("dynamodb", "ExportTableToPointInTime", resource=table)

    def exports_billed(self, table: str) -> int:
        """How many exports of the table there are."""
        arn = self.dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
        return len(self.dynamodb.list_exports(TableArn=arn)["ExportSummaries"])

    def all_keys(self, prefix: str = "") -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def read(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    def write(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def manifest(self, date: str | None = None) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.read(f"{PREFIX}/{date or today()}/manifest.json"))
        return document

    def recorded(self, table: str, date: str | None = None) -> dict[str, Any]:
        """Return a table's only entry in a date's manifest."""
        (entry,) = (one for one in self.manifest(date)["exports"] if one["table_name"] == table)
        return dict(entry)

    def start_only(self, *tables: str) -> dict[str, str]:
        """Let a run start its exports and end before it looks at them; return each table's export folder, complete."""
        self.aws.exports.configure(seconds=0, partitions=2)
        with self.aws.faults.throttle("dynamodb", "DescribeExport"):
            answer = back_up(seconds=0.2)
            while not all(one["export_arn"] for one in answer.body["export_results"]):
                answer = back_up(seconds=0.2)
        assert answer.code == 202
        arns = {one["table_name"]: one["export_arn"] for one in answer.body["export_results"]}
        for arn in arns.values():
            while self.dynamodb.describe_export(ExportArn=arn)["ExportDescription"]["ExportStatus"] == "IN_PROGRESS":
                time.sleep(0.05)
        folder = f"{PREFIX}/{answer.body['backup_date']}"
        return {
            table: f"{folder}/{table}/AWSDynamoDB/{arn.rpartition('/')[2]}/"
            for table, arn in arns.items()
            if not tables or table in tables
        }


def some_items(count: int) -> list[Item]:
    return [{"id": {"S": f"item-{number}"}, "text": {"S": "secret-content"}} for number in range(count)]


def scheduled_event(event_id: str = "cdc73f9d-aea9-11e3-9d5a-835b769c0d9c") -> dict[str, Any]:
    """What EventBridge sends for a scheduled rule."""
    return {
        "version": "0",
        "id": event_id,
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-01-31T03:00:00Z",
        "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:123456789012:rule/daily"],
        "detail": {},
    }
