"""The list of recovery points, as the backup function answers it, page by page."""

from __future__ import annotations

from typing import Any

from dynamodb_backup.contract.catalog import DEFAULT_LIMIT, ListRequest
from dynamodb_backup_cli.command import Session, checked
from dynamodb_backup_cli.functions import Answer, Event

__all__ = ["recovery_points"]


def recovery_points(session: Session, event: Event, *, most: int | None = None) -> Answer:
    """Return all recovery points that the event asks for, or the newest ``most``, in one answer.

    Raises
    ------
    CliError
        Nothing can be listed.
    """
    event = {"action": "list", **event, "limit": min(most or DEFAULT_LIMIT, DEFAULT_LIMIT)}
    with checked():
        ListRequest.from_event(event)
    first = session.functions.ask("backup", event).or_error()
    status, body = first.status, first.body
    while body["next"] and (most is None or body["total_recovery_points"] < most):
        page = session.functions.ask("backup", event | {"next": body["next"]}).or_error()
        status = max(status, page.status)
        _append(body, page.body)
    return Answer(status, body)


def _append(body: dict[str, Any], page: dict[str, Any]) -> None:
    tables = {table["table_name"]: table for table in body["tables"]}
    for more in page["tables"]:
        known = tables.get(more["table_name"])
        if known is None:
            body["tables"].append(more)
        else:
            known["recovery_points"] += more["recovery_points"]
    body["unreadable_dates"] += page["unreadable_dates"]
    body["total_recovery_points"] += page["total_recovery_points"]
    body["next"] = page["next"]
    warnings = [*body.get("warnings", []), *page.get("warnings", [])]
    if warnings:
        body["warnings"] = list(dict.fromkeys(warnings))
