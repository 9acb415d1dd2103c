"""`restore`: a plan first, then a question, then the restore."""

from __future__ import annotations

from typing import Any

import click
from rich.markup import escape

from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup_cli.command import Outcome, Session, checked, command
from dynamodb_backup_cli.commands.work import follow_options, started
from dynamodb_backup_cli.failures import CliError, Exit, Refused
from dynamodb_backup_cli.functions import Answer, Event
from dynamodb_backup_cli.restore_options import event_of, restore_parameters
from dynamodb_backup_cli.results import tell_plan, tell_restore
from dynamodb_backup_cli.texts import count

__all__ = ["restore"]

PLACES = frozenset({"export", "on_demand_backup", "restore_to"})
"""Fields that say which backup, instead of its date."""


@command(
    "restore",
    *restore_parameters(),
    click.Option(["--yes", "-y"], is_flag=True, help="Do not plan and ask first: for scripts."),
    *follow_options(),
)
def restore(session: Session, *, yes: bool, no_follow: bool, poll_seconds: float, **given: Any) -> Outcome:
    """Restore tables from their newest backups, or from those that the options choose.

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
    return session.functions.carry("restore", planned, "restore_id").or_error()


def _agreed(session: Session, event: Event, request: RestoreRequest) -> Event:
    """Show the plan, ask, and return the event of exactly what was shown.

    Raises
    ------
    CliError
        The answer is no, or nothing can be restored.
    Refused
        Nobody is there who could be asked.
    """
    screen = session.screen
    if not screen.interactive:
        raise Refused(
            "A restore is asked for first, and nobody can be asked here.",
            "Give --yes to restore without a question, or --dry-run to see the plan.",
        )
    plan = _plan(session, event)
    tell_plan(screen, plan.body)
    ready = [row for row in plan.body["restore_results"] if row["status"] in {"READY", "PARTIAL_SUCCESS"}]
    if not ready:
        raise CliError("Nothing can be restored, and nothing was written.", "The plan above says why.", plan.body)
    targets = sorted(row["target_table"] for row in ready)
    left = len(plan.body["restore_results"]) - len(ready)
    unable = f" {left} cannot be restored." if left else ""
    deletes = " Items that the backup does not hold are DELETED." if request.write_mode == "mirror" else ""
    items = count(sum(row["items_expected"] for row in ready))
    what = f"Restore {items} items into {', '.join(targets)} ({request.write_mode})?{deletes}{unable}"
    if not click.confirm(click.style(what, bold=True), err=True):
        raise CliError("Nothing was written.", "You said no.", plan.body)
    return _pinned(event, plan.body["restore_results"])


def _pinned(event: Event, rows: list[dict[str, Any]]) -> Event:
    """Return the event with the date and the tables of the plan, so that a newer backup does not slip in."""
    dates = {row["backup_date"] for row in rows}
    if PLACES & event.keys() or len(dates) != 1 or None in dates:
        return event
    return event | {"backup_date": dates.pop(), "tables": [row["table_name"] for row in rows]}


def _continued(session: Session, event: Event) -> Outcome:
    """Go on with a restore that the function itself carries, not the state machine."""
    session.screen.note(f"Continuing the restore {escape(event['restore_id'])} ...")
    answer = session.functions.carry("restore", event, "restore_id").or_error()
    return Outcome(answer.body, Exit.of_status(answer.status), lambda screen: tell_restore(screen, answer.body))
