"""`restore`: a plan first, then a question, then the restore."""

from __future__ import annotations

from typing import Any

import click
from rich.markup import escape

from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup_cli.asking import agree, confirmed, refuse_unless_asked
from dynamodb_backup_cli.command import Outcome, Session, checked, command
from dynamodb_backup_cli.commands.work import follow_options, started
from dynamodb_backup_cli.failures import CliError, Exit
from dynamodb_backup_cli.functions import Answer, Event
from dynamodb_backup_cli.restore_options import event_of, restore_parameters
from dynamodb_backup_cli.results import tell_plan, tell_restore
from dynamodb_backup_cli.texts import count
from dynamodb_backup_cli.turns import carried

__all__ = ["restore"]

BY_TABLE = frozenset({"target_tables", "transform"})
PLACES = frozenset({"export", "on_demand_backup", "restore_to"})
"""Fields that say which backup, instead of its date."""


@command(
    "restore",
    *restore_parameters(),
    click.Option(["--yes", "-y"], is_flag=True, help="Do not plan and ask first: for scripts."),
    *follow_options(),
)
def restore(session: Session, *, yes: bool, no_follow: bool, poll_seconds: float, **given: Any) -> Outcome:
    """Restore tables, after a plan and a question.

    From their newest backups, or from those that the options choose.
    First a dry run checks everything and shows what would be done, and you are asked.
    Ctrl-C leaves the restore running.
    """
    event = event_of(given)
    with checked():
        request = RestoreRequest.from_event(event)
    if request.restore_id:
        return _continued(session, event)
    if request.dry_run:
        plan = _plan(session, event)
        return Outcome(plan.body, Exit.of_status(plan.status), lambda screen: tell_plan(screen, plan.body))
    if not yes:
        event = _agreed(session, event, request)
    execution = session.executions.start("restore", event)
    return started(session, execution, follow=not no_follow, poll_seconds=poll_seconds)


def _plan(session: Session, event: Event) -> Answer:
    """Carry out the dry run of a restore."""
    planned = {name: value for name, value in event.items() if name != "prove"} | {"dry_run": True}
    session.screen.note("Planning: the whole backup is read and checked, and nothing is written ...")
    return carried(session, "restore", planned, what="restore", id_field="restore_id")


def _agreed(session: Session, event: Event, request: RestoreRequest) -> Event:
    """Show the plan, ask, and return the event of exactly what was shown.

    Raises
    ------
    CliError
        The answer is no, or nothing can be restored.
    Refused
        Nobody is there who could be asked.
    """
    refuse_unless_asked(session, "a restore")
    unconfirmed = {name: value for name, value in event.items() if name != "confirm"}
    plan = _plan(session, unconfirmed)
    tell_plan(session.screen, plan.body)
    ready = [row for row in plan.body["restore_results"] if row["status"] in {"READY", "PARTIAL_SUCCESS"}]
    if not ready:
        raise CliError("Nothing can be restored, and nothing was written.", "The plan above says why.", plan.body)
    targets = sorted(row["target_table"] for row in ready)
    left = len(plan.body["restore_results"]) - len(ready)
    unable = f" {left} cannot be restored." if left else ""
    loss = " Items that the backup does not hold are DELETED." if request.write_mode == "mirror" else ""
    items = count(sum(row["items_expected"] for row in ready))
    what = f"Restore {items} items into {', '.join(targets)} ({request.write_mode})?{loss}{unable}"
    deletes = request.write_mode == "mirror"
    agree(what, targets, deletes=deletes)
    return _pinned(unconfirmed, ready) | (confirmed(targets) if deletes else {})


def _pinned(event: Event, rows: list[dict[str, Any]]) -> Event:
    """Return the event of exactly these tables and their backups, so that a newer one does not slip in."""
    tables = [row["table_name"] for row in rows]
    pinned = event | {"tables": tables}
    for field in BY_TABLE & event.keys():
        pinned[field] = {table: value for table, value in event[field].items() if table in tables}
    dates = {row["backup_date"] for row in rows}
    if len(dates) == 1 and None not in dates and not PLACES & event.keys():
        pinned["backup_date"] = dates.pop()
    return pinned


def _continued(session: Session, event: Event) -> Outcome:
    """Go on with a restore that the function itself carries, not the state machine."""
    session.screen.note(f"Continuing the restore {escape(event['restore_id'])} ...")
    answer = carried(session, "restore", event, what="restore", id_field="restore_id")
    return Outcome(answer.body, Exit.of_status(answer.status), lambda screen: tell_restore(screen, answer.body))
