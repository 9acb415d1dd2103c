"""Results of the functions as tables for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.markup import escape

from dynamodb_backup_cli.functions import Body
from dynamodb_backup_cli.screen import Screen, colour_of
from dynamodb_backup_cli.texts import NOTHING, count, span

__all__ = ["tell_backup", "tell_plan", "tell_restore", "tell_result"]

Row = dict[str, Any]
OPTIONAL = {"SKIPPED": "items_skipped", "UNCHANGED": "items_unchanged", "DELETED": "items_deleted"}


def tell_result(screen: Screen, verb: str, body: Body) -> None:
    """Show a result of whatever kind of work."""
    tellers = {"backup": tell_backup, "restore": tell_restore}
    teller = tellers.get(verb)
    if teller:
        teller(screen, body)
    else:
        _tell_any(screen, body)


def tell_backup(screen: Screen, body: Body) -> None:
    """Show what a backup's run did to each table."""
    rows = body.get("export_results", [])
    screen.table(
        ("TABLE", "STATUS", "KIND", "ITEMS"),
        (
            (
                escape(row["table_name"]),
                colour_of(row["status"]),
                row.get("export_type", NOTHING),
                count(row["item_count"]),
            )
            for row in rows
        ),
        right=("ITEMS",),
    )
    if body.get("run_id"):
        screen.say(f"run {escape(body['run_id'])} of {body['backup_date']}")
    _tell_troubles(screen, rows, body)


def tell_restore(screen: Screen, body: Body) -> None:
    """Show what a restore did to each table."""
    rows = body.get("restore_results", [])
    extra = [column for column, field in OPTIONAL.items() if any(row.get(field) for row in rows)]
    columns = ("TABLE", "BACKUP", "STATUS", "ITEMS", "WRITTEN", *extra, "FAILED", "PROVEN")
    screen.table(
        columns,
        (
            (
                _arrow(row),
                row.get("restored_to") or row.get("backup_date") or NOTHING,
                colour_of(row["status"]),
                count(row.get("items_expected")),
                count(row.get("items_written")),
                *(count(row.get(OPTIONAL[column])) for column in extra),
                count(row.get("items_failed")),
                {True: "[green]yes[/]", False: "[red]NO[/]"}.get(row.get("proven"), NOTHING),
            )
            for row in rows
        ),
        right=("ITEMS", "WRITTEN", *extra, "FAILED"),
    )
    for row in rows:
        if row.get("failed_items_export"):
            screen.say(f"{escape(row['target_table'])}: refused items are in {escape(row['failed_items_export'])}")
    _tell_troubles(screen, rows, body)


def tell_plan(screen: Screen, body: Body) -> None:
    """Show what a dry run found: what the restore would do, how long that takes and what it costs."""
    rows = body.get("restore_results", [])
    screen.table(
        ("TABLE", "BACKUP", "PLAN", "ITEMS", "WRITE UNITS", "TIME", "US DOLLARS"),
        (
            (
                _arrow(row) + (" (new)" if row.get("creates_target") else ""),
                row.get("restored_to") or row.get("backup_date") or NOTHING,
                colour_of(row["status"]),
                count(row["items_expected"]),
                *_estimate(row.get("estimate") or {}),
            )
            for row in rows
        ),
        right=("ITEMS", "WRITE UNITS", "TIME", "US DOLLARS"),
    )
    for row in rows:
        for effect in row.get("side_effects") or ():
            screen.say(f"{escape(row['target_table'])}: {escape(effect)}")
    _tell_troubles(screen, rows, body)


def _estimate(estimate: Row) -> tuple[str, str, str]:
    minutes, dollars = estimate.get("minutes"), estimate.get("us_dollars")
    units = estimate.get("write_units")
    return (
        count(None if units is None else units + estimate.get("write_units_of_indexes", 0)),
        NOTHING if minutes is None else span(minutes * 60),
        NOTHING if dollars is None else f"{dollars:.2f}",
    )


def _arrow(row: Row) -> str:
    source, target = escape(row["table_name"]), escape(row["target_table"])
    return source if source == target else f"{source} -> {target}"


def _tell_any(screen: Screen, body: Body) -> None:
    rows = [row for name in ("test_results", "verify_results") for row in body.get(name) or ()]
    if rows:
        screen.table(("TABLE", "STATUS"), ((escape(row["table_name"]), colour_of(row["status"])) for row in rows))
    _tell_troubles(screen, rows, body)


def _tell_troubles(screen: Screen, rows: Sequence[Row], body: Body) -> None:
    for row in rows:
        if row.get("error"):
            screen.say(f"[red]{escape(row.get('target_table') or row['table_name'])}:[/] {escape(row['error'])}")
    if body.get("error"):
        screen.say(f"[red]{escape(body['error'])}[/]")
    screen.warn(dict.fromkeys(body.get("warnings") or ()))
