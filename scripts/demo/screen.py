"""How the demo speaks: numbered steps with the seconds so far, and what belongs to a step indented beneath it."""

from __future__ import annotations

import json
import os
import shutil
import textwrap
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

__all__ = ["Screen"]

NARROWEST, WIDEST = 60, 100
INDENT = " " * 6
LABEL_WIDTH = 10
NAME_WIDTH = 33
UNBREAKABLE = "\x00"  # shown as a space

BOLD, DIM, GREEN, RED = "1", "2", "1;32", "1;31"


class Screen:
    """Plain text for terminals and files alike; colour on a terminal only, and not where NO_COLOR is set."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._began = clock()
        self._steps = 0
        self._colours = stream.isatty() and not os.environ.get("NO_COLOR")
        self._width = max(NARROWEST, min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns))

    @property
    def seconds(self) -> float:
        """Seconds since the demo began."""
        return self._clock() - self._began

    def title(self, text: str) -> None:
        """Say at the beginning what is going to happen."""
        for line in textwrap.wrap(text, self._width):
            self._print(line)

    def step(self, title: str) -> None:
        """Begin the next numbered step."""
        self._steps += 1
        self._print()
        self._print(f"{self._paint(f'{self.seconds:6.1f} s', DIM)}  {self._paint(f'{self._steps:2}. {title}', BOLD)}")

    def say(self, text: str) -> None:
        """Say something about the current step."""
        self._wrapped("", text)

    def labelled(self, label: str, text: str) -> None:
        """Show one thing by its name, such as an event or an answer."""
        self._wrapped(f"{label:<{LABEL_WIDTH}}", text)

    def json(self, label: str, document: Mapping[str, Any]) -> None:
        """Show JSON on as few lines as the terminal allows, broken between members only."""
        text = json.dumps(document, separators=(",\n", ": "))
        self.labelled(label, text.replace(" ", UNBREAKABLE).replace("\n", " "))

    def row(self, name: str, *cells: str) -> None:
        """Show a row of a table that grows while the demo goes on: its columns are aligned without knowing the rest."""
        self._print(INDENT + "  ".join([f"{name:<{NAME_WIDTH}}", *cells]))

    def ended(self, line: str, *, good: bool) -> None:
        """Say in the last line how the demo ended."""
        self._print()
        self._print(self._paint(line, GREEN if good else RED))

    def _wrapped(self, label: str, text: str) -> None:
        first = INDENT + label
        width = self._width - len(first)
        lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
        self._print((first + lines[0]).rstrip())
        for line in lines[1:]:
            self._print(" " * len(first) + line)

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colours else text

    def _print(self, line: str = "") -> None:
        print(line.replace(UNBREAKABLE, " "), file=self._stream, flush=True)
