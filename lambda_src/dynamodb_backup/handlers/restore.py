"""Lambda entry point of the restore."""

from __future__ import annotations

import os
from typing import Any

from dynamodb_backup.aws import clients
from dynamodb_backup.contract.restore import RestoreRequest, RestoreResult
from dynamodb_backup.handlers.door import answer_or_500
from dynamodb_backup.restore.run import RestoreRun
from dynamodb_backup.settings import Settings
from dynamodb_backup.timing import Deadline

__all__ = ["lambda_handler"]


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Restore tables from a backup; the same event with the answer's ``restore_id`` goes on where time ran out."""

    def restore() -> RestoreResult:
        settings = Settings.from_environment(os.environ)
        request = RestoreRequest.from_event(event)
        return RestoreRun(settings, clients(), Deadline.of(context)).execute(request)

    return answer_or_500(restore, RestoreResult)
