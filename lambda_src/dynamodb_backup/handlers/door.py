"""What every entry point does with an error: say it in the log, and answer 500 truthfully."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dynamodb_backup.aws_errors import error_code, explain
from dynamodb_backup.errors import RequestRefused, ToolError
from dynamodb_backup.telemetry import logger

__all__ = ["answer_or_500"]

Response = dict[str, Any]


def answer_or_500(answer: Callable[[], Response], failure: Callable[[str, str], Response]) -> Response:
    """Return the answer, or the failure built from an error's message and type.

    An error is answered, not raised: a caller then always finds ``statusCode`` and the cause in the body, and an
    asynchronous invocation is not repeated for a cause that repeating does not mend.
    """
    try:
        response = answer()
    except RequestRefused as error:
        logger.error("request refused", field=error.field, error=str(error))
        return failure(f"request refused: {error}", error_code(error))
    except ToolError as error:
        logger.error("failed", error=str(error), error_type=error_code(error))
        return failure(str(error), error_code(error))
    except Exception as error:  # noqa: BLE001 - the door: whatever it is, the caller must hear of it
        logger.exception("failed unexpectedly", error_type=error_code(error))
        return failure(explain(error), error_code(error))
    logger.info("answered", status_code=response["statusCode"])
    return response
