"""Lambda entry point of the backup, of the list of what it has made, and of what a person decides about it."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from dynamodb_backup.aws import clients
from dynamodb_backup.backup.accept_collapse import AcceptCollapse
from dynamodb_backup.backup.run import BackupRun
from dynamodb_backup.catalog.listing import Listing
from dynamodb_backup.contract.audited import execution_of
from dynamodb_backup.contract.backup import BackupRequest, BackupResult
from dynamodb_backup.contract.catalog import ListRequest, ListResult
from dynamodb_backup.contract.collapse import ACCEPT_COLLAPSE, AcceptCollapseRequest, AcceptCollapseResult
from dynamodb_backup.contract.legal_hold import ACTION as LEGAL_HOLD
from dynamodb_backup.contract.legal_hold import LegalHoldRequest, LegalHoldResult
from dynamodb_backup.handlers.audited import Began, answer_and_audit
from dynamodb_backup.handlers.door import answer_or_500
from dynamodb_backup.holds.run import LegalHoldRun
from dynamodb_backup.settings import Settings
from dynamodb_backup.timing import Deadline

__all__ = ["lambda_handler"]


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Back up every configured table, or a subset; the same event again goes on where time ran out.

    With ``{"action": "list"}`` nothing is backed up: the recovery points are listed, with ``legal_hold`` those of a
    date are held or released, and with ``accept_collapse`` a table may hold fewer items than before.
    """
    if not ListRequest.is_meant(event):
        return _back_up(event, context)
    if event["action"] == ACCEPT_COLLAPSE:
        return _accept(event, context)
    return _hold(event, context) if event["action"] == LEGAL_HOLD else _list(event, context)


def _back_up(event: Any, context: Any) -> dict[str, Any]:
    def back_up(began: Began) -> BackupResult:
        settings = Settings.from_environment(os.environ)
        request = BackupRequest.from_event(event, settings.tables, settings.scanned_tables)
        return BackupRun(settings, clients(), Deadline.of(context), began=began).execute(request)

    failed = partial(BackupResult, backup_date=None)
    return answer_and_audit("backup", context, back_up, failed, execution=execution_of(event))


def _list(event: Any, context: Any) -> dict[str, Any]:
    def list_points() -> ListResult:
        settings = Settings.from_environment(os.environ)
        request = ListRequest.from_event(event)
        return Listing(settings, clients(), Deadline.of(context)).execute(request)

    return answer_or_500(list_points, ListResult)


def _hold(event: Any, context: Any) -> dict[str, Any]:
    def hold(began: Began) -> LegalHoldResult:
        settings = Settings.from_environment(os.environ)
        request = LegalHoldRequest.from_event(event)
        tables = list(request.tables or ())
        began(request.backup_date, {"hold": "on" if request.on else "off", "tables": tables})
        return LegalHoldRun(settings, clients(), Deadline.of(context)).execute(request)

    return answer_and_audit(LEGAL_HOLD, context, hold, LegalHoldResult)


def _accept(event: Any, context: Any) -> dict[str, Any]:
    def accept(_began: Began) -> AcceptCollapseResult:
        settings = Settings.from_environment(os.environ)
        return AcceptCollapse(settings, clients()).execute(AcceptCollapseRequest.from_event(event))

    return answer_and_audit(ACCEPT_COLLAPSE, context, accept, AcceptCollapseResult)
