"""Bars in a terminal, now and then a line anywhere else, and nothing with ``--json``."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from dynamodb_backup_cli.live import Live, Part
from dynamodb_backup_cli.screen import Screen


@pytest.fixture
def screen() -> Screen:
    screen = Screen()
    screen.aside = Console(file=io.StringIO(), width=120)
    return screen


def told(screen: Screen) -> str:
    stream = screen.aside.file
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


def test_a_terminal_has_a_bar_for_each_table_with_items_pace_and_time_left(screen: Screen) -> None:
    screen.aside = Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None)
    seconds = iter(range(0, 100_000, 10))
    with Live(screen) as live:
        live._bars.get_time = lambda: float(next(seconds))
        for done in (0, 2000, 4000):
            live.update([Part("orders", "write", done, 10_000), Part("users", "COMPLETED", 40, 40)])
        live._bars.refresh()
    assert "orders  write" in told(screen)
    assert "40 %  4,000/10,000 items" in told(screen)
    assert "/s" in told(screen)
    assert " left" in told(screen)
    assert "users  COMPLETED" in told(screen)


def test_elsewhere_a_line_is_told_for_each_phase_and_every_half_minute(screen: Screen) -> None:
    now = [0.0]
    with Live(screen, monotonic=lambda: now[0]) as live:
        for at, part in (
            (0, Part("orders", "verify", 10, 100)),
            (2, Part("orders", "verify", 20, 100)),
            (4, Part("orders", "write", 0, 100)),
            (40, Part("orders", "write", 50, 100)),
        ):
            now[0] = at
            live.update([part])
    assert told(screen).splitlines() == ["orders: verify 10 %", "orders: write 0 %", "orders: write 50 %"]


def test_with_json_nothing_is_told() -> None:
    screen = Screen(as_json=True)
    screen.aside = Console(file=io.StringIO(), force_terminal=True)
    with Live(screen) as live:
        live.update([Part("orders", "write", 1, 2)])
    assert told(screen) == ""
