"""`completion`: what a shell needs to complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from dynamodb_backup_cli.command import Outcome, Session, command
from dynamodb_backup_cli.failures import Exit
from dynamodb_backup_cli.screen import Screen

__all__ = ["completion"]

VARIABLE = "_DYNAMODB_BACKUP_COMPLETE"
"""Where click expects the shell's question: made from the program's name."""


@command("completion", click.Argument(["shell"], type=click.Choice(["bash", "zsh", "fish"])))
def completion(_session: Session, shell: str) -> Outcome:
    """Print the completion script of a shell.

    For example in ~/.bashrc: eval "$(dynamodb-backup completion bash)"
    """
    chosen = get_completion_class(shell)
    assert chosen is not None  # noqa: S101 - the choices are those that click knows
    script = chosen(click.Group(), {}, "dynamodb-backup", VARIABLE).source()

    def tell(screen: Screen) -> None:
        screen.out.out(script, highlight=False)

    return Outcome({"shell": shell, "script": script}, Exit.GOOD, tell)
