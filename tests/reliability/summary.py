"""The table with which each long run ends: what was tried, how often, and what came of it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table


def print_summary(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, to: TextIO | None = None
) -> None:
    """Print a table: the first column to the left, what follows to the right, numbers with thousands separated."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for position, name in enumerate(columns):
        table.add_column(name, justify="right" if position else "left", overflow="fold")
    for row in rows:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row))
    Console(file=to or sys.stdout, width=120, highlight=False).print(table)
