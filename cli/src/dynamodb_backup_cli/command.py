"""What all commands have in common: the options that say where and how, the session, and how a result is shown."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import click

from dynamodb_backup.errors import RequestRefused
from dynamodb_backup_cli.aws import Aws
from dynamodb_backup_cli.deployment import Deployment
from dynamodb_backup_cli.executions import Executions
from dynamodb_backup_cli.failures import CliError, Exit, Refused
from dynamodb_backup_cli.functions import Functions
from dynamodb_backup_cli.screen import Screen

__all__ = ["Outcome", "Session", "Where", "checked", "command", "common_options", "run", "utc_now", "where_of"]

COMMON: tuple[dict[str, Any], ...] = (
    {
        "names": ("--name", "-n"),
        "envvar": "DYNAMODB_BACKUP_NAME",
        "metavar": "APP-ENVIRONMENT",
        "help": "The deployment: app_name and environment of the module, for example shop-production.",
    },
    {
        "names": ("--terraform-output",),
        "envvar": "DYNAMODB_BACKUP_TERRAFORM_OUTPUT",
        "metavar": "FILE",
        "help": "The deployment, from what `terraform output -json` printed; - is standard input.",
    },
    {"names": ("--profile",), "envvar": "AWS_PROFILE", "metavar": "NAME", "help": "AWS profile."},
    {"names": ("--region",), "envvar": ("AWS_REGION", "AWS_DEFAULT_REGION"), "metavar": "NAME", "help": "AWS region."},
    {"names": ("--endpoint-url",), "metavar": "URL", "help": "Another endpoint than AWS's own, for every service."},
    {"names": ("--json", "as_json"), "is_flag": True, "help": "Print one JSON object, see docs/cli.md."},
    {"names": ("--debug",), "is_flag": True, "help": "Show tracebacks."},
)


@dataclass(frozen=True)
class Where:
    """The common options of one call."""

    name: str | None = None
    terraform_output: str | None = None
    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    as_json: bool = False
    debug: bool = False

    def over(self, other: Where) -> Where:
        """Return these options, and where one is not given the other's; a deployment named twice is the one of here."""
        if self.name or self.terraform_output:
            other = replace(other, name=None, terraform_output=None)
        return Where(**{name: getattr(self, name) or getattr(other, name) for name in Where.__dataclass_fields__})


@dataclass
class Outcome:
    """What a command found: for ``--json``, for the exit code, and for a person."""

    result: dict[str, Any] | list[Any] | None
    code: Exit = Exit.GOOD
    show: Callable[[Screen], None] = field(default=lambda _: None)


Work = Callable[..., Outcome]


class Session:
    """One call of a command."""

    def __init__(self, where: Where) -> None:
        self.where = where
        self.screen = Screen(as_json=where.as_json)

    @cached_property
    def deployment(self) -> Deployment:
        """Where the functions and state machines are.

        Raises
        ------
        Refused
            Nobody said.
        """
        if self.where.terraform_output and not self.where.name:
            return Deployment.of_terraform(self.where.terraform_output)
        if not self.where.name:
            raise Refused(
                "Which deployment? Give --name APP-ENVIRONMENT, or --terraform-output FILE.",
                "Or set DYNAMODB_BACKUP_NAME once, for example: export DYNAMODB_BACKUP_NAME=shop-production",
            )
        return Deployment.named(self.where.name)

    @cached_property
    def aws(self) -> Aws:
        where = self.where
        return Aws(profile=where.profile or None, region=where.region or None, endpoint_url=where.endpoint_url or None)

    @cached_property
    def functions(self) -> Functions:
        return Functions(self.aws, self.deployment)

    @cached_property
    def executions(self) -> Executions:
        return Executions(self.aws, self.deployment)


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


def common_options(*, of_program: bool = False) -> list[click.Parameter]:
    """Return the options of every command, or of the program itself: they may stand before a command or after it.

    The program alone reads the environment, so that an option before the command is stronger than a variable.
    """
    options: list[click.Parameter] = []
    for option in COMMON:
        details = dict(option)
        names, variables = details.pop("names"), details.pop("envvar", None)
        if of_program:
            details |= {"envvar": variables, "show_envvar": variables is not None}
        options.append(click.Option(list(names), **details))
    return options


def where_of(parameters: dict[str, Any]) -> Where:
    """Take the common options out of a call's parameters."""
    return Where(**{name: parameters.pop(name) for name in Where.__dataclass_fields__})


def command(name: str, *parameters: click.Parameter) -> Callable[[Work], click.Command]:
    """Make a command of a function, whose docstring is its help."""

    def decorate(function: Work) -> click.Command:
        @click.pass_context
        def call(context: click.Context, /, **given: Any) -> None:
            session = Session(where_of(given).over(context.obj or Where()))
            context.exit(run(name, session, lambda: function(session, **given)))

        text = inspect.cleandoc(function.__doc__ or "")
        return click.Command(name, params=[*parameters, *common_options()], callback=call, help=text)

    return decorate


def run(name: str, session: Session, work: Callable[[], Outcome]) -> Exit:
    """Carry a command out, show its result or its error, and return the exit code."""
    try:
        outcome = work()
    except CliError as error:
        if session.where.debug:
            traceback.print_exc()
        if session.where.as_json:
            session.screen.envelope(name, error.exit_code, result=error.result, error=error)
        else:
            session.screen.failed(error)
        return error.exit_code
    if session.where.as_json:
        session.screen.envelope(name, outcome.code, outcome.result)
    else:
        outcome.show(session.screen)
    return outcome.code


@contextmanager
def checked() -> Iterator[None]:
    """Turn what the contract refuses into an error of usage: nothing has been asked yet.

    Raises
    ------
    Refused
        With the field's name, what was given and what is allowed.
    """
    try:
        yield
    except RequestRefused as error:
        raise Refused(f"{error}.", "Nothing was read or written.") from error
