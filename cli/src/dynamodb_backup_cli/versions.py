"""Versions of items in the backups, as the restore function's history answers them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dynamodb_backup.contract.history import NOT_A_LOSS, HistoryRequest
from dynamodb_backup.contract.selection import TypedKey
from dynamodb_backup_cli.command import Session, checked
from dynamodb_backup_cli.functions import Answer, Event

__all__ = ["history", "instant_of", "lost_points", "newest_at"]

Version = dict[str, Any]


def history(session: Session, table: str, keys: list[TypedKey], **more: Any) -> Answer:
    """Return all versions of the items, page by page, in one answer.

    Raises
    ------
    CliError
        Nothing can be shown.
    """
    event: Event = {"action": "history", "tables": [table], "keys": keys}
    event |= {name: value for name, value in more.items() if value is not None}
    with checked():
        HistoryRequest.from_event(event)
    first = session.functions.ask("restore", event).or_error()
    status, body = first.status, first.body
    while body["next"]:
        page = session.functions.ask("restore", event | {"next": body["next"]}).or_error()
        status = max(status, page.status)
        for known, read in zip(body["keys"], page.body["keys"], strict=True):
            known["versions"] += read["versions"]
        for count in ("full_backups_read", "increments_read", "total_versions"):
            body[count] += page.body[count]
        body["unreadable_points"] += page.body["unreadable_points"]
        body["next"] = page.body["next"]
        warnings = [*body.get("warnings", []), *page.body.get("warnings", [])]
        if warnings:
            body["warnings"] = list(dict.fromkeys(warnings))
    return Answer(status, body)


def instant_of(version: Version) -> datetime | None:
    """Return from when on the item is known to have been so: the instant of a full backup, or the last write."""
    told = version.get("written_at") or version.get("export_time")
    return datetime.fromisoformat(told) if told else None


def newest_at(versions: list[Version], moment: datetime) -> Version | None:
    """Return the newest version that is not younger than a moment."""
    known = [(instant, version) for version in versions if (instant := instant_of(version)) and instant <= moment]
    return max(known, key=lambda one: one[0])[1] if known else None


def lost_points(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what may hold versions that are not shown."""
    return [point for point in body["unreadable_points"] if point["status"] not in NOT_A_LOSS]
