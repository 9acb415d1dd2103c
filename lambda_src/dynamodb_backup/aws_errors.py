"""AWS's errors: what to catch, what they are called, which pass by themselves, and how they read to a person."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import botocore.exceptions
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from dynamodb_backup.errors import ReadInterrupted, ToolError
from dynamodb_backup.timing import backoff_seconds

__all__ = ["AWS_ERRORS", "error_code", "explain", "is_transient", "patiently"]

MOST_ATTEMPTS = 5
LONGEST_PATIENCE_SECONDS = 5.0

T = TypeVar("T")

AWS_ERRORS = (ClientError, BotoCoreError, ResponseParserError)

_BROKEN_CONNECTION = (
    botocore.exceptions.ConnectionError,
    botocore.exceptions.HTTPClientError,
    ResponseParserError,
    ReadInterrupted,
)
_PASSES = {
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "ReplicatedWriteConflictException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "RequestTimeTooSkewed",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
}
"""LimitExceededException: at most 300 exports at a time, for example; a place becomes free later."""


def is_transient(error: BaseException) -> bool:
    """Tell whether the same call may succeed later: throttling, a fault of the service, a broken connection."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return error_code(error) in _PASSES or status >= 500
    return isinstance(error, _BROKEN_CONNECTION)


def patiently(call: Callable[[], T]) -> T:
    """Make a call, and make it again after a short pause where it failed with something that passes by itself.

    After five attempts or five seconds the last error is raised: whoever knows the deadline may try again.
    """
    give_up_at = time.monotonic() + LONGEST_PATIENCE_SECONDS
    for attempt, pause in enumerate(backoff_seconds(first=0.1, longest=1.0), start=1):
        try:
            return call()
        except (*AWS_ERRORS, ReadInterrupted) as error:
            if attempt == MOST_ATTEMPTS or time.monotonic() > give_up_at or not is_transient(error):
                raise
            time.sleep(pause)
    raise AssertionError("backoff_seconds() never ends")


def error_code(error: BaseException) -> str:
    """Return AWS's error code of a ``ClientError`` (``ThrottlingException``), else the exception's class name."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__


def explain(error: BaseException) -> str:
    """Return one line for a person: our own message as it is, an AWS error with its operation and code."""
    if isinstance(error, ClientError):
        message = error.response.get("Error", {}).get("Message", "")
        return f"{error.operation_name} failed with {error_code(error)}: {message}"
    if isinstance(error, ToolError):
        return str(error)
    return f"{type(error).__name__}: {error}"
