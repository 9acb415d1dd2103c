"""`list` and `show`: which recovery points there are."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click
from rich.markup import escape

from dynamodb_backup.contract.catalog import ON_DEMAND
from dynamodb_backup_cli.command import Outcome, Session, command, utc_now
from dynamodb_backup_cli.failures import Exit, NotFound
from dynamodb_backup_cli.functions import Event
from dynamodb_backup_cli.points import recovery_points
from dynamodb_backup_cli.screen import Screen, colour_of
from dynamodb_backup_cli.texts import NOTHING, age, count, moment, size

__all__ = ["list_points", "show"]

Point = dict[str, Any]
COLUMNS = ("TABLE", "DATE", "AGE", "STATUS", "METHOD", "ITEMS", "SIZE", "VERIFIED", "EXPIRES")
NUMBERS = ("AGE", "ITEMS", "SIZE")


@command(
    "list",
    click.Argument(["tables"], nargs=-1, metavar="[TABLE]..."),
    click.Option(["--from", "earliest"], metavar="YYYY-MM-DD", help="First date, included."),
    click.Option(["--to", "latest"], metavar="YYYY-MM-DD", help="Last date, included."),
    click.Option(["--limit"], type=click.IntRange(1, 5000), help="Newest so many recovery points; default all."),
)
def list_points(
    session: Session, tables: tuple[str, ...], earliest: str | None, latest: str | None, limit: int | None
) -> Outcome:
    """List recovery points, newest first."""
    event: Event = {"tables": list(tables)} if tables else {}
    event |= {name: day for name, day in (("from", earliest), ("to", latest)) if day}
    answer = recovery_points(session, event, most=limit)

    def tell(screen: Screen) -> None:
        now = utc_now()
        rows = [(table["table_name"], point) for table in answer.body["tables"] for point in table["recovery_points"]]
        screen.table(COLUMNS, (_row(name, point, now) for name, point in rows), right=NUMBERS)
        for table in answer.body["tables"]:
            for line in _lines_of(table):
                screen.say(line)
        _tell_unreadable(screen, answer.body)

    return Outcome(answer.body, Exit.of_status(answer.status), tell)


def _row(table: str, point: Point, now: datetime) -> tuple[str, ...]:
    hold = f" ({escape(point['legal_hold'])})" if point.get("legal_hold") else ""
    return (
        escape(table),
        point["backup_date"],
        age(point["export_time"], now),
        colour_of(point["status"]),
        "on-demand" if point["backup_type"] == ON_DEMAND else "export",
        count(point["item_count"]),
        size(point["billed_size_bytes"]),
        "[green]yes[/]" if point["verified"] else "no",
        (point["expires_at"][:10] if point["expires_at"] else "never") + (f", held{hold}" if hold else ""),
    )


def _lines_of(table: dict[str, Any]) -> list[str]:
    name = escape(table["table_name"])
    lines = [] if table["recovery_points"] else [f"[red]{name} has no recovery point here.[/]"]
    for chain in table.get("chains", []):
        ended = f"; closed: {escape(chain['closed'])}" if chain["closed"] else ""
        lines.append(
            f"{name}: {count(chain['windows'])} increments, restorable to their ends from "
            f"{moment(chain['export_time'])} to {moment(chain['covered_until'])}{ended}"
        )
        lines += [f"  [yellow]gap[/] from {moment(gap['from'])} to {moment(gap['to'])}" for gap in chain["gaps"]]
    return lines


def _tell_unreadable(screen: Screen, body: dict[str, Any]) -> None:
    screen.warn(body.get("warnings", []))
    screen.warn(
        f"{date['backup_date']} is not listed, {date['status']}: {date['error']}" for date in body["unreadable_dates"]
    )


@command(
    "show",
    click.Argument(["date"], metavar="DATE"),
    click.Argument(["table"], required=False),
)
def show(session: Session, date: str, table: str | None) -> Outcome:
    """Show all about the recovery points of a date.

    DATE is YYYY-MM-DD, or latest: of each table the newest verified one.
    """
    tables = {"tables": [table]} if table else {}
    newest = date == "latest"
    answer = recovery_points(
        session, tables if newest else tables | {"from": date, "to": date}, most=1 if newest else None
    )
    points = [
        {"table_name": one["table_name"], **point}
        for one in answer.body["tables"]
        for point in ([one["newest_verified"]] if newest else one["recovery_points"])
        if point
    ]
    if not points:
        said = "; ".join(f"{one['status']}: {one['error']}" for one in answer.body["unreadable_dates"])
        what = "verified recovery point" if newest else f"recovery point of {date}"
        of_table = f" of {table}" if table else ""
        raise NotFound(f"There is no {what}{of_table}{f' ({said})' if said else ''}.", "See which there are: list")

    def tell(screen: Screen) -> None:
        for number, point in enumerate(points):
            if number:
                screen.say()
            _tell_point(screen, point)
        screen.warn(answer.body.get("warnings", []))

    good = all(point["status"] in {"COMPLETED", "AVAILABLE", "EXPIRED"} for point in points)
    code = Exit.of_status(answer.status)
    return Outcome({"recovery_points": points}, code if good else max(code, Exit.PARTIAL), tell)


def _tell_point(screen: Screen, point: Point) -> None:
    screen.say(f"[bold]{escape(point['table_name'])}[/] {point['backup_date']}  {colour_of(point['status'])}")
    facts = {
        "verified": "yes" if point["verified"] else "no",
        "instant of the data": moment(point["export_time"]),
        "items": count(point["item_count"]),
        "billed size": size(point["billed_size_bytes"]),
        "compressed": size(point["compressed_bytes"]),
        "kind": f"{point['backup_type']} {point['export_type'] or ''}".strip(),
        "run": point["run_id"],
        "retention class": point["retention_class"],
        "expires": moment(point["expires_at"]) if point["expires_at"] else "never",
        "legal hold": point["legal_hold"],
        "manifest": point["export_manifest"],
        "backup ARN": point["backup_arn"],
        "error": point["error"],
    }
    for name, value in facts.items():
        if value not in {None, NOTHING}:
            screen.say(f"  {name:<20} {escape(str(value))}")
