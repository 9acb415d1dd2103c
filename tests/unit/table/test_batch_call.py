"""Batches over the wire: nothing but a clean success is believed, and botocore takes over for the rest."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import ClientError
from botocore.session import get_session
from moto import mock_aws

from dynamodb_backup.table import batch_call, batch_write
from dynamodb_backup.table.batch_write import BatchWriter
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.timing import Deadline
from tests.unit.table.http_server import CLEAN, Request, ScriptedServer, chunked, error, http

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

KEYS = KeySchema((("id", "S"),))
CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 1}, parameter_validation=False, read_timeout=1, connect_timeout=1
)
OK = http(200, CLEAN)


def line(number: int) -> bytes:
    return b'{"Item":{"id":{"S":"%d"}}}' % number


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    server = ScriptedServer(lambda _: OK)
    yield server
    server.close()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_write, "backoff_seconds", lambda: iter(lambda: 0.0, None))


def client_of(server: ScriptedServer) -> DynamoDBClient:
    client: DynamoDBClient = boto3.client("dynamodb", endpoint_url=server.url, config=CONFIG)
    return client


def ways(server: ScriptedServer) -> str:
    """Return one letter for each request: b for botocore's, w for the wire's."""
    return "".join("w" if request.over_wire else "b" for request in server.requests)


def first_wire_request(answer: bytes | None) -> Callable[[Request], bytes | None]:
    """Answer the first request that comes over the wire in this way, all others with a clean success."""
    answers = iter([answer])
    return lambda request: next(answers, OK) if request.over_wire else OK


def test_only_the_first_request_of_a_writer_is_botocores(server: ScriptedServer) -> None:
    with BatchWriter(client_of(server), "orders", KEYS, Deadline(100)) as writer:
        for number in range(5):
            assert writer.put([line(number), line(-1)]).written == 2
    assert ways(server) == "bwwww"
    assert [request.operations[0]["PutRequest"]["Item"]["id"]["S"] for request in server.requests] == list("01234")
    assert len({request.connection for request in server.requests if request.over_wire}) == 1
    ours, botocores = server.requests[-1].headers, server.requests[0].headers
    assert set(botocores) - set(ours) == {"amz-sdk-invocation-id", "amz-sdk-request"}
    for name in ("accept-encoding", "content-type", "host", "x-amz-target"):
        assert ours[name] == botocores[name]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (chunked(CLEAN), "bww"),
        (http(200, CLEAN, f"x-amz-crc32: {zlib.crc32(CLEAN)}"), "bww"),
        (http(200, CLEAN, "Connection: close"), "bww"),
        (http(200, b"{}"), "bww"),
        (http(200, b'{ "UnprocessedItems" : {} }'), "bww"),
        (None, "bwbw"),  # a connection that DynamoDB closed meanwhile
        (b"nonsense\r\n\r\n", "bwbw"),
        (http(200, CLEAN[:-1], length=999), "bwbw"),
        (http(200, CLEAN, "x-amz-crc32: 1"), "bwbw"),
        (http(200, b""), "bwbw"),
        (http(200, b"<html>"), "bwbw"),
        (http(200, b"[]"), "bwbw"),
        (http(200, b'{"Items":[]}'), "bwbw"),
        (http(200, b'{"UnprocessedItems":[]}'), "bwbw"),
        (http(302, b"", "Location: http://127.0.0.1/"), "bwbw"),
        (http(403, b"<html>"), "bwbw"),
        (http(503, b"<html>"), "bwbw"),
        (error("ExpiredTokenException"), "bwbw"),
        (error("InvalidSignatureException"), "bwbw"),
        (error("UnrecognizedClientException"), "bwbw"),
        (error("AccessDeniedException"), "bwbw"),
        (error("ThrottlingException"), "bwww"),
        (error("ProvisionedThroughputExceededException"), "bwww"),
        (error("InternalServerError", 500), "bwww"),
        (error("ValidationException"), "bwwww"),  # halved
    ],
)
def test_anything_but_a_clean_success_is_sent_again(
    server: ScriptedServer, answer: bytes | None, expected: str
) -> None:
    server.script = first_wire_request(answer)
    with BatchWriter(client_of(server), "orders", KEYS, Deadline(6)) as writer:
        for number in range(3):
            outcome = writer.put([line(2 * number), line(2 * number + 1)])
            assert (outcome.written, outcome.refused, outcome.unsettled) == (2, [], [])
    assert ways(server) == expected


def test_an_answer_that_does_not_come_is_not_waited_for_twice_in_a_row(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_call, "LONGEST_ANSWER_SECONDS", 0.2)
    server.script = first_wire_request(b"")
    with BatchWriter(client_of(server), "orders", KEYS, Deadline(100)) as writer:
        writer.put([line(1)])
        assert writer.put([line(2)]).written == 1
    assert ways(server) == "bww"


def test_near_the_deadline_an_answer_is_waited_for_three_seconds_at_most(server: ScriptedServer) -> None:
    server.script = first_wire_request(b"")
    with BatchWriter(client_of(server), "orders", KEYS, Deadline(0)) as writer:
        writer.put([line(1)])
        began = time.monotonic()
        assert len(writer.put([line(2)]).unsettled) == 1
        assert 2.5 < time.monotonic() - began < 4.5


def test_what_no_retry_mends_is_botocores_to_say(server: ScriptedServer) -> None:
    server.script = lambda _: error("AccessDeniedException") if len(server.requests) > 1 else OK
    with BatchWriter(client_of(server), "orders", KEYS, Deadline(100)) as writer:
        writer.put([line(1)])
        with pytest.raises(ClientError, match="AccessDeniedException"):
            writer.put([line(2)])
    assert ways(server) == "bwb"


def test_unprocessed_items_go_again(server: ScriptedServer) -> None:
    left = {"UnprocessedItems": {"orders": [{"PutRequest": {"Item": {"id": {"S": "2"}}}}]}}
    server.script = first_wire_request(http(200, json.dumps(left).encode()))
    with BatchWriter(client_of(server), "orders", KEYS, Deadline(100)) as writer:
        writer.put([line(0)])
        assert writer.put([line(1), line(2), line(3)]).written == 3
    assert [len(request.operations) for request in server.requests] == [1, 3, 1]


def test_a_wire_that_never_works_is_given_up(server: ScriptedServer) -> None:
    server.script = lambda request: None if request.over_wire else OK
    with BatchWriter(client_of(server), "orders", KEYS, Deadline(100)) as writer:
        for number in range(30):
            assert writer.put([line(number)]).written == 1
    assert ways(server) == "b" + "wb" * 10 + "b" * 19


def test_refreshed_credentials_sign_the_next_request(server: ScriptedServer) -> None:
    def refresh() -> dict[str, str]:
        return {"access_key": "A", "secret_key": "s", "token": "t", "expiry_time": "2999-01-01T00:00:00Z"}

    session: Any = get_session()
    credentials: Any = RefreshableCredentials.create_from_metadata(refresh(), refresh, "test")
    session._credentials = credentials
    client: DynamoDBClient = boto3.Session(botocore_session=session).client(
        "dynamodb", region_name="eu-west-1", endpoint_url=server.url, config=CONFIG
    )
    with BatchWriter(client, "orders", KEYS, Deadline(100)) as writer:
        writer.put([line(1)])
        writer.put([line(2)])
        credentials._frozen_credentials = ReadOnlyCredentials("B", "s", "t2")  # what a refresh puts there
        writer.put([line(3)])
    assert ways(server) == "bww"
    assert "Credential=A/" in server.requests[1].headers["authorization"]
    assert "Credential=B/" in server.requests[2].headers["authorization"]
    assert [request.headers["x-amz-security-token"] for request in server.requests] == ["t", "t", "t2"]


def test_hooks_before_sending_see_every_request_and_may_answer(server: ScriptedServer) -> None:
    seen: list[Any] = []

    def hook(request: Any, **_: Any) -> Any:
        seen.append(json.loads(request.body))
        if len(seen) == 3:
            return AWSResponse(request.url, 200, HTTPHeaders(), Body())
        return None

    client = client_of(server)
    client.meta.events.register("before-send.dynamodb", hook)
    with BatchWriter(client, "orders", KEYS, Deadline(100)) as writer:
        for number in range(4):
            assert writer.put([line(number)]).written == 1
    assert (len(seen), ways(server)) == (4, "bww")


class Body:
    def stream(self) -> Iterator[bytes]:
        yield CLEAN


def test_a_mock_is_never_passed_by(server: ScriptedServer) -> None:
    client: DynamoDBClient = boto3.client("dynamodb", config=CONFIG)
    with mock_aws():
        client.create_table(
            TableName="orders",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        with BatchWriter(client, "orders", KEYS, Deadline(100)) as writer:
            for number in range(4):
                assert writer.put([line(number)]).written == 1
            assert writer._call._wire is None
        assert client.scan(TableName="orders")["Count"] == 4


def test_a_proxy_is_never_passed_by(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    client: DynamoDBClient = boto3.client("dynamodb", endpoint_url="http://dynamodb.invalid", config=CONFIG)
    with BatchWriter(client, "orders", KEYS, Deadline(100)) as writer:
        for number in range(3):
            assert writer.put([line(number)]).written == 1
    assert ways(server) == "bbb"


def test_other_calls_of_the_same_client_are_botocores_alone(server: ScriptedServer) -> None:
    client = client_of(server)
    with BatchWriter(client, "orders", KEYS, Deadline(100)) as writer:
        client.batch_write_item(RequestItems={"other": [{"DeleteRequest": {"Key": {"id": {"S": "x"}}}}]})
        assert writer._call._wire is None
    assert json.loads(server.requests[0].body) == {
        "RequestItems": {"other": [{"DeleteRequest": {"Key": {"id": {"S": "x"}}}}]}
    }
