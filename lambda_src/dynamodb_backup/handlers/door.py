"""What every entry point does with an error: say it in the log, and answer 500 truthfully."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, Protocol

from dynamodb_backup.aws_errors import error_code, explain
from dynamodb_backup.errors import RequestRefused, ToolError
from dynamodb_backup.telemetry import logger

__all__ = ["Response", "Result", "answer_or_500"]

Response = dict[str, Any]


class Result(Protocol):
    """What a use case returns."""

    def to_response(self) -> Response: ...


def answer_or_500(use_case: Callable[[], Result], failed: Callable[..., Result]) -> Response:
    """Return the use case's answer, or the one that ``failed`` makes of an error.

    An error is answered, not raised: a caller then always finds ``statusCode`` and the cause in the body, and an
    asynchronous invocation is not repeated for a cause that repeating does not mend.

    Parameters
    ----------
    failed
        A result's class, called with ``environment`` and ``s3_bucket`` as far as they are set, ``error`` and
        ``error_type``.
    """

    def failure(message: str, error: Exception) -> Response:
        environment, bucket = os.environ.get("ENVIRONMENT"), os.environ.get("BACKUP_BUCKET")
        result = failed(environment=environment, s3_bucket=bucket, error=message, error_type=error_code(error))
        return _encodable(result.to_response())

    try:
        response = use_case().to_response()
    except RequestRefused as error:
        logger.error("request refused", field=error.field, error=str(error))
        return failure(f"request refused: {error}", error)
    except ToolError as error:
        logger.error("failed", error=str(error), error_type=error_code(error))
        return failure(str(error), error)
    except Exception as error:  # noqa: BLE001 - the door: whatever it is, the caller must hear of it
        logger.exception("failed unexpectedly", error_type=error_code(error))
        return failure(explain(error), error)
    logger.info("answered", status_code=response["statusCode"])
    return _encodable(response)


def _encodable(response: Response) -> Response:
    """Return the response without halves of surrogate pairs, which JSON can name and UTF-8, so Lambda, cannot write."""
    text = json.dumps(response, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return dict(json.loads(text.encode(errors="replace")))
    return response
