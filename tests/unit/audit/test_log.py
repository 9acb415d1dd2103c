"""The audit log's lines: streams made when they are missing, and nothing lost silently."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from dynamodb_backup.audit.log import AuditLog
from dynamodb_backup.errors import ToolError

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
STREAM = "shop-restore/2026-08-01"


class FakeLogs:
    """CloudWatch Logs with streams; ``failures`` are raised by the next calls."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.streams: dict[str, list[Any]] = {}
        self.rejected: dict[str, int] | None = None

    def put_log_events(self, *, logGroupName: str, logStreamName: str, logEvents: list[Any]) -> dict[str, Any]:  # noqa: N803
        assert logGroupName == "audit"
        if self.failures:
            raise self.failures.pop(0)
        if logStreamName not in self.streams:
            raise failure("ResourceNotFoundException")
        self.streams[logStreamName] += logEvents
        return {"rejectedLogEventsInfo": self.rejected} if self.rejected else {}

    def create_log_stream(self, *, logGroupName: str, logStreamName: str) -> None:  # noqa: N803
        assert logGroupName == "audit"
        if logStreamName in self.streams:
            raise failure("ResourceAlreadyExistsException")
        self.streams[logStreamName] = []


def failure(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "as the test wants it"}}, "PutLogEvents")


def write(logs: FakeLogs) -> None:
    AuditLog(cast(Any, logs), "audit", "shop-restore").write(NOW, {"act": "restore"})


def test_the_first_line_of_a_day_makes_its_stream() -> None:
    logs = FakeLogs()
    write(logs)
    write(logs)
    assert [json.loads(event["message"]) for event in logs.streams[STREAM]] == [{"act": "restore"}] * 2
    assert logs.streams[STREAM][0]["timestamp"] == 1785585600000


def test_two_functions_may_make_the_stream_at_once() -> None:
    logs = FakeLogs(failure("ResourceNotFoundException"))
    logs.streams[STREAM] = []
    write(logs)
    assert len(logs.streams[STREAM]) == 1


def test_throttling_is_tried_once_more_and_silence_is_not() -> None:
    logs = FakeLogs(failure("ThrottlingException"))
    write(logs)
    assert len(logs.streams[STREAM]) == 1
    for lasting in (
        [failure("ThrottlingException")] * 2,
        [ConnectTimeoutError(endpoint_url="https://logs")],
        [failure("AccessDeniedException")],
    ):
        with pytest.raises(type(lasting[0])):
            write(FakeLogs(*lasting))


def test_a_line_that_is_rejected_is_no_success() -> None:
    logs = FakeLogs()
    logs.rejected = {"tooOldLogEventEndIndex": 1}
    with pytest.raises(ToolError, match="rejected the line"):
        write(logs)
