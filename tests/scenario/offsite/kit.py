"""A stage of two providers: real backups here, copies there, and the real functions, which know both."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from dynamodb_backup.backup import chain_steps
from dynamodb_backup.backup import run as backup_run
from dynamodb_backup.handlers.offsite_copy import lambda_handler
from dynamodb_backup.offsite import run as offsite_run
from sandbox import Sandbox
from sandbox.environment import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from tests.scenario.backup.kit import back_up
from tests.scenario.restore.kit import LambdaContext, canonical, encoded, strings

HOME, COPY = "backups", "copies"
PREFIX, COPY_PREFIX = "native-exports", "shop/of-backups"
TABLE = "orders"
SECRET = "store-key"
SHORTEST_WINDOW = timedelta(seconds=1)
DAY_S_ITEMS = strings(12)

_KEYS = {
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
}


@dataclass
class Answer:
    """The handler's response, once through JSON."""

    code: int
    body: dict[str, Any]

    def statuses(self, kind: str = "date") -> list[str]:
        return [one["status"] for one in self.body["copies"] if one["kind"] == kind]


def offsite(event: object = None, *, seconds: float = 60.0) -> Answer:
    """Call the handler as Lambda would."""
    response = json.loads(json.dumps(lambda_handler({} if event is None else event, LambdaContext(seconds))))
    return Answer(response["statusCode"], response["body"])


def offsite_in_turns(event: object = None, *, seconds: float = 0.0, most: int = 60) -> list[Answer]:
    """Repeat the event while the answer is 202; return all answers."""
    answers = [offsite(event, seconds=seconds)]
    while answers[-1].code == 202 and len(answers) < most:
        answers.append(offsite(event, seconds=seconds))
    return answers


@dataclass(frozen=True)
class CopiedDay:
    """What lies in the backup bucket before a full backup was copied and after it, and in the other store then."""

    date: str
    backed_up: dict[str, bytes]
    at_home: dict[str, bytes]
    there: dict[str, bytes]


@dataclass
class Places:
    """``states`` are the items of the table at each moment (ISO 8601) that an increment ends with."""

    aws: Sandbox
    store: Sandbox
    monkeypatch: pytest.MonkeyPatch
    states: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.s3 = self.aws.client("s3")
        self.there = self.store.client("s3")
        self.dynamodb = self.aws.client("dynamodb")

    def set_up(self) -> None:
        self.aws.exports.configure(
            seconds=0, partitions=2, minimum_window_seconds=0, restorable_lag_seconds=0, pitr_age_seconds=3600
        )
        self.monkeypatch.setattr(backup_run, "FIRST_PAUSE_SECONDS", 0.1)
        self.monkeypatch.setattr(chain_steps, "SHORTEST_WINDOW", SHORTEST_WINDOW)
        self.monkeypatch.setattr(offsite_run, "PATIENCE_SECONDS", 1.0)
        for name, value in self.aws.environment.items():
            if value:
                self.monkeypatch.setenv(name, value)
        self.s3.create_bucket(Bucket=HOME)
        self.there.create_bucket(Bucket=COPY)
        key = {"access_key_id": ACCESS_KEY_ID, "secret_access_key": SECRET_ACCESS_KEY}
        made = self.aws.client("secretsmanager").create_secret(Name=SECRET, SecretString=json.dumps(key))
        self.secret_arn: str = made["ARN"]
        self.be_at(HOME)

    def be_at(self, home: str, home_prefix: str = PREFIX, tables: Iterable[str] = (TABLE,), **store: Any) -> None:
        """Make this process the functions that are deployed on a bucket, with the off-site store as given."""
        terms = {
            "endpoint_url": self.store.endpoint,
            "region": "eu-central-003",
            "bucket": COPY,
            "prefix": COPY_PREFIX,
            "secret_arn": self.secret_arn,
            "days": 7,
            "allow_fetch": False,
        }
        variables = {
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "BACKUP_BUCKET": home,
            "ENVIRONMENT": "production",
            "DYNAMODB_TABLES": json.dumps(list(tables)),
            "S3_EXPORTS_PREFIX": home_prefix,
            "OFFSITE_COPY": json.dumps(terms | store),
        }
        for name, value in variables.items():
            self.monkeypatch.setenv(name, value)

    def create_table(self, name: str = TABLE) -> None:
        self.dynamodb.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **_KEYS)
        self.dynamodb.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )

    def fill(self, items: Iterable[Mapping[str, Any]], table: str = TABLE) -> None:
        self.aws.contents.put_items(table, items)

    def have(self, day: CopiedDay, *, copied: bool = True) -> str:
        """Have a day's backup in the bucket, and its copy in the other store unless told otherwise; return its date."""
        self.aws.contents.put_objects(HOME, day.at_home if copied else day.backed_up)
        if copied:
            self.store.contents.put_objects(COPY, day.there)
        return day.date

    def items(self, table: str = TABLE) -> list[str]:
        """Everything in a table, canonical and sorted."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        return sorted(canonical(encoded(item)) for page in pages for item in page["Items"])

    def make_full_backup(self) -> str:
        """Return the date of it."""
        answer = back_up()
        assert answer.code == 200, answer.body
        return str(answer.body["backup_date"])

    def make_increment(self) -> None:
        time.sleep(2.1)  # windows end at whole seconds
        answer = back_up({"export_type": "INCREMENTAL_EXPORT"})
        assert answer.code == 200, answer.body
        (window,) = answer.of(TABLE)["windows"]
        self.states[window["to"]] = self.items()

    def lose_everything(self, new_bucket: str = "made-anew") -> None:
        """The tables and the bucket are gone; the module was applied again, and made an empty bucket."""
        for table in self.dynamodb.list_tables()["TableNames"]:
            self.dynamodb.delete_table(TableName=table)
        self.aws.faults.deny("s3", "*", resource=f"{HOME}*")
        self.s3.create_bucket(Bucket=new_bucket)
        self.be_at(new_bucket, allow_fetch=True)

    def copied_keys(self) -> list[str]:
        return keys(self.there, COPY)

    def read_copy(self, key: str) -> bytes:
        return bytes(self.there.get_object(Bucket=COPY, Key=key)["Body"].read())

    def record(self, name: str) -> dict[str, Any]:
        """Return a record of the copy by the end of its key."""
        (key,) = (one for one in keys(self.s3, HOME) if "/offsite/" in one and one.endswith(name))
        return dict(json.loads(self.s3.get_object(Bucket=HOME, Key=key)["Body"].read()))


def keys(client: Any, bucket: str, prefix: str = "") -> list[str]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [one["Key"] for page in pages for one in page.get("Contents", [])]


def contents_of(client: Any, bucket: str) -> dict[str, bytes]:
    return {key: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys(client, bucket)}
