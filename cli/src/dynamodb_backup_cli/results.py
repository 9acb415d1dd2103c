"""Results of the functions as tables for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.markup import escape

from dynamodb_backup_cli.functions import Body
from dynamodb_backup_cli.screen import Screen, colour_of
from dynamodb_backup_cli.texts import NOTHING, count, span

__all__ = ["tell_backup", "tell_plan", "tell_restore", "tell_result", "tell_undo", "tell_verification"]

Row = dict[str, Any]
OPTIONAL = {"SKIPPED": "items_skipped", "UNCHANGED": "items_unchanged", "DELETED": "items_deleted"}


def tell_result(screen: Screen, verb: str, body: Body) -> None:
    """Show a result of whatever kind of work."""
    tellers = {"backup": tell_backup, "restore": tell_restore, "verify": tell_verification}
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


def tell_verification(screen: Screen, body: Body) -> None:
    """Show whether backups are whole, and tables equal to them."""
    rows = body.get("verify_results") or []
    compares = body.get("against") == "table"
    columns = ("TABLE", "BACKUP", "STATUS", "ITEMS")
    more = ("IN TABLE", "MISSING", "EXTRA", "DIFFERENT") if compares else ()
    screen.table(
        (*columns, *more),
        (
            (
                escape(row["table_name"]) if row.get("target_table") in {None, row["table_name"]} else _arrow(row),
                row.get("backup_date") or NOTHING,
                colour_of(row["status"]),
                count(row.get("items_verified")),
                *(_differences(row) if compares else ()),
            )
            for row in rows
        ),
        right=("ITEMS", *more),
    )
    _tell_troubles(screen, rows, body)


def _differences(row: Row) -> tuple[str, ...]:
    # The verify state machine puts the counts beside the others, the function into an object of their own.
    found = row.get("differences") or row
    counts = (row.get("items_in_table"), *(found.get(name) for name in ("missing", "extra", "different")))
    return tuple(count(number) for number in counts)


def tell_undo(screen: Screen, body: Body) -> None:
    """Show what an undo reverted, or in a dry run would."""
    rows = body.get("undo_results", [])
    fields = {
        "CHANGED": "changes_in_window",
        "SELECTED": "changes_selected",
        "REVERTED": "items_reverted",
        "ALREADY": "items_already_reverted",
        "CHANGED AFTER": "items_changed_after",
        "FAILED": "items_failed",
    }
    screen.table(
        ("TABLE", "STATUS", *fields),
        (
            (escape(row["table_name"]), colour_of(row["status"]), *(count(row[field]) for field in fields.values()))
            for row in rows
        ),
        right=tuple(fields),
    )
    for row in rows:
        if row.get("not_reverted"):
            screen.say(f"{escape(row['table_name'])}: what was left is in {escape(row['not_reverted'])}")
        if row.get("overwritten_export"):
            screen.say(f"{escape(row['table_name'])}: what was overwritten is in {escape(row['overwritten_export'])}")
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
    rows = body.get("test_results") or []
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
