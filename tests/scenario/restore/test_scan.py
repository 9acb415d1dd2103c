"""Reading whole tables over HTTP: every page, every segment, every type, and faults on the way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from dynamodb_backup.aws_errors import is_transient, patiently
from dynamodb_backup.table.scan import Segment, item_page, raw_item_page
from sandbox import Sandbox
from tests.scenario.restore.kit import Stage, canonicals, strings
from tests.scenario.restore.test_values import EVERY_TYPE


def read_whole(stage: Stage, segments: int, read: Any = item_page, **how: Any) -> list[Any]:
    found: list[Any] = []
    for segment in map(Segment, range(segments)):
        while not segment.done:
            page, last = patiently(lambda: read(stage.dynamodb, "orders", segment, segments, **how))  # noqa: B023
            found += page
            segment.start, segment.done = last, last is None
    return found


@pytest.mark.parametrize("segments", [1, 3])
def test_every_item_of_every_page_and_segment(stage: Stage, segments: int) -> None:
    stage.create_table("orders")
    items = [{"id": {"S": f"{number}"}, **EVERY_TYPE} for number in range(23)]
    stage.fill("orders", items)

    assert canonicals(read_whole(stage, segments, limit=4)) == canonicals(items)
    raw = read_whole(stage, segments, raw_item_page, limit=4)
    assert canonicals(map(json.loads, raw)) == canonicals(items)


def test_pages_end_where_dynamodb_ends_them(stage: Stage, aws: Sandbox) -> None:
    stage.create_table("orders")
    items = strings(12, padding={"S": "x" * 300_000})
    stage.fill("orders", items)
    aws.requests.clear()

    assert canonicals(read_whole(stage, 1)) == canonicals(items)
    assert aws.requests.count("dynamodb", "Scan") > 2


def test_what_passes_by_itself_is_read_again(stage: Stage, aws: Sandbox) -> None:
    stage.create_table("orders")
    stage.fill("orders", strings(10))
    aws.faults.throttle("dynamodb", "Scan", times=1)
    aws.faults.server_error("dynamodb", "Scan", times=1)
    aws.faults.reset_connection("dynamodb", "Scan", times=1)

    assert canonicals(read_whole(stage, 1)) == canonicals(strings(10))


def test_a_table_that_is_not_there_is_named(stage: Stage) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException") as caught:
        item_page(stage.dynamodb, "orders", Segment(0), 1)
    assert not is_transient(caught.value)
