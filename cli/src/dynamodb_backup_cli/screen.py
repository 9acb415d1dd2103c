"""What a person sees: results on standard output, whatever only accompanies the work on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from dynamodb_backup_cli.failures import CliError, Exit
from dynamodb_backup_cli.harmless import harmless, harmless_json

__all__ = ["Screen", "colour_of"]

WIDTH_WITHOUT_TERMINAL = 320
"""Nothing is cut or wrapped in a file or a pipe: tables take only what their cells need."""

COLOURS = {
    "AVAILABLE": "green", "COMPLETED": "green", "IDENTICAL": "green", "PROVEN": "green", "READY": "green",
    "SUCCEEDED": "green", "VERIFIED": "green",
    "CREATING": "cyan", "IN_PROGRESS": "cyan", "RUNNING": "cyan",
    "DIFFERENT": "yellow", "EXPIRED": "yellow", "PARTIAL_SUCCESS": "yellow", "SKIPPED": "yellow",
    "ABORTED": "red", "DAMAGED": "red", "FAILED": "red", "TIMED_OUT": "red", "UNREADABLE": "red",
}  # fmt: skip


def colour_of(status: str) -> str:
    """Return a status in its colour, as markup."""
    colour = COLOURS.get(status)
    return f"[{colour}]{escape(status)}[/]" if colour else escape(status)


class Screen:
    """Both streams. Colours and moving parts are only for terminals, and not where NO_COLOR is set."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.out = _console(stderr=False)
        self.aside = _console(stderr=True)

    @property
    def interactive(self) -> bool:
        """Tell whether a person is there who can be asked."""
        return sys.stdin.isatty() and self.aside.is_terminal and not self.as_json

    def say(self, text: RenderableType = "") -> None:
        """Print a line of the result; markup is understood."""
        text = harmless(text) if isinstance(text, str) else text
        self.out.print(text, highlight=False, soft_wrap=not isinstance(text, Table))

    def note(self, text: str) -> None:
        """Print a line about the work, which no pipe should get."""
        if not self.as_json:
            self.aside.print(harmless(text), highlight=False, soft_wrap=True)

    def warn(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.note(f"[yellow]warning:[/] {escape(text)}")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = ()) -> None:
        """Print a table; cells are markup. Columns in ``right`` are numbers."""
        table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
        for column in columns:
            table.add_column(column, justify="right" if column in right else "left", overflow="fold")
        for row in rows:
            table.add_row(*map(harmless, row))
        if self.out.is_terminal:
            self.say(table)
            return
        with self.out.capture() as drawn:
            self.say(table)
        for line in drawn.get().splitlines():
            self.say(Text(line.rstrip()))

    def failed(self, error: CliError) -> None:
        self.aside.print(f"[red]error:[/] {escape(harmless(str(error)))}", highlight=False, soft_wrap=True)
        if error.hint:
            self.aside.print(f"       {escape(harmless(error.hint))}", highlight=False, soft_wrap=True)

    def envelope(self, command: str, code: Exit, result: Any = None, error: CliError | None = None) -> None:
        """Print the one JSON object that ``--json`` promises."""
        document = {
            "command": command,
            "exit_code": int(code),
            "result": result,
            "error": error and {"type": type(error).__name__, "message": str(error), "hint": error.hint},
        }
        sys.stdout.write(harmless_json(json.dumps(document, indent=2, ensure_ascii=False)) + "\n")


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(stderr=stderr, width=width, emoji=False)
