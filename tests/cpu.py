"""CPU seconds of each directory and file of tests, at the end of a run: what a busy machine cannot blur.

How long a test takes depends on what else runs; what it costs does not. Counted are the worker, whatever it waited for
(Terraform, a demo), and what still runs for it (a sandbox, its functions, a provider).
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest

PROCESSES = Path("/proc")
FILES_SHOWN = 15
WORTH_SAYING = 10  # seconds in all
START = "start and collection"


def spent(*, alone: bool = False) -> float:
    """Return the CPU seconds so far of this process, of children that ended, and (Linux) of descendants that run."""
    own = os.times()
    if alone:
        return own.user + own.system
    total = own.user + own.system + own.children_user + own.children_system
    running: dict[int, tuple[int, int]] = {}
    for path in PROCESSES.glob("[0-9]*/stat"):
        try:
            # After the name, which is in brackets: state, parent, ..., utime, stime, cutime, cstime.
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        running[int(path.parent.name)] = int(fields[1]), sum(map(int, fields[11:15]))
    family = {os.getpid()}
    grown = True
    while grown:
        children = {process for process, (parent, _) in running.items() if parent in family} - family
        family |= children
        grown = bool(children)
    return total + sum(running[one][1] for one in family - {os.getpid()}) / os.sysconf("SC_CLK_TCK")


class CpuSeconds:
    """A plugin: each worker counts, and hands its counts to the process that prints them."""

    def __init__(self, *, alone: bool) -> None:
        # The process that hands out tests to workers would count theirs again.
        self._alone = alone
        self._of_file: dict[str, float] = defaultdict(float)
        self._now = START
        self._since = 0.0  # what was spent before the plugin was there is the start's

    def _turn_to(self, file: str) -> None:
        total = spent(alone=self._alone)
        self._of_file[self._now] += total - self._since
        self._now, self._since = file, total

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        file = item.nodeid.partition("::")[0]
        if file != self._now:
            self._turn_to(file)
        return (yield)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._turn_to(self._now)
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["cpu_seconds"] = dict(self._of_file)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        for file, seconds in getattr(node, "workeroutput", {}).get("cpu_seconds", {}).items():
            self._of_file[file] += seconds

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if sum(self._of_file.values()) < WORTH_SAYING:
            return
        of_directory: dict[str, float] = defaultdict(float)
        for file, seconds in self._of_file.items():
            of_directory["/".join(file.split("/")[:-1][:2]) or file] += seconds
        terminalreporter.section("CPU seconds")
        _print_largest(terminalreporter, of_directory)
        terminalreporter.line(f"{sum(of_directory.values()):8.1f}  in all, of which the largest files:")
        _print_largest(terminalreporter, self._of_file, FILES_SHOWN)


def _print_largest(reporter: pytest.TerminalReporter, of: Mapping[str, float], count: int | None = None) -> None:
    for name, seconds in sorted(of.items(), key=itemgetter(1), reverse=True)[:count]:
        reporter.line(f"{seconds:8.1f}  {name}")
