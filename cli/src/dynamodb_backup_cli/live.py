"""How far something is, while it goes on: bars on a terminal, now and then a line anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType

from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from dynamodb_backup_cli.harmless import harmless
from dynamodb_backup_cli.screen import Screen
from dynamodb_backup_cli.texts import count, span

__all__ = ["Live", "Part"]

LINE_SECONDS = 30.0
SPEED_SECONDS = 60.0
"""The functions tell their progress every ten seconds: a shorter time would show jumps, not a speed."""


@dataclass(frozen=True)
class Part:
    """One table's share. ``phase`` is what is done to it; without ``total`` nobody knows how much there is to do."""

    name: str
    phase: str
    done: int = 0
    total: int | None = None

    @property
    def percent(self) -> str:
        return "" if not self.total else f"{100 * self.done / self.total:.0f} %"


class _Pace(ProgressColumn):
    def render(self, task: Task) -> Text:
        if task.total is None:
            return Text("")
        pace = f"  {count(task.speed)}/s" if task.speed and not task.finished else ""
        return Text(f"{task.percentage:3.0f} %  {count(task.completed)}/{count(task.total)} items{pace}")


class _Left(ProgressColumn):
    def render(self, task: Task) -> Text:
        left = task.time_remaining
        return Text(f"{span(left)} left" if left else "")


class Live:
    """Shows parts as they are told; nothing at all with ``--json``."""

    def __init__(self, screen: Screen, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._screen = screen
        self._monotonic = monotonic
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            _Pace(),
            _Left(),
            TimeElapsedColumn(),
            console=screen.aside,
            speed_estimate_period=SPEED_SECONDS,
            disable=screen.as_json or not screen.aside.is_terminal,
            transient=True,
        )
        self._tasks: dict[str, tuple[TaskID, str]] = {}
        self._told: tuple[float, str] = (float("-inf"), "")

    def __enter__(self) -> Live:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def update(self, parts: Sequence[Part]) -> None:
        """Show the parts as they are now."""
        if self._bars.disable:
            self._tell(parts)
            return
        for part in parts:
            task, phase = self._tasks.get(part.name, (None, ""))
            if task is None:
                task = self._bars.add_task(harmless(f"{part.name}  {part.phase}"), total=part.total)
            elif phase != part.phase and part.done != part.total:
                self._bars.reset(task)  # verifying is so much faster than writing that it tells nothing about it
            description = harmless(f"{part.name}  {part.phase}")
            self._bars.update(task, description=description, completed=part.done, total=part.total)
            self._tasks[part.name] = (task, part.phase)

    def _tell(self, parts: Sequence[Part]) -> None:
        now = self._monotonic()
        line = "; ".join(f"{part.name}: {part.phase} {part.percent}".rstrip() for part in parts)
        phases = " ".join(part.name + part.phase for part in parts)
        moment, told = self._told
        if line and (phases != told or now - moment >= LINE_SECONDS):
            self._told = (now, phases)
            self._screen.note(escape(line))
