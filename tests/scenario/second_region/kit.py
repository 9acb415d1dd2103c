"""A stage of two regions: real backups in the first, real S3 replication, and the real functions in the second."""

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
from sandbox import Sandbox
from tests.scenario.backup.kit import Answer as BackupAnswer
from tests.scenario.backup.kit import back_up
from tests.scenario.restore.kit import canonical, decoded, encoded, strings
from tests.scenario.verify.kit import verify

FIRST, SECOND = "us-east-1", "us-west-2"
HOME, REPLICA = "backups", "replica"
PREFIX = "native-exports"
TABLE = "orders"
SHORTEST_WINDOW = timedelta(seconds=1)

_KEYS = {
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
}


@dataclass(frozen=True)
class History:
    """What lies in the first region's bucket, and the items of the table at each moment that a backup holds."""

    objects: dict[str, bytes]
    states: dict[str, list[str]]


@dataclass
class Regions:
    """One account. ``states`` are the items of the table at each moment (ISO 8601) that a backup holds."""

    aws: Sandbox
    monkeypatch: pytest.MonkeyPatch
    states: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.s3 = self.aws.client("s3")
        self.tables = {region: self.aws.client("dynamodb", region_name=region) for region in (FIRST, SECOND)}

    def set_up(self) -> None:
        self.aws.exports.configure(
            seconds=0, partitions=2, minimum_window_seconds=0, restorable_lag_seconds=0, pitr_age_seconds=3600
        )
        self.monkeypatch.setattr(backup_run, "FIRST_PAUSE_SECONDS", 0.1)
        self.monkeypatch.setattr(chain_steps, "SHORTEST_WINDOW", SHORTEST_WINDOW)
        for name, value in self.aws.environment.items():
            if value:
                self.monkeypatch.setenv(name, value)
        self.s3.create_bucket(Bucket=HOME)
        self.be_in(FIRST, HOME)

    def be_in(self, region: str, bucket: str, prefix: str = PREFIX, **others: str) -> None:
        """Make this process the functions that are deployed in a region on a bucket."""
        variables = {
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "BACKUP_BUCKET": bucket,
            "ENVIRONMENT": "production",
            "DYNAMODB_TABLES": json.dumps([TABLE]),
            "S3_EXPORTS_PREFIX": prefix,
        }
        for name, value in (variables | others).items():
            self.monkeypatch.setenv(name, value)

    def create_table(self, region: str, name: str = TABLE, **how: Any) -> None:
        self.tables[region].create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **_KEYS, **how)
        self.turn_recovery_on(region, name)

    def turn_recovery_on(self, region: str, name: str = TABLE) -> None:
        self.tables[region].update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )

    def fill(self, items: Iterable[Mapping[str, Any]], region: str = FIRST) -> None:
        if region == FIRST:
            self.aws.contents.put_items(TABLE, items)
            return
        for item in items:
            self.tables[region].put_item(TableName=TABLE, Item=decoded(item))

    def items(self, region: str, table: str = TABLE) -> list[str]:
        """Everything in a table, canonical and sorted."""
        pages = self.tables[region].get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        return sorted(canonical(encoded(item)) for page in pages for item in page["Items"])

    def make_full_backup(self) -> BackupAnswer:
        answer = back_up()
        assert answer.code == 200, answer.body
        return answer

    def make_increment(self) -> None:
        time.sleep(2.1)  # windows end at whole seconds
        answer = back_up({"export_type": "INCREMENTAL_EXPORT"})
        assert answer.code == 200, answer.body
        (window,) = answer.of(TABLE)["windows"]
        self.states[window["to"]] = self.items(FIRST)

    def make_replica_bucket(self) -> None:
        self.s3.create_bucket(Bucket=REPLICA, CreateBucketConfiguration={"LocationConstraint": SECOND})
        for bucket in (HOME, REPLICA):
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def replicate(self) -> None:
        """Have S3 copy to a bucket in the second region what is written from now on."""
        self.make_replica_bucket()
        rule = {
            "ID": "backups",
            "Priority": 0,
            "Status": "Enabled",
            "Filter": {"Prefix": f"{PREFIX}/"},
            "DeleteMarkerReplication": {"Status": "Disabled"},
            "Destination": {"Bucket": f"arn:aws:s3:::{REPLICA}"},
        }
        role = f"arn:aws:iam::{self.aws.account_id}:role/replication"
        self.s3.put_bucket_replication(Bucket=HOME, ReplicationConfiguration={"Role": role, "Rules": [rule]})

    def copied(self, history: History, bucket: str, prefix: str) -> None:
        """Have all backups in a bucket of the second region, as ``aws s3 cp --recursive`` copies them."""
        self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": SECOND})
        self.aws.contents.put_objects(
            bucket, {prefix + key.removeprefix(PREFIX): body for key, body in history.objects.items()}
        )
        self.states = history.states

    def lose_first_region(self) -> None:
        """From now on nothing answers there any more: every request to its bucket fails, and its table is gone."""
        if TABLE in self.tables[FIRST].list_tables()["TableNames"]:
            self.tables[FIRST].delete_table(TableName=TABLE)
        self.aws.faults.deny("s3", "*", resource=f"{HOME}*")
        self.aws.requests.clear()

    def requests_to_the_lost_bucket(self) -> list[Any]:
        return [
            one
            for one in self.aws.requests.list("s3")
            if any(resource == HOME or resource.startswith(f"{HOME}/") for resource in one.resources)
        ]

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def read(self, bucket: str, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def with_history(regions: Regions) -> None:
    """A full backup, its fingerprint, and two increments."""
    regions.create_table(FIRST)
    regions.fill(strings(40))
    regions.make_full_backup()
    assert verify().code == 200
    regions.tables[FIRST].delete_item(TableName=TABLE, Key={"id": {"S": "item-000001"}})
    regions.make_increment()
    regions.fill(strings(2, start=100, note={"S": "newer"}))
    regions.make_increment()
