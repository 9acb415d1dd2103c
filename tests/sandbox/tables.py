"""Tables and buckets as these tests need them."""

from __future__ import annotations

import time
from typing import Any

from sandbox import Sandbox


def create_table(aws: Sandbox, name: str, *, pitr: bool = True, sort_key: bool = False) -> str:
    """Create a table keyed by the string `id` (and the number `at`); return its ARN."""
    keys = [("id", "HASH", "S")] + ([("at", "RANGE", "N")] if sort_key else [])
    dynamodb = aws.client("dynamodb")
    created = dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind, _ in keys],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": letter} for key, _, letter in keys],
        BillingMode="PAY_PER_REQUEST",
    )
    if pitr:
        dynamodb.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    return str(created["TableDescription"]["TableArn"])


def put(aws: Sandbox, table: str, *ids: str) -> None:
    for item_id in ids:
        aws.client("dynamodb").put_item(TableName=table, Item={"id": {"S": item_id}})


def export(aws: Sandbox, table_arn: str, **arguments: Any) -> dict[str, Any]:
    """Export to the bucket `backups` and wait for the end; return the final description."""
    dynamodb = aws.client("dynamodb")
    call = {"TableArn": table_arn, "S3Bucket": "backups", "S3Prefix": "exports"} | arguments
    arn = dynamodb.export_table_to_point_in_time(**call)["ExportDescription"]["ExportArn"]
    return wait(aws, arn)


def wait(aws: Sandbox, export_arn: str, seconds: float = 10.0) -> dict[str, Any]:
    """Return the description of an export once it is no longer in progress."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        described: dict[str, Any] = aws.client("dynamodb").describe_export(ExportArn=export_arn)["ExportDescription"]
        if described["ExportStatus"] != "IN_PROGRESS":
            return described
        time.sleep(0.05)
    raise TimeoutError(f"{export_arn} is still in progress after {seconds:g} s")
