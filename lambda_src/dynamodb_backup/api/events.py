"""The events that bodies of requests become, refused by name before anything is started."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dynamodb_backup.contract.backup import BackupRequest
from dynamodb_backup.contract.catalog import ListRequest
from dynamodb_backup.contract.fields import Fields
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.contract.verify import VerifyRequest
from dynamodb_backup.errors import RequestRefused
from dynamodb_backup.restore.confirmation import refuse_unconfirmed_restore
from dynamodb_backup.restore.targets import refuse_targets_outside_convention
from dynamodb_backup.settings import Settings

__all__ = ["backup_event", "list_request", "points_of_date", "restore_event", "verify_event"]

DEFAULT_LIMIT = 100
LIST_PARAMETERS = ("tables", "from", "to", "limit", "next")
DATE_PARAMETERS = ("tables", "limit", "next")

Event = dict[str, Any]


def backup_event(body: Event, settings: Settings) -> Event:
    """Return the event of a backup.

    Raises
    ------
    RequestRefused
        A field is unknown, of the wrong type, or names a table that is not configured.
    """
    # Not the backup's own reading alone: that takes an event of EventBridge with whatever is in it.
    Fields(body, ("tables", "export_type"))
    BackupRequest.from_event(body, settings.tables, settings.scanned_tables)
    return body


def restore_event(body: Event, settings: Settings) -> Event:
    """Return the event of a restore.

    Raises
    ------
    RequestRefused
        A field is unknown, of the wrong type or contradicts another, a target lies outside the naming convention, or
        is not confirmed.
    """
    _refuse(body, "action", "is chosen by the path of the request")
    _refuse(body, "restore_id", "continues a restore of the function; a request begins one of its own")
    request = RestoreRequest.from_event(body)
    refuse_targets_outside_convention(request, settings)
    refuse_unconfirmed_restore(request, settings)
    return body


def verify_event(body: Event) -> Event:
    """Return the event of a verification.

    Raises
    ------
    RequestRefused
        A field is unknown, of the wrong type, or contradicts another.
    """
    _refuse(body, "action", "is chosen by the path of the request")
    _refuse(body, "verify_id", "continues a verification of the function; a request begins one of its own")
    VerifyRequest.from_event(body)
    return body


def list_request(query: Mapping[str, str]) -> ListRequest:
    """Return the request for one page of the list.

    Raises
    ------
    RequestRefused
        A parameter has a wrong value.
    """
    event: Event = {"limit": DEFAULT_LIMIT, **query}
    if "tables" in query:
        event["tables"] = query["tables"].split(",")
    if "limit" in query:
        event["limit"] = int(query["limit"]) if query["limit"].isdecimal() and len(query["limit"]) < 9 else 0
    if "next" in query:
        event["next"] = query["next"].replace(" ", "+")  # what a plus stands for in a query that was not escaped
    return ListRequest.from_event(event)


def points_of_date(date: str, query: Mapping[str, str]) -> ListRequest:
    """Return the request for the recovery points of one date: a page that begins there, so no date else is read.

    Raises
    ------
    RequestRefused
        The date or a parameter has a wrong value.
    """
    Fields({"date": date}, ("date",)).day("date")
    within = {"from": date, "to": date, "next": date, **query}
    if not within["next"].startswith(date):
        raise RequestRefused("next", "must be the 'next' of an earlier answer for the same date")
    return list_request(within)


def _refuse(body: Event, field: str, why: str) -> None:
    if field in body:
        raise RequestRefused(field, f"{why}; leave it out")
