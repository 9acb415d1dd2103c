"""`status`: what could be restored now, whether that is proven, and what is going on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click
from rich.markup import escape

from dynamodb_backup_cli.command import Outcome, Session, command, utc_now
from dynamodb_backup_cli.failures import Exit, NotAllowed, NotFound
from dynamodb_backup_cli.points import recovery_points
from dynamodb_backup_cli.screen import Screen, colour_of
from dynamodb_backup_cli.texts import NOTHING, age, count, hours_since

__all__ = ["status"]

DEFAULT_RPO_HOURS = 26
"""The module's own default of max_backup_age_hours: a daily backup, with two hours to run."""

Row = dict[str, Any]


@command(
    "status",
    click.Argument(["tables"], nargs=-1, metavar="[TABLE]..."),
    click.Option(
        ["--rpo-hours"],
        type=click.FloatRange(min=0, min_open=True),
        default=DEFAULT_RPO_HOURS,
        envvar="DYNAMODB_BACKUP_RPO_HOURS",
        show_default=True,
        show_envvar=True,
        help="The most data, in hours of writes, that may be lost: the module's max_backup_age_hours.",
    ),
)
def status(session: Session, tables: tuple[str, ...], rpo_hours: float) -> Outcome:
    """Show what could be restored now, and what is going on.

    One screen: the newest verified backup of each table, how much would be lost, the last proven restore, running work.
    Exit code 3 if a table has no verified backup, or none that is young enough.
    """
    answer = recovery_points(session, {"tables": list(tables)} if tables else {}, most=1)
    now = utc_now()
    proofs, notes = _proofs(session)
    rows = [_row(table, proofs, rpo_hours, now) for table in answer.body["tables"]]
    running, more = _running(session)
    result = {
        "environment": answer.body["environment"],
        "rpo_hours": rpo_hours,
        "tables": rows,
        "running": running,
        "warnings": [*answer.body.get("warnings", []), *notes, *more],
    }
    late = not rows or any(not row["within_rpo"] for row in rows)
    code = Exit.PARTIAL if late else Exit.of_status(answer.status)
    return Outcome(result, code, lambda screen: _tell(screen, session.deployment.label, result, now))


def _row(table: Row, proofs: dict[str, Row], rpo_hours: float, now: datetime) -> Row:
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
        "last_proven": proofs.get(table["table_name"]),
    }


def _proofs(session: Session) -> tuple[dict[str, Row], list[str]]:
    """Return each table's last proven restore, where restore tests are deployed and may be asked."""
    if not session.functions.has("restore_test"):
        return {}, []
    try:
        answer = session.functions.ask("restore_test", {"action": "report"})
    except NotFound:
        return {}, []
    except NotAllowed as error:
        return {}, [f"the last proven restores are not shown: {error} {error.hint}".strip()]
    tables = answer.body.get("tables", [])
    notes = [f"{table['table_name']}: {table['error']}" for table in tables if table["error"]]
    return {table["table_name"]: table["last_proven"] for table in tables if table["last_proven"]}, notes


def _running(session: Session) -> tuple[list[Row], list[str]]:
    try:
        return [execution.to_dict() for execution in session.executions.running()], []
    except (NotAllowed, NotFound) as error:
        return [], [f"running work is not shown: {error} {error.hint}".strip()]


def _tell(screen: Screen, name: str, result: Row, now: datetime) -> None:
    screen.say(f"[bold]{escape(name)}[/]  loss of data at most {result['rpo_hours']:g} h")
    screen.say()
    rows = []
    for row in result["tables"]:
        newest, proven = row["newest_verified"] or {}, row["last_proven"]
        fresh = "[green]yes[/]" if row["within_rpo"] else "[red]NO[/]"
        rows.append(
            (
                escape(row["table_name"]),
                newest.get("backup_date") or "[red]none[/]",
                age(row["restorable_to"], now),
                fresh,
                count(newest.get("item_count")),
                f"{age(proven['tested_at'], now)} ago" if proven else NOTHING,
            )
        )
    columns = ("TABLE", "NEWEST VERIFIED", "LOSS NOW", "IN TIME", "ITEMS", "LAST PROVEN RESTORE")
    screen.table(columns, rows, right=("LOSS NOW", "ITEMS"))
    if result["running"]:
        running = (
            (one["kind"].replace("_", " "), escape(one["id"]), colour_of(one["status"]), age(one["started_at"], now))
            for one in result["running"]
        )
        screen.table(("RUNNING", "ID", "STATUS", "FOR"), running, right=("FOR",))
    else:
        screen.say("Nothing is running.")
    screen.warn(result["warnings"])
