"""Against another S3 and DynamoDB: nothing beyond documented calls is needed, and optional ones may be unknown."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextvars import ContextVar, copy_context
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto import mock_aws

from sandbox.exports import write_full_export
from tests.scenario.backup.conftest import Configure
from tests.scenario.backup.kit import BUCKET, back_up, some_items, today

WRITING_AN_EXPORT = ContextVar("writing_an_export", default=False)
"""DynamoDB's own calls are not the function's."""

NEEDED = {
    "DescribeTable",
    "ExportTableToPointInTime",
    "DescribeExport",
    "ListObjectsV2",
    "GetObject",
    "HeadObject",
    "PutObject",
}


class PlainExports:
    """DynamoDB's export API over moto: just what the two calls document. ``calls`` counts every operation."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.exports: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count()
        self.export: Callable[..., dict[str, Any]] = self.write

    def write(self, TableArn: str, S3Bucket: str, S3Prefix: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        table = TableArn.rpartition("/")[2]
        items = boto3.client("dynamodb").scan(TableName=table)["Items"]
        export_id = f"0170000000000{next(self._numbers)}-abcdef01"
        write_full_export(boto3.client("s3"), S3Bucket, S3Prefix, TableArn, items, export_id=export_id)
        arn = f"{TableArn}/export/{export_id}"
        self.exports[arn] = {"ExportArn": arn, "ExportStatus": "COMPLETED", "ItemCount": len(items)}
        return {"ExportDescription": {"ExportArn": arn, "ExportStatus": "IN_PROGRESS"}}


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[PlainExports]:
    """An account in moto with a bucket and two tables; every operation that is not needed is unknown to it."""
    plain = PlainExports()
    carry_out = vars(BaseClient)["_make_api_call"]

    def make_api_call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if WRITING_AN_EXPORT.get():
            return carry_out(client, operation, parameters)
        plain.calls.append(operation)
        if operation == "ExportTableToPointInTime":
            context = copy_context()
            context.run(WRITING_AN_EXPORT.set, True)
            return context.run(lambda: plain.export(**parameters))
        if operation == "DescribeExport":
            return {"ExportDescription": plain.exports[parameters["ExportArn"]]}
        if operation in {"DescribeTimeToLive", "DescribeContinuousBackups", "ListTagsOfResource"}:
            raise ClientError({"Error": {"Code": "UnknownOperationException", "Message": ""}}, operation)
        return carry_out(client, operation, parameters)

    for name in [name for name in os.environ if name.startswith("AWS_ENDPOINT")]:
        monkeypatch.delenv(name)
    # Clients are kept while the credentials stay the same; these are for nobody else.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", f"moto-{datetime.now(UTC).timestamp()}")
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        for table, count in (("orders", 4), ("empty", 0)):
            boto3.client("dynamodb").create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            )
            for item in some_items(count):
                boto3.client("dynamodb").put_item(TableName=table, Item=item)
        monkeypatch.setattr(BaseClient, "_make_api_call", make_api_call)
        yield plain


def test_documented_calls_are_enough(plain: PlainExports, configure: Configure) -> None:
    configure("orders", "empty", S3_EXPORTS_PREFIX=None)
    answer = back_up()
    assert answer.code == 200
    assert answer.body["total_items_exported"] == 4
    assert answer.body["manifest_s3_key"] == f"native-exports/{today()}/manifest.json"
    for operation in ("DescribeTimeToLive", "DescribeContinuousBackups", "ListTagsOfResource"):
        assert operation in str(answer.of("orders")["warnings"])
    optional = {"DescribeTimeToLive", "DescribeContinuousBackups", "ListTagsOfResource"}
    assert set(plain.calls) <= NEEDED | optional


def test_an_export_without_its_objects_is_no_backup(plain: PlainExports, configure: Configure) -> None:
    configure("orders")

    def promise_only(TableArn: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        arn = f"{TableArn}/export/01700000000009-abcdef01"
        plain.exports[arn] = {"ExportArn": arn, "ExportStatus": "COMPLETED", "ItemCount": 4}
        return {"ExportDescription": {"ExportArn": arn, "ExportStatus": "IN_PROGRESS"}}

    plain.export = promise_only
    answer = back_up()
    assert answer.code == 500
    assert "01700000000009-abcdef01" in answer.of("orders")["error"]


def test_a_count_that_differs_from_the_manifests_is_no_backup(plain: PlainExports, configure: Configure) -> None:
    configure("orders")

    def count_wrong(**parameters: Any) -> dict[str, Any]:
        answer = plain.write(**parameters)
        plain.exports[answer["ExportDescription"]["ExportArn"]]["ItemCount"] = 5
        return answer

    plain.export = count_wrong
    answer = back_up()
    assert answer.code == 500
    assert "5" in answer.of("orders")["error"]
    assert "4" in answer.of("orders")["error"]
