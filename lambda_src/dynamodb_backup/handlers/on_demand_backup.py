"""Lambda entry point that makes on-demand backups (``modules/on_demand_backup``)."""

from __future__ import annotations

import os
import uuid
from typing import Any

from dynamodb_backup.aws import on_demand_clients
from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.contract.on_demand import OnDemandRequest, OnDemandResult
from dynamodb_backup.handlers.door import answer_or_500
from dynamodb_backup.ondemand.alerts import tell_result
from dynamodb_backup.ondemand.create import OnDemandRun
from dynamodb_backup.settings import OnDemandSettings
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import Deadline

__all__ = ["lambda_handler"]


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Begin a backup of every configured table, or of a subset; the same event again makes none a second time."""

    def back_up() -> OnDemandResult:
        settings = OnDemandSettings.from_environment(os.environ)
        request = OnDemandRequest.from_event(event, settings.tables)
        request_id = getattr(context, "aws_request_id", None) or str(uuid.uuid4())
        return OnDemandRun(settings, on_demand_clients(), Deadline.of(context)).execute(request, request_id)

    response = answer_or_500(back_up, _failed)
    if response["statusCode"] != 200:
        _tell(response["body"])
    return response


def _failed(*, environment: str | None, error: str, error_type: str, **_others: Any) -> OnDemandResult:
    return OnDemandResult(environment, error=error, error_type=error_type)


def _tell(body: dict[str, Any]) -> None:
    """Tell the topic. Where that is impossible, the answer says so; the metric for the alarm is out already."""
    topic, prefix = os.environ.get("NOTIFICATION_TOPIC_ARN"), os.environ.get("BACKUP_NAME_PREFIX")
    try:
        tell_result(on_demand_clients().sns, topic or None, prefix or "unknown", body)
    except AWS_ERRORS as error:
        logger.error("nobody was notified", error=explain(error))
        body["warnings"] = [f"nobody was notified of this: {explain(error)}"]
