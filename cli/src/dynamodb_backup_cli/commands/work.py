"""`backup` and `follow`: long work that a state machine does."""

from __future__ import annotations

import click
from rich.markup import escape

from dynamodb_backup.contract.backup import BackupRequest
from dynamodb_backup_cli.command import Outcome, Session, checked, command
from dynamodb_backup_cli.executions import Execution
from dynamodb_backup_cli.failures import Exit
from dynamodb_backup_cli.following import DEFAULT_POLL_SECONDS, Followed, how_to_follow
from dynamodb_backup_cli.functions import Event
from dynamodb_backup_cli.results import tell_result
from dynamodb_backup_cli.screen import Screen, colour_of

__all__ = ["back_up", "follow", "follow_options", "started"]


def follow_options() -> list[click.Parameter]:
    """Return the options of every command that follows what it starts."""
    return [
        click.Option(["--no-follow"], is_flag=True, help="Only start it, and print its ID."),
        poll_option(),
    ]


def poll_option() -> click.Option:
    return click.Option(
        ["--poll-seconds"],
        type=click.FloatRange(0.1, 300),
        default=DEFAULT_POLL_SECONDS,
        show_default=True,
        help="How often to look.",
    )


@command(
    "backup",
    click.Argument(["tables"], nargs=-1, metavar="[TABLE]..."),
    click.Option(["--incremental"], is_flag=True, help="Export the changes since the last export alone."),
    *follow_options(),
)
def back_up(
    session: Session, tables: tuple[str, ...], *, incremental: bool, no_follow: bool, poll_seconds: float
) -> Outcome:
    """Back tables up now.

    All that the module backs up, or those given.
    Ctrl-C leaves the backup running.
    """
    event: Event = {"tables": list(tables)} if tables else {}
    if incremental:
        event["export_type"] = "INCREMENTAL_EXPORT"
    with checked():
        BackupRequest.from_event(event, configured=tables)
    return started(session, session.executions.start("backup", event), follow=not no_follow, poll_seconds=poll_seconds)


@command("follow", click.Argument(["execution"], metavar="ID"), poll_option())
def follow(session: Session, execution: str, poll_seconds: float) -> Outcome:
    """Follow work that is going on, or show how it ended.

    A backup, restore, verification or restore test. ID is the name of its execution, as `status` and the commands that
    start work print it. Ctrl-C leaves it running.
    """
    return followed(session, session.executions.find(execution), poll_seconds)


def started(session: Session, execution: Execution, *, follow: bool, poll_seconds: float) -> Outcome:
    """Say what was started, and follow it if that is wanted."""
    what = execution.verb.replace("_", " ")
    if not follow:
        result = Followed(session, execution).to_dict()
        return Outcome(result, Exit.GOOD, lambda screen: screen.say(execution.name))
    session.screen.note(f"Started the {what} {escape(execution.name)}. Ctrl-C leaves it running; follow it again with:")
    session.screen.note(f"  {escape(how_to_follow(session, execution))}")
    return followed(session, execution, poll_seconds)


def followed(session: Session, execution: Execution, poll_seconds: float) -> Outcome:
    end = Followed(session, execution, poll_seconds).to_the_end()

    def tell(screen: Screen) -> None:
        tell_result(screen, end.execution.verb, end.result or {})
        cause = f" {escape(end.execution.cause)}" if end.execution.cause and not end.result else ""
        screen.say(f"{escape(end.execution.name)} {colour_of(end.execution.state)}{cause}")

    return Outcome(end.to_dict(), end.execution.exit_code, tell)
