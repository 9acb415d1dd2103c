"""The audit log: a log group of its own, written with PutLogEvents, so that a function learns if that fails.

A subscription filter on the function's own log would need a second function or a stream behind it, and nobody would
hear of a line that got lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from dynamodb_backup.aws_errors import error_code, is_transient
from dynamodb_backup.errors import ToolError

if TYPE_CHECKING:
    from mypy_boto3_logs.client import CloudWatchLogsClient

__all__ = ["AuditLog"]

T = TypeVar("T")


class AuditLog:
    """One log group, and in it a stream for each function and day."""

    def __init__(self, client: CloudWatchLogsClient, group: str, function: str) -> None:
        self._client = client
        self._group = group
        self._function = function

    def write(self, now: datetime, record: Mapping[str, Any]) -> None:
        """Write one line.

        Raises
        ------
        ClientError, BotoCoreError
            CloudWatch Logs does not take it.
        ToolError
            It took the call, but not the line.
        """
        stream = f"{self._function}/{now:%Y-%m-%d}"
        event = {"timestamp": int(now.timestamp() * 1000), "message": json.dumps(record)}
        try:
            self._put(stream, event)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
            self._create(stream)
            self._put(stream, event)

    def _put(self, stream: str, event: Any) -> None:
        answer = _once_more(
            lambda: self._client.put_log_events(logGroupName=self._group, logStreamName=stream, logEvents=[event])
        )
        rejected = answer.get("rejectedLogEventsInfo")
        if rejected:
            raise ToolError(f"CloudWatch Logs rejected the line: {json.dumps(rejected)}")

    def _create(self, stream: str) -> None:
        try:
            _once_more(lambda: self._client.create_log_stream(logGroupName=self._group, logStreamName=stream))
        except ClientError as error:
            if error_code(error) != "ResourceAlreadyExistsException":  # another invocation was faster
                raise


def _once_more(call: Callable[[], T]) -> T:
    """Make a call, and once more where CloudWatch Logs answered that it is busy; not where it did not answer at all."""
    try:
        return call()
    except ClientError as error:
        if not is_transient(error):
            raise
        return call()
