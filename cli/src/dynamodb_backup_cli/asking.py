"""Asking before something is changed."""

from __future__ import annotations

from collections.abc import Sequence

import click

from dynamodb_backup.contract.confirmation import CONFIRM
from dynamodb_backup_cli.command import Session
from dynamodb_backup_cli.failures import CliError, Refused
from dynamodb_backup_cli.harmless import harmless

__all__ = ["agree", "confirmed", "refuse_unless_asked"]


def refuse_unless_asked(session: Session, what: str) -> None:
    """Refuse to change anything without ``--yes`` where nobody can be asked.

    Raises
    ------
    Refused
        No terminal, or ``--json``.
    """
    if not session.screen.interactive:
        raise Refused(
            f"Before {what} you are asked, and nobody can be asked here.",
            "Give --yes to do without the question, or --dry-run to see the plan.",
        )


def agree(question: str, tables: Sequence[str], *, deletes: bool) -> None:
    """Ask, and return only for a yes. What deletes or reverts wants more than one key: the tables' names.

    Raises
    ------
    CliError
        The answer is anything else.
    """
    if deletes:
        click.echo(click.style(harmless(question), bold=True), err=True)
        names = " ".join(tables)
        typed = click.prompt(f"Type {names} to go on", default="", show_default=False, err=True)
        good = sorted(typed.replace(",", " ").split()) == sorted(tables)
    else:
        good = click.confirm(click.style(question, bold=True), err=True)
    if not good:
        raise CliError("Nothing was written.", "You did not agree.")


def confirmed(tables: Sequence[str]) -> dict[str, list[str]]:
    """Return the event's field that repeats the tables, as the person has just typed them."""
    return {CONFIRM: list(tables)}
