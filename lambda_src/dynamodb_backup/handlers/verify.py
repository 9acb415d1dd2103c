"""Lambda entry point of verify; the restore function answers the action of that name with it, too."""

from __future__ import annotations

import os
from typing import Any

from dynamodb_backup.aws import clients
from dynamodb_backup.contract.verify import VerifyRequest, VerifyResult
from dynamodb_backup.handlers.door import answer_or_500
from dynamodb_backup.settings import Settings
from dynamodb_backup.timing import Deadline
from dynamodb_backup.turns.means import Means
from dynamodb_backup.verify.run import VerifyRun

__all__ = ["lambda_handler"]


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Verify stored backups, or compare tables with them.

    The same event with the answer's ``verify_id`` goes on where time ran out.
    """

    def verify() -> VerifyResult:
        settings = Settings.from_environment(os.environ)
        request = VerifyRequest.from_event(event)
        return VerifyRun(Means(settings, clients(), Deadline.of(context))).execute(request)

    return answer_or_500(verify, VerifyResult)
