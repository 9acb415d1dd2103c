"""`undo`: revert what changed in a window of time, after a plan and a question."""

from __future__ import annotations

from typing import Any

import click

from dynamodb_backup.contract.undo import UndoRequest
from dynamodb_backup_cli.asking import agree, confirmed, refuse_unless_asked
from dynamodb_backup_cli.command import Outcome, Session, checked, command
from dynamodb_backup_cli.failures import CliError, Exit
from dynamodb_backup_cli.functions import Answer, Event
from dynamodb_backup_cli.results import tell_undo
from dynamodb_backup_cli.texts import count
from dynamodb_backup_cli.turns import carried
from dynamodb_backup_cli.values import KEYS

__all__ = ["undo"]

ID_FIELD = "undo_id"


@command(
    "undo",
    click.Argument(["tables"], nargs=-1, metavar="[TABLE]..."),
    click.Option(["--from", "from"], metavar="TIME", help="Where the window begins, such as 2026-01-31T12:00:00Z."),
    click.Option(["--to", "to"], metavar="TIME", help="Where it ends; at most 24 hours later."),
    click.Option(["--export"], metavar="S3-URL", help="Instead of a window: an incremental export with both images."),
    click.Option(["--keys"], type=KEYS, metavar="KEYS", help="Only these items, as for restore."),
    click.Option(["--partition-keys"], type=KEYS, metavar="KEYS", help="Only items with these partition keys."),
    click.Option(["--allow-changed-after"], is_flag=True, help="Revert also what changed again after the window."),
    click.Option(["--max-workers"], type=int, help="Threads of each invocation, 1 to 64."),
    click.Option(["--confirm"], multiple=True, metavar="TABLE", help="The tables, repeated, for --yes where needed."),
    click.Option(["--undo-id"], metavar="ID", help="Continue an undo that was interrupted."),
    click.Option(["--dry-run"], is_flag=True, help="Show the plan: export, compare, write no item."),
    click.Option(["--yes", "-y"], is_flag=True, help="Do not plan and ask first: for scripts."),
)
def undo(session: Session, *, yes: bool, **given: Any) -> Outcome:
    """Revert what changed between two times.

    Nothing else is touched. First a dry run shows how many items that is; then you are asked.
    """
    event: Event = {"action": "undo"}
    for field, value in given.items():
        if value:
            event[field] = list(value) if field in {"confirm", "tables"} else value
    with checked():
        request = UndoRequest.from_event(event)
    if not (yes or request.dry_run or request.undo_id):
        refuse_unless_asked(session, "an undo")
        event = _agreed(session, event)
    answer = _carried(session, event)
    return Outcome(answer.body, Exit.of_status(answer.status), lambda screen: tell_undo(screen, answer.body))


def _carried(session: Session, event: Event) -> Answer:
    session.screen.note("DynamoDB exports the window and each change is compared, which takes minutes ...")
    return carried(session, "restore", event, what="undo", id_field=ID_FIELD)


def _agreed(session: Session, event: Event) -> Event:
    """Show the plan, ask, and return the event of exactly what was shown."""
    unconfirmed = {name: value for name, value in event.items() if name != "confirm"}
    plan = _carried(session, unconfirmed | {"dry_run": True})
    tell_undo(session.screen, plan.body)
    tables = [row["table_name"] for row in plan.body["undo_results"] if row["items_reverted"]]
    if not tables:
        raise CliError("Nothing is to be reverted, and nothing was written.", "The plan above says why.", plan.body)
    items = sum(row["items_reverted"] for row in plan.body["undo_results"])
    agree(f"Revert {count(items)} items in {', '.join(tables)}?", tables, deletes=True)
    return unconfirmed | {"tables": tables} | confirmed(tables)
