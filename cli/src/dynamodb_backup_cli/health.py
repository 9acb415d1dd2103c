"""How each table's backups are: how much would be lost now, and whether a restore of them was proven."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from dynamodb_backup_cli.command import Session
from dynamodb_backup_cli.failures import NotAllowed, NotFound
from dynamodb_backup_cli.texts import hours_since

__all__ = ["of_tables", "proofs", "rpo_option"]

DEFAULT_RPO_HOURS = 26
"""The module's own default of max_backup_age_hours: a daily backup, with two hours to run."""

Row = dict[str, Any]


def rpo_option() -> click.Option:
    """Return the option that says how much may be lost."""
    return click.Option(
        ["--rpo-hours"],
        type=click.FloatRange(min=0, min_open=True),
        default=DEFAULT_RPO_HOURS,
        envvar="DYNAMODB_BACKUP_RPO_HOURS",
        show_default=True,
        show_envvar=True,
        help="The most data, in hours of writes, that may be lost: the module's max_backup_age_hours.",
    )


def of_tables(body: Row, proven: dict[str, Row], rpo_hours: float, now: datetime) -> list[Row]:
    """Return how each table of a list is. ``proven`` has the last proofs by table."""
    return [_of_table(table, proven.get(table["table_name"]), rpo_hours, now) for table in body["tables"]]


def _of_table(table: Row, proven: Row | None, rpo_hours: float, now: datetime) -> Row:
    newest = table["newest_verified"]
    ends = [chain["covered_until"] for chain in table["chains"] if not chain["gaps"]]
    restorable = max(filter(None, [newest and newest["export_time"], *ends]), default=None)
    hours = round(hours_since(restorable, now), 2) if restorable else None
    return {
        "table_name": table["table_name"],
        "newest_verified": newest,
        "restorable_to": restorable,
        "hours_since": hours,
        "within_rpo": hours is not None and hours <= rpo_hours,
        "last_proven": proven,
    }


def proofs(session: Session) -> tuple[dict[str, Row], list[str]]:
    """Return each table's last proven restore, where restore tests can be asked; and what they do not know."""
    if not session.functions.has("restore_test"):
        return {}, []
    try:
        answer = session.functions.ask("restore_test", {"action": "report"})
    except NotFound:
        return {}, []
    except NotAllowed as error:
        return {}, [f"the last proven restores are not shown: {error} {error.hint}".strip()]
    tables = answer.body.get("tables", [])
    notes = [f"the last proven restores are not shown: {answer.body['error']}"] if answer.body.get("error") else []
    notes += [f"{table['table_name']}: {table['error']}" for table in tables if table["error"]]
    return {table["table_name"]: table["last_proven"] for table in tables if table["last_proven"]}, notes
