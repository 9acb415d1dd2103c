"""The program ``dynamodb-backup``: its commands, and the door through which no error leaves as a traceback."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click
from click.core import ParameterSource

from dynamodb_backup_cli.command import Session, Where, common_options, where_of
from dynamodb_backup_cli.commands.completion import completion
from dynamodb_backup_cli.commands.items import get, item_history
from dynamodb_backup_cli.commands.points import list_points, show
from dynamodb_backup_cli.commands.report import report
from dynamodb_backup_cli.commands.restore import restore
from dynamodb_backup_cli.commands.status import status
from dynamodb_backup_cli.commands.undo import undo
from dynamodb_backup_cli.commands.verification import diff, verify
from dynamodb_backup_cli.commands.work import back_up, follow
from dynamodb_backup_cli.failures import CallFailed, CliError, Exit, Interrupted, Refused

__all__ = ["main", "program"]

COMMANDS: tuple[click.Command, ...] = (
    status,
    list_points,
    show,
    back_up,
    restore,
    follow,
    verify,
    diff,
    item_history,
    get,
    undo,
    report,
    completion,
)
UNEXPECTED = "This is a fault of the command line itself. Show it again with --debug, and report what it prints."


@click.pass_context
def _remember(context: click.Context, /, **given: Any) -> None:
    where = where_of(given)
    if context.get_parameter_source("terraform_output") is ParameterSource.COMMANDLINE:
        where = Where(terraform_output=where.terraform_output).over(where)  # stronger than a name in the environment
    context.obj = where


class _InOrder(click.Group):
    """Lists commands in the order in which they are needed, not in that of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the base class has it
        return list(self.commands)


def program() -> click.Group:
    """Return the program with all its commands."""
    group = _InOrder(
        "dynamodb-backup",
        help="Backups of DynamoDB tables: list, make, restore, compare them. It asks the deployed functions, and "
        "changes nothing by itself.\n\nExit codes: 0 good, 1 failed, 2 usage, 3 partial, 130 interrupted.",
        params=common_options(of_program=True),
        callback=_remember,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    for command in COMMANDS:
        group.add_command(command)
    return group


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = program().main(words, prog_name="dynamodb-backup", standalone_mode=False)
        sys.stdout.flush()
    except click.UsageError as error:
        return _tell(words, Refused(error.format_message()), error)
    except (click.Abort, KeyboardInterrupt) as error:
        return _tell(words, Interrupted("Interrupted.", "If work had just been started, `status` shows it."), error)
    except BrokenPipeError:
        # Whoever read the output has enough; Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    except Exception as error:  # noqa: BLE001 - the door: whatever it is, it is told in a sentence
        return _tell(words, CallFailed(f"{type(error).__name__}: {error}", UNEXPECTED), error)
    return code if isinstance(code, int) else Exit.GOOD


def _tell(words: list[str], told: CliError, error: BaseException) -> int:
    """Show an error that came before or beside a command."""
    session = Session(Where(as_json="--json" in words, debug="--debug" in words))
    if session.where.debug:
        traceback.print_exception(error)
    if session.where.as_json:
        known = set(program().commands)
        session.screen.envelope(next((word for word in words if word in known), ""), told.exit_code, error=told)
        return told.exit_code
    if isinstance(error, click.UsageError) and error.ctx is not None:
        session.screen.aside.print(error.ctx.get_usage(), highlight=False, markup=False, soft_wrap=True)
    session.screen.failed(told)
    return told.exit_code


if __name__ == "__main__":
    sys.exit(main())
