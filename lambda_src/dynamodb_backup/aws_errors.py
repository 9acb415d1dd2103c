"""AWS's errors: what to catch, what they are called, and how they read to a person."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from dynamodb_backup.errors import ToolError

__all__ = ["AWS_ERRORS", "error_code", "explain"]

AWS_ERRORS = (ClientError, BotoCoreError)


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
