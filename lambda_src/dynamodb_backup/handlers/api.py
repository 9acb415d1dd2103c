"""Lambda entry point of the HTTP API: every answer is JSON, also that of an error, and none holds a traceback."""

from __future__ import annotations

import os
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from dynamodb_backup.api.routes import Api
from dynamodb_backup.api.settings import ApiSettings
from dynamodb_backup.aws import api_clients
from dynamodb_backup.aws_errors import AWS_ERRORS, error_code, explain, is_transient
from dynamodb_backup.contract.api import HttpAnswer, HttpRequest, problem
from dynamodb_backup.errors import BackupNotFound, HttpRefused, RequestRefused, ToolError
from dynamodb_backup.handlers.audited import trail_of
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import Deadline

__all__ = ["lambda_handler"]


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer one request of API Gateway."""
    request_id = _request_id(event)
    try:
        settings = ApiSettings.from_environment(os.environ)
        answer = Api(settings, api_clients(), Deadline.of(context)).answer(HttpRequest.from_event(event))
    except Exception as error:  # noqa: BLE001 - the door: whatever it is, the caller must hear of it
        answer = _problem(error, request_id)
    logger.info("answered", status_code=int(answer.status), request_id=request_id)
    if answer.status == HTTPStatus.ACCEPTED:
        _audit(event, answer, context)
    return answer.to_response()


def _audit(event: Any, answer: HttpAnswer, context: Any) -> None:
    """Write who started what. The log tells if that is impossible: what was started goes on."""
    request = HttpRequest.from_event(event)
    act = {"backups": "backup", "restores": "restore"}.get(request.route.rpartition("/")[2], "verification")
    trail = trail_of(act, context, caller=request.caller)
    if trail:
        trail.requested(str(answer.body["id"]))


def _problem(error: Exception, request_id: str | None) -> HttpAnswer:
    if isinstance(error, RequestRefused):
        # An unknown field's name is the client's own words, which belong into the answer and not into a log.
        logger.warning("request refused", status_code=400, request_id=request_id)
        return problem(HTTPStatus.BAD_REQUEST, f"request refused: {error}", request_id, field=error.field)
    if isinstance(error, HttpRefused):
        logger.warning("request refused", status_code=error.status, request_id=request_id)
        return problem(error.status, str(error), request_id)
    if isinstance(error, BackupNotFound):
        return problem(HTTPStatus.NOT_FOUND, str(error), request_id)
    if isinstance(error, ToolError):
        logger.error("failed", error=str(error), error_type=error_code(error), request_id=request_id)
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(error), request_id)
    return _unexpected(error, request_id)


def _unexpected(error: Exception, request_id: str | None) -> HttpAnswer:
    """Answer what is not ours with its name alone; the log has the rest."""
    logger.exception("failed unexpectedly", error=explain(error), request_id=request_id)
    if isinstance(error, AWS_ERRORS) and is_transient(error):
        busy = problem(
            HTTPStatus.SERVICE_UNAVAILABLE, f"AWS answered {error_code(error)}; send the request again", request_id
        )
        return HttpAnswer(busy.status, busy.body, {**busy.headers, "retry-after": "5"})
    detail = f"{error_code(error)}; the log of the function has more under the request_id"
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail, request_id)


def _request_id(event: Any) -> str | None:
    context = event.get("requestContext") if isinstance(event, Mapping) else None
    return str(context.get("requestId")) if isinstance(context, Mapping) else None
