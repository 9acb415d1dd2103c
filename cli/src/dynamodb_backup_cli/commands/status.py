"""`status`: what could be restored now, whether that is proven, and what is going on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click
from rich.markup import escape

from dynamodb_backup_cli.command import Outcome, Session, command, utc_now
from dynamodb_backup_cli.failures import Exit, NotAllowed, NotFound
from dynamodb_backup_cli.health import of_tables, proofs, rpo_option
from dynamodb_backup_cli.points import recovery_points
from dynamodb_backup_cli.screen import Screen, colour_of
from dynamodb_backup_cli.texts import NOTHING, age, count

__all__ = ["status"]

Row = dict[str, Any]


@command(
    "status",
    click.Argument(["tables"], nargs=-1, metavar="[TABLE]..."),
    rpo_option(),
)
def status(session: Session, tables: tuple[str, ...], rpo_hours: float) -> Outcome:
    """Show what could be restored now, and what is going on.

    One screen: the newest verified backup of each table, how much would be lost, the last proven restore, running work.
    Exit code 3 if a table has no verified backup, or none that is young enough.
    """
    answer = recovery_points(session, {"tables": list(tables)} if tables else {}, most=1)
    now = utc_now()
    proven, notes = proofs(session)
    rows = of_tables(answer.body, proven, rpo_hours, now)
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
