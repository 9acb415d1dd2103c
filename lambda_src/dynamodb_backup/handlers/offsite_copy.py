"""Lambda entry point of the copy in another store, and of the way back."""

from __future__ import annotations

import os
from typing import Any

from dynamodb_backup.aws import clients
from dynamodb_backup.contract.offsite import OffsiteReport, OffsiteRequest, OffsiteResult
from dynamodb_backup.handlers.door import answer_or_500
from dynamodb_backup.offsite.run import OffsiteRun
from dynamodb_backup.offsite.terms import OffsiteTerms
from dynamodb_backup.settings import Settings
from dynamodb_backup.timing import Deadline
from dynamodb_backup.turns.means import Means

__all__ = ["lambda_handler"]


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Copy verified backups to the off-site store, fetch them from there, or report the copies' ages.

    The same event again goes on where time ran out.
    """

    def copy() -> OffsiteResult | OffsiteReport:
        settings = Settings.from_environment(os.environ)
        terms = OffsiteTerms.from_environment(os.environ)
        request = OffsiteRequest.from_event(event)
        run = OffsiteRun(Means(settings, clients(), Deadline.of(context)), terms)
        return run.report() if request.action == "report" else run.execute(request)

    return answer_or_500(copy, OffsiteResult)
