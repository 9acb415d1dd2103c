"""The sandbox's account as a run prepares it, damages it, and judges it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox import Sandbox
from tests.reliability.chaos.content import Changes, Item
from tests.reliability.chaos.plan import Plan
from tests.scenario.restore.kit import BUCKET, PREFIX, encoded

TABLE = "orders"

Snapshot = dict[str, str]
"""Everything in a table: each item, exactly, by its key."""


@dataclass
class Account:
    """The sandbox's account as the run prepares and judges it. The judge has a key of his own, which no fault meets."""

    aws: Sandbox
    plan: Plan
    judge: dict[str, Any] = field(default_factory=dict)

    def set_up(self) -> None:
        aws, keys = self.aws, self.plan.content.keys
        aws.reset()
        self.configure_exports(fail_with="S3AccessDenied" if self.plan.export_fails else None)
        aws.client("s3").create_bucket(Bucket=BUCKET)
        aws.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[
                {"AttributeName": name, "KeyType": kind}
                for (name, _), kind in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in keys],
            BillingMode="PAY_PER_REQUEST",
        )
        if self.plan.method == "native_export":
            aws.client("dynamodb").update_continuous_backups(
                TableName=TABLE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
            )
        self.write({"PutRequest": {"Item": item}} for item in self.plan.content.items)
        key = self._judge_key()
        for service in ("dynamodb", "s3"):
            self.judge[service] = aws.client(service, **key)

    def configure_exports(self, *, fail_with: str | None = None) -> None:
        """Have exports take what the plan says, and perhaps fail."""
        self.aws.exports.configure(
            seconds=self.plan.export_seconds,
            partitions=self.plan.partitions,
            items_per_file=self.plan.items_per_file,
            minimum_window_seconds=0,
            restorable_lag_seconds=0,
            pitr_age_seconds=3600,
            fail_with=fail_with,
        )

    def _judge_key(self) -> dict[str, str]:
        iam = self.aws.client("iam")
        iam.create_user(UserName="judge")
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        iam.put_user_policy(UserName="judge", PolicyName="everything", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName="judge")["AccessKey"]
        return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}

    def write(self, operations: Iterable[Mapping[str, Any]]) -> None:
        """Write as the table's owner, unhindered."""
        waiting = list(operations)
        for start in range(0, len(waiting), 25):
            self.aws.client("dynamodb").batch_write_item(RequestItems={TABLE: waiting[start : start + 25]})

    def change(self, changes: Changes) -> None:
        """Change the table as its owner, or whoever damages it."""
        self.write({"DeleteRequest": {"Key": key}} for key in changes.deleted)
        self.write({"PutRequest": {"Item": item}} for item in (*changes.changed, *changes.added))

    def snapshot(self) -> Snapshot:
        pages = self.judge["dynamodb"].get_paginator("scan").paginate(TableName=TABLE, ConsistentRead=True)
        names = [name for name, _ in self.plan.content.keys]
        return {exact({name: item[name] for name in names}): exact(item) for page in pages for item in page["Items"]}

    def read(self, key: str) -> bytes:
        body: bytes = self.judge["s3"].get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    def objects(self, prefix: str = "") -> list[str]:
        pages = self.judge["s3"].get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def exports_billed(self) -> int:
        arn = self.judge["dynamodb"].describe_table(TableName=TABLE)["Table"]["TableArn"]
        return len(self.judge["dynamodb"].list_exports(TableArn=arn)["ExportSummaries"])

    def chain(self) -> dict[str, Any]:
        """Return the table's only chain of increments."""
        (key,) = self.objects(f"{PREFIX}/chains/{TABLE}/")
        return dict(json.loads(self.read(key)))

    def chain_reaches(self, moment: datetime) -> bool:
        """Tell whether the increments hold every change up to a moment."""
        if not self.objects(f"{PREFIX}/chains/{TABLE}/"):
            return False
        return datetime.fromisoformat(self.chain()["covered_until"]) > moment

    def a_run_has_finished(self) -> bool:
        return any(run["finished"] for run in self._runs())

    def failed_runs(self) -> int:
        return sum(run["finished"] and run["tables"][TABLE]["status"] == "FAILED" for run in self._runs())

    def _runs(self) -> list[dict[str, Any]]:
        return [json.loads(self.read(key)) for key in self.objects(PREFIX) if key.endswith("run.json")]


def exact(item: Item) -> str:
    """Return an item as text, typed and byte for byte; of sets alone the order does not count."""
    return json.dumps({name: _sorted_sets(value) for name, value in encoded(item).items()}, sort_keys=True)


def _sorted_sets(typed: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, value),) = typed.items()
    if kind in ("SS", "NS", "BS"):
        return {kind: sorted(value)}
    if kind == "L":
        return {kind: [_sorted_sets(one) for one in value]}
    return {kind: {name: _sorted_sets(one) for name, one in value.items()}} if kind == "M" else {kind: value}
