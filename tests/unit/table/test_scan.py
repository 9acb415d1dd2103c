"""A page of a scan is read as the wire has it, and no answer that is cut short or altered is believed."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from dynamodb_backup.aws_errors import is_transient
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.table.scan import Segment, item_page, key_page, metered_page, raw_item_page

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

ITEMS: list[dict[str, Any]] = [
    {
        "id": {"S": 'a "quoted" \u2028 \U0001f98e'},
        "n": {"N": "12345678901234567890123456789012345678"},
        "B": {"B": "aGVsbG8="},
        "bs": {"BS": ["aXM=", "c2U="]},
        "Items": {"M": {"LastEvaluatedKey": {"L": [{"NULL": True}, {"B": "AA=="}]}}},
    },
    {"id": {"S": "]}"}},
]


class Wire:
    """A client whose requests are answered here."""

    def __init__(self) -> None:
        config = Config(retries={"mode": "standard", "total_max_attempts": 1})
        self.client: DynamoDBClient = boto3.client("dynamodb", config=config)
        self.client.meta.events.register_last("before-send.dynamodb.Scan", self._answer)
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b""
        self.sent: dict[str, Any] = {}

    def answers(self, document: object, **headers: str) -> None:
        self.body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.headers = headers

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        self.sent = json.loads(request.body)
        return AWSResponse(request.url, self.status, self.headers, Body(self.body))  # type: ignore[arg-type]


class Body:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        yield self._body


@pytest.fixture(scope="module")
def one_wire() -> Wire:
    return Wire()


@pytest.fixture
def wire(one_wire: Wire) -> Wire:
    one_wire.status = 200
    return one_wire


def test_items_are_as_the_wire_has_them(wire: Wire) -> None:
    wire.answers({"Count": 2, "ScannedCount": 2, "Items": ITEMS})
    assert item_page(wire.client, "orders", Segment(3), 7) == (ITEMS, None)
    assert wire.sent == {"TableName": "orders", "Segment": 3, "TotalSegments": 7, "ConsistentRead": True}


def test_a_page_goes_on_after_the_last_key(wire: Wire) -> None:
    wire.answers({"Count": 0, "Items": [], "LastEvaluatedKey": {"k": {"B": "aGVsbG8="}}})
    start = {"k": {"B": "/+8="}, "at": {"N": "1"}}
    assert item_page(wire.client, "orders", Segment(0, start), 1, limit=5) == ([], {"k": {"B": "aGVsbG8="}})
    assert (wire.sent["ExclusiveStartKey"], wire.sent["Limit"]) == (start, 5)


def test_a_metered_page_tells_what_it_has_cost(wire: Wire) -> None:
    wire.answers({"Count": 2, "Items": ITEMS, "ConsumedCapacity": {"TableName": "orders", "CapacityUnits": 1.5}})
    page = metered_page(wire.client, "orders", Segment(0), 1, limit=7)
    assert ([json.loads(one) for one in page.items], page.last, page.read_units) == (ITEMS, None, 1.5)
    assert (wire.sent["ReturnConsumedCapacity"], wire.sent["Limit"]) == ("TOTAL", 7)


def test_a_page_that_does_not_tell_its_cost_is_not_believed(wire: Wire) -> None:
    wire.answers({"Count": 0, "Items": []})
    with pytest.raises(ResponseParserError, match="capacity") as caught:
        metered_page(wire.client, "orders", Segment(0), 1)
    assert is_transient(caught.value)


def test_keys_alone(wire: Wire) -> None:
    wire.answers({"Count": 1, "Items": [{"id": {"B": "AA=="}}]})
    assert key_page(wire.client, "orders", KeySchema((("id", "B"),)), Segment(0), 1) == ([{"id": {"B": "AA=="}}], None)
    assert (wire.sent["ProjectionExpression"], wire.sent["ExpressionAttributeNames"]) == ("#k0", {"#k0": "id"})


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_raw_items_are_cut_out_as_they_stand(wire: Wire, indent: int | None, ascii_only: bool) -> None:
    answer = {"Items": ITEMS, "Count": 2, "LastEvaluatedKey": {"id": {"S": '"Items":['}}}
    wire.answers(json.dumps(answer, indent=indent, ensure_ascii=ascii_only).encode())
    raw, last = raw_item_page(wire.client, "orders", Segment(0), 1)
    assert [json.loads(one) for one in raw] == ITEMS
    assert last == {"id": {"S": '"Items":['}}
    assert all(one in wire.body for one in raw)


TEXTS = st.text(max_size=5)
JSON_VALUES = st.recursive(TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=4)


@given(
    st.lists(st.dictionaries(TEXTS, JSON_VALUES, max_size=3), max_size=4),
    st.booleans(),
    st.sampled_from([None, 1]),
    st.data(),
)
def test_raw_items_and_items_are_the_same(
    one_wire: Wire, items: list[Any], first: bool, indent: int | None, data: st.DataObject
) -> None:
    rest = {"Count": len(items), "LastEvaluatedKey": {}}
    answer = {"Items": items, **rest} if first else {**rest, "Items": items}
    one_wire.answers(json.dumps(answer, indent=indent).encode())
    raw, _ = raw_item_page(one_wire.client, "orders", Segment(0), 1)
    assert [json.loads(one) for one in raw] == item_page(one_wire.client, "orders", Segment(0), 1)[0] == items

    one_wire.answers(one_wire.body[: data.draw(st.integers(0, len(one_wire.body) - 1))])
    for read in (item_page, raw_item_page):
        with pytest.raises(ResponseParserError):
            read(one_wire.client, "orders", Segment(0), 1)


WHOLE = json.dumps({"Count": 2, "Items": ITEMS}).encode()


@pytest.mark.parametrize("read", [item_page, raw_item_page])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"<html>",
        WHOLE[:-1],
        WHOLE + b"}",
        WHOLE.replace(b'"Count": 2', b'"Count": 1'),
        WHOLE.replace(b'"Count": 2', b'"Count": 2, "LastEvaluatedKey": "x"'),
        WHOLE.replace(b"aGVs", b"\xff\xfe"),
        b'{"Items": [], "Items": [], "Count": "0"}',
        b'{"Items": [1], "Count": 1}',
        b'{"Items": {}, "Count": 0}',
        b'{"Items": [{}, {}}, "Count": 2}',
        b'{"Items": [{"a": ' + b"[" * 100_000,
    ],
)
def test_what_is_not_a_whole_answer_is_not_believed(wire: Wire, read: Any, body: bytes) -> None:
    wire.answers(body)
    with pytest.raises(ResponseParserError, match="cut short or altered") as caught:
        read(wire.client, "orders", Segment(0), 1)
    assert is_transient(caught.value)


def test_the_checksum_is_compared(wire: Wire) -> None:
    checksum = str(zlib.crc32(WHOLE))
    wire.answers(WHOLE, **{"x-amz-crc32": checksum})
    assert len(item_page(wire.client, "orders", Segment(0), 1)[0]) == 2
    wire.answers(WHOLE.replace(b"aGVs", b"aGVt"), **{"x-amz-crc32": checksum})
    with pytest.raises(ResponseParserError):
        item_page(wire.client, "orders", Segment(0), 1)


def test_errors_are_botocores(wire: Wire) -> None:
    wire.status = 400
    wire.answers({"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "message": "no table"})
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        item_page(wire.client, "orders", Segment(0), 1)


def test_other_scans_with_the_same_client_are_parsed_as_ever(wire: Wire) -> None:
    wire.answers({"Count": 1, "Items": [{"id": {"B": "aGVsbG8="}}]})
    item_page(wire.client, "orders", Segment(0), 1)
    assert wire.client.scan(TableName="orders")["Items"] == [{"id": {"B": b"hello"}}]

    failed = []

    def read_often() -> None:
        for _ in range(20):
            if item_page(wire.client, "orders", Segment(0), 1)[0] != [{"id": {"B": "aGVsbG8="}}]:
                failed.append("raw")
            if wire.client.scan(TableName="orders")["Items"] != [{"id": {"B": b"hello"}}]:
                failed.append("parsed")

    threads = [threading.Thread(target=read_often) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


@mock_aws
def test_under_moto() -> None:
    client: DynamoDBClient = boto3.client("dynamodb")
    client.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for number in range(10):
        client.put_item(TableName="orders", Item={"id": {"S": str(number)}, "b": {"B": bytes([number])}})
    segment, found = Segment(0), []
    while not segment.done:
        page, last = item_page(client, "orders", segment, 1, limit=4)
        found += page
        segment.start, segment.done = last, last is None
    values = ["AA==", "AQ==", "Ag==", "Aw==", "BA==", "BQ==", "Bg==", "Bw==", "CA==", "CQ=="]
    assert sorted(found, key=str) == [{"id": {"S": str(number)}, "b": {"B": one}} for number, one in enumerate(values)]
