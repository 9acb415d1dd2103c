"""What of an event and of an answer may stand in an audit record: no keys, no secrets, no item data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dynamodb_backup.contract.selection import KEY_FIELDS
from dynamodb_backup.contract.transform import SALT

__all__ = ["execution_of", "outcome_of", "shown_event", "work_id_of"]

_WORK_IDS = ("restore_id", "run_id", "undo_id", "test_id")
_TABLE_LISTS = (
    "export_results",
    "restore_results",
    "undo_results",
    "hold_results",
    "accept_results",
    "test_results",
)
_OF_A_TABLE = (
    "table_name",
    "target_table",
    "status",
    "backup_date",
    "item_count",
    "items_written",
    "items_deleted",
    "items_reverted",
    "items_failed",
    "objects",
    "restore_id",
    "scratch_table",
    "error",
)
MOST_TABLES = 100
"""An event of CloudWatch Logs holds 256 KB:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html"""
LONGEST_ERROR = 500


def shown_event(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request, as the contract has read it, without defaults, item data and secrets."""
    given = {name: value for name, value in request.items() if value not in (None, {}, [], False)}
    hidden = {name: f"{len(given[name])}, not shown" for name in KEY_FIELDS if name in given}
    return given | hidden | ({SALT: "not shown"} if SALT in given else {})


def work_id_of(body: Mapping[str, Any]) -> str | None:
    """Return the id under which an answer's work is known."""
    return next((str(body[name]) for name in _WORK_IDS if body.get(name)), None)


def execution_of(event: object) -> str | None:
    """Return the name of the execution that an event says it comes from; ``None`` if it says none, or no plain name."""
    named = event.get("execution") if isinstance(event, Mapping) else None
    if isinstance(named, Mapping):
        named = named.get("name")
    return named if isinstance(named, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,80}", named) else None


def outcome_of(response: Mapping[str, Any]) -> dict[str, Any]:
    """Return how an act ended: the code, the error, and of each table what counts it.

    Only these fields are taken over: others may hold keys of items.
    """
    body = response["body"]
    rows: list[Mapping[str, Any]] = next((body[name] for name in _TABLE_LISTS if name in body), [])
    tables = [
        {name: _cut(row[name]) for name in _OF_A_TABLE if row.get(name) not in (None, 0)} for row in rows[:MOST_TABLES]
    ]
    outcome: dict[str, Any] = {"status_code": response["statusCode"], "tables": tables}
    if len(rows) > MOST_TABLES:
        outcome["tables_left_out"] = len(rows) - MOST_TABLES
    if body.get("error"):
        outcome |= {"error": _cut(body["error"]), "error_type": body.get("error_type")}
    return outcome


def _cut(value: Any) -> Any:
    return value[:LONGEST_ERROR] if isinstance(value, str) else value
