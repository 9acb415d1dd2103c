"""Playing many runs, some at a time. A module of its own: a process that is spawned does not find ``__main__``."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack

import sandbox
from tests import botocore_once, conftest
from tests.reliability.chaos.invoking import Tally, impatient_clients
from tests.reliability.chaos.runs import play, said_beforehand
from tests.reliability.chaos.seeds import plan_of
from tests.reliability.chaos.story import PromiseBroken

__all__ = ["Outcome", "begin", "played"]

Outcome = tuple[int, Tally, str | None]
"""A seed, what happened in its run, and what was broken."""

_running: list[sandbox.Sandbox] = []
_kept_open: list[ExitStack] = []


def played(seeds: range, workers: int) -> Iterator[Outcome]:
    """Play the runs of seeds, so many at a time, and yield what came of each in their order."""
    if workers == 1 or len(seeds) == 1:
        begin()
        yield from map(_play, seeds)
        return
    # Where a copy of this process is safe, it need not import everything once more.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=begin) as pool:
        yield from pool.map(_play, seeds)


def begin() -> sandbox.Sandbox:
    """Start the sandbox of this process; it ends with the process."""
    conftest.forget_the_person()
    conftest.work_out_once_what_every_request_has()
    botocore_once.remember()
    stack = ExitStack()
    _running.append(stack.enter_context(sandbox.start()))
    stack.enter_context(impatient_clients())
    _kept_open.append(stack)
    return _running[0]


def _play(seed: int) -> Outcome:
    try:
        return seed, play(_running[0], seed), None
    except PromiseBroken as error:
        return seed, said_beforehand(plan_of(seed)), str(error)
