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


def test_headers_and_tags_of_all_objects_are_told_in_one_request(aws: Sandbox) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="backups")
    s3.put_object(Bucket="backups", Key="a&b/tagged", Body=b"12", Tagging="class=daily")
    aws.contents.put_objects("backups", {"plain": b"1"})
    aws.requests.clear()
    found = aws.contents.objects("backups")
    assert {key: dict(one.tags) for key, one in found.items()} == {"a&b/tagged": {"class": "daily"}, "plain": {}}
    assert found["a&b/tagged"].headers["content-length"] == "2"
    assert aws.requests.list() == []


def test_pages_hold_as_much_as_they_are_told_until_the_next_reset(aws: Sandbox) -> None:
    for page_bytes, pages in ((1_000, 4), (None, 1)):
        aws.reset()
        create_table(aws, "users")
        aws.contents.put_items("users", [{"id": {"S": f"{number}"}, "t": {"S": "x" * 400}} for number in range(8)])
        if page_bytes:
            aws.tables.configure(page_bytes=page_bytes)
        found = list(aws.client("dynamodb").get_paginator("scan").paginate(TableName="users"))
        assert [len(page["Items"]) for page in found if page["Items"]] == [8 // pages] * pages
