"""Lambda entry point that watches on-demand backups; its events come from the queue."""

from __future__ import annotations

import os
from typing import Any

from dynamodb_backup.aws import on_demand_clients
from dynamodb_backup.ondemand.monitor import Monitor
from dynamodb_backup.settings import OnDemandSettings
from dynamodb_backup.timing import Deadline

__all__ = ["lambda_handler"]


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Look at each backup in the batch, and answer which messages must come again.

    What is raised (a missing environment variable, for example) brings the whole batch again, and in the end into the
    dead-letter queue, which has an alarm.
    """
    settings = OnDemandSettings.from_environment(os.environ)
    failed = Monitor(settings, on_demand_clients(), Deadline.of(context)).execute(event["Records"])
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
