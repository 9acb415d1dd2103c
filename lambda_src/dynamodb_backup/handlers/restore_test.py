"""Lambda entry point of the restore test."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from dynamodb_backup.aws import clients
from dynamodb_backup.contract.restore_test import RestoreTestReport, RestoreTestRequest, RestoreTestResult
from dynamodb_backup.handlers.audited import Began, answer_and_audit
from dynamodb_backup.handlers.door import answer_or_500
from dynamodb_backup.restore_test.run import RestoreTestRun
from dynamodb_backup.restore_test.terms import Terms
from dynamodb_backup.settings import Settings
from dynamodb_backup.timing import Deadline

__all__ = ["lambda_handler"]


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Restore each table's newest backup into a scratch table, prove it, delete the table; or report the proofs' ages.

    The same event with the answer's ``test_id`` goes on where time ran out.
    """

    def test(began: Began) -> RestoreTestResult | RestoreTestReport:
        settings = Settings.from_environment(os.environ)
        terms = Terms.from_environment(os.environ, settings)
        request = RestoreTestRequest.from_event(event)
        run = RestoreTestRun(settings, terms, clients(), Deadline.of(context), began=began)
        return run.report(request) if request.action == "report" else run.execute(request)

    if isinstance(event, Mapping) and event.get("action") == "report":
        return answer_or_500(lambda: test(lambda _id, _request: None), RestoreTestResult)
    return answer_and_audit("restore_test", context, test, RestoreTestResult)
