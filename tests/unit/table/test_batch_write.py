"""Every operation of a batch ends exactly once: written, refused by DynamoDB, or still to be done."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from dynamodb_backup.table import batch_write
from dynamodb_backup.table.batch_write import BatchWriter
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.timing import Deadline

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

KEYS = KeySchema((("id", "S"),))
EXCEEDED = "ProvisionedThroughputExceededException"


class FakeDynamoDB:
    """A table that takes what BatchWriteItem carries, and does to each request what ``trouble`` says first."""

    def __init__(self, trouble: Callable[[list[dict[str, Any]]], Any] = lambda _: None) -> None:
        self.meta = self
        self.events = self
        self.table: dict[str, Any] = {}
        self.requests: list[list[dict[str, Any]]] = []
        self._trouble = trouble
        self._before_call: Callable[..., None] | None = None

    def register_last(self, event: str, handler: Callable[..., None]) -> None:
        if event.startswith("before-call"):
            self._before_call = handler

    def unregister(self, event: str, _handler: Callable[..., None]) -> None:
        if event.startswith("before-call"):
            self._before_call = None

    def batch_write_item(self, **_: Any) -> dict[str, Any]:
        assert self._before_call is not None
        params: dict[str, Any] = {}
        self._before_call(params=params)
        ((table, operations),) = json.loads(params["body"])["RequestItems"].items()
        assert table == "orders"
        assert 1 <= len(operations) <= 25
        self.requests.append(operations)
        unprocessed = self._trouble(operations) or []
        if any(self.is_bad(one) for one in operations):
            raise client_error("ValidationException")
        for one in operations:
            if one not in unprocessed:
                self._carry_out(one)
        return {
            "UnprocessedItems": {"orders": unprocessed} if unprocessed else {},
            "ResponseMetadata": {"HTTPHeaders": {"content-length": "23"}},
        }

    @staticmethod
    def is_bad(operation: dict[str, Any]) -> bool:
        return "bad" in operation.get("PutRequest", {}).get("Item", {})

    def _carry_out(self, operation: dict[str, Any]) -> None:
        if "PutRequest" in operation:
            item = operation["PutRequest"]["Item"]
            self.table[item["id"]["S"]] = item
        else:
            self.table.pop(operation["DeleteRequest"]["Key"]["id"]["S"], None)


def client_error(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "BatchWriteItem",
    )


def writer(dynamodb: FakeDynamoDB, seconds: float = 100) -> BatchWriter:
    return BatchWriter(cast("DynamoDBClient", dynamodb), "orders", KEYS, Deadline(seconds))


def line(number: int, *, bad: bool = False) -> bytes:
    return b'{"Item":{"id":{"S":"%d"}%s}}' % (number, b',"bad":{"BOOL":true}' if bad else b"")


@pytest.fixture(autouse=True, scope="module")
def _no_pauses() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(batch_write, "backoff_seconds", lambda: iter(lambda: 0.0, None))
        yield


@given(st.integers(1, 25), st.sets(st.integers(0, 24)), st.integers(0, 2**32), st.booleans())
def test_every_item_is_accounted_for_whatever_goes_wrong(count: int, bad: set[int], seed: int, in_time: bool) -> None:
    chance = random.Random(seed)

    def trouble(operations: list[dict[str, Any]]) -> list[dict[str, Any]]:
        kind = chance.choice(["none", "none", "unprocessed", "throttle", "error", "before", "after"])
        if kind == "unprocessed" and not any(map(FakeDynamoDB.is_bad, operations)):
            return chance.sample(operations, chance.randint(0, len(operations)))
        if kind == "throttle":
            raise client_error(chance.choice([EXCEEDED, "ThrottlingException", "RequestLimitExceeded"]))
        if kind == "error":
            raise client_error("InternalServerError", 500)
        if kind == "before":
            raise ReadTimeoutError(endpoint_url="x")
        if kind == "after":
            if not any(map(FakeDynamoDB.is_bad, operations)):
                for one in operations:
                    dynamodb._carry_out(one)
            raise ConnectionClosedError(endpoint_url="x")
        return []

    dynamodb = FakeDynamoDB(trouble)
    lines = [line(number, bad=number in bad) for number in range(count)]
    outcome = writer(dynamodb, 100 if in_time else 0).put(lines)

    expected_bad = {number for number in bad if number < count}
    refused = {one.operation for one in outcome.refused}
    assert refused <= {b'{"PutRequest":' + line(number, bad=True) + b"}" for number in expected_bad}
    assert len(refused) == len(outcome.refused)
    if in_time:
        assert not outcome.unsettled
        assert (outcome.written, len(refused)) == (count - len(expected_bad), len(expected_bad))
    # What is said to be settled, the leading lines, is in the table or refused; nothing else is said.
    settled = range(outcome.settled)
    assert outcome.written == sum(number not in bad for number in settled)
    assert all((str(number) in dynamodb.table) == (number not in bad) for number in settled)
    assert outcome.settled == count or outcome.unsettled


def test_the_bytes_are_sent_as_they_stand() -> None:
    dynamodb = FakeDynamoDB()
    stands = b' {"Item" : {"id":{"S":"a"},"n":{"N":"1.0"},"B":{"B":"aGVsbG8="},"s":{"S":"\\u2028\xf0\x9f\xa6\x8e"}}}\r'
    assert writer(dynamodb).put([stands]).written == 1
    assert dynamodb.table["a"] == json.loads(stands)["Item"]


def test_deletes_name_their_keys() -> None:
    dynamodb = FakeDynamoDB()
    dynamodb.table = {"a": {}, "b": {}}
    outcome = writer(dynamodb).delete([{"id": {"S": "a"}}])
    assert (outcome.written, set(dynamodb.table)) == (1, {"b"})
    assert dynamodb.requests == [[{"DeleteRequest": {"Key": {"id": {"S": "a"}}}}]]


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException", "UnrecognizedClientException"])
def test_what_no_retry_mends_is_raised_at_once(code: str) -> None:
    def trouble(_: object) -> None:
        raise client_error(code)

    dynamodb = FakeDynamoDB(trouble)
    with pytest.raises(ClientError, match=code):
        writer(dynamodb).put([line(1)])
    assert len(dynamodb.requests) == 1


def test_an_answer_without_unprocessed_items_is_not_believed() -> None:
    class Cut(FakeDynamoDB):
        def batch_write_item(self, **arguments: Any) -> dict[str, Any]:
            answer = super().batch_write_item(**arguments)
            if len(self.requests) < 3:
                del answer["UnprocessedItems"]
            return answer

    dynamodb = Cut()
    assert writer(dynamodb).put([line(1)]).written == 1
    assert len(dynamodb.requests) == 3


def test_unprocessed_items_that_cannot_be_matched_are_all_sent_again() -> None:
    answers = iter([[{"PutRequest": {"Item": {"id": {"S": "unknown"}}}}], [{"PutRequest": {"Item": {}}}], [{}], []])
    dynamodb = FakeDynamoDB(lambda _: next(answers))
    outcome = writer(dynamodb).put([line(1), line(2)])
    assert outcome.written == 2
    assert [len(request) for request in dynamodb.requests] == [2, 2, 2, 2]


def test_numbers_handed_back_in_another_form_are_matched() -> None:
    keys = KeySchema((("n", "N"),))
    sent: list[int] = []

    class Numbers(FakeDynamoDB):
        def batch_write_item(self, **_: Any) -> dict[str, Any]:
            params: dict[str, Any] = {}
            assert self._before_call is not None
            self._before_call(params=params)
            sent.append(len(json.loads(params["body"])["RequestItems"]["orders"]))
            back = [{"PutRequest": {"Item": {"n": {"N": "100"}}}}] if len(sent) == 1 else []
            return {"UnprocessedItems": {"orders": back}, "ResponseMetadata": {"HTTPHeaders": {}}}

    with BatchWriter(cast("DynamoDBClient", Numbers()), "orders", keys, Deadline(100)) as numbers:
        outcome = numbers.put([b'{"Item":{"n":{"N":"1E+2"}}}', b'{"Item":{"n":{"N":"2"}}}'])
    assert (outcome.written, sent) == (2, [2, 1])
