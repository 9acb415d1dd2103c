"""What a test puts into the account past the edge is as if it had been put by requests, without being one."""

from __future__ import annotations

import pytest

from sandbox import Sandbox
from tests.sandbox.tables import create_table


def test_objects_are_there_and_no_request_was_made(aws: Sandbox) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="backups")
    aws.requests.clear()
    aws.faults.deny("s3", "PutObject")

    aws.contents.put_objects("backups", {"a": b"\x00\xff", "b/c d+é%.json": b""})

    assert aws.requests.list() == []
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="backups")["Contents"]] == ["a", "b/c d+é%.json"]
    assert s3.get_object(Bucket="backups", Key="a")["Body"].read() == b"\x00\xff"


def test_items_are_there_one_written_over_the_other(aws: Sandbox) -> None:
    create_table(aws, "orders")
    item = {"id": {"S": "a"}, "raw": {"B": "AAE="}}

    aws.contents.put_items("orders", [{"id": {"S": "a"}, "old": {"BOOL": True}}, {"id": {"S": "b"}}, item])

    found = aws.client("dynamodb").scan(TableName="orders", ConsistentRead=True)["Items"]
    assert sorted(found, key=len) == [{"id": {"S": "b"}}, {"id": {"S": "a"}, "raw": {"B": b"\x00\x01"}}]


def test_what_the_service_refuses_is_said(aws: Sandbox) -> None:
    create_table(aws, "orders")
    with pytest.raises(ValueError, match=r"an item of orders: .*Missing the key id"):
        aws.contents.put_items("orders", [{"other": {"S": "a"}}])
    with pytest.raises(ValueError, match=r"(?s)nowhere/a: .*NoSuchBucket"):
        aws.contents.put_objects("nowhere", {"a": b""})
