"""The long chaos run: many seeds, some at a time, and a table of what happened. ``make chaos`` calls it."""

from __future__ import annotations

import argparse
import multiprocessing
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack

import sandbox
from tests import conftest
from tests.reliability.chaos.invoking import Tally, impatient_clients
from tests.reliability.chaos.plan import FAULT_KINDS, Plan
from tests.reliability.chaos.runs import play, play_plan, said_beforehand
from tests.reliability.chaos.seeds import plan_of, shrink
from tests.reliability.chaos.story import PromiseBroken
from tests.reliability.summary import print_summary

Outcome = tuple[int, Tally, str | None]
"""A seed, what happened in its run, and what was broken."""

_FEATURES = (
    *("type ", "key ", "hot partition", "items near", "empty table", "mode ", "method ", "driver "),
    *("restore to a time", "paced", "export fails"),
)

_running: list[sandbox.Sandbox] = []


def main() -> int:
    """Play the runs, tell of each failure at once, and end with the tables; 1 if a promise was broken."""
    options = _options()
    conftest.forget_the_person()
    first = secrets.randbelow(10**9) if options.seed is None else options.seed
    if options.shrink:
        return _shrink(first)
    seeds = range(first, first + options.runs)
    _say(f"seeds {seeds[0]} to {seeds[-1]}; one alone: make chaos SEED={first} RUNS=1")
    began = time.monotonic()
    outcomes = []
    for seed, tally, broken in _played(seeds, options.workers):
        outcomes.append((seed, tally, broken))
        if broken:
            _say(f"\nseed {seed} failed: {broken}\n")
        if len(outcomes) % 25 == 0:
            _say(f"{len(outcomes)} runs, {time.monotonic() - began:,.0f} s")
    _report(outcomes)
    failed = [seed for seed, _, broken in outcomes if broken]
    for seed in failed:
        _say(f"failed: make chaos SEED={seed} RUNS=1, and to make it smaller: make chaos SEED={seed} SHRINK=1")
    return 1 if failed else 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="the first run's seed; any other by default")
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2, help="runs at a time, each in a sandbox of its own")
    parser.add_argument("--shrink", action="store_true", help="find the smallest plan of --seed that still fails")
    return parser.parse_args()


def _played(seeds: range, workers: int) -> Iterator[Outcome]:
    if workers == 1 or len(seeds) == 1:
        _begin()
        yield from map(_play, seeds)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_begin) as pool:
        yield from pool.map(_play, seeds)


def _begin() -> None:
    """Start the sandbox of this process; it ends with the process."""
    conftest.forget_the_person()
    stack = ExitStack()
    _running.append(stack.enter_context(sandbox.start()))
    stack.enter_context(impatient_clients())
    _kept_open.append(stack)


_kept_open: list[ExitStack] = []


def _play(seed: int) -> Outcome:
    try:
        return seed, play(_running[0], seed), None
    except PromiseBroken as error:
        return seed, said_beforehand(plan_of(seed)), str(error)


def _shrink(seed: int) -> int:
    _begin()

    def play_smaller(plan: Plan) -> None:
        play_plan(_running[0], plan, f"chaos-{seed}")

    try:
        shrink(seed, play_smaller)
    except PromiseBroken as error:
        _say(str(error))
        return 1
    _say(f"seed {seed} does not fail")
    return 0


def _report(outcomes: list[Outcome]) -> None:
    total = Tally()
    failures = Counter[str]()
    for _, tally, broken in outcomes:
        total.add(tally)
        if broken:
            failures.update(set(tally.counts))
    counts = total.counts
    kinds = [(f"fault {kind}", total.hits[kind]) for kind in FAULT_KINDS]
    rows = [(name.removeprefix("fault "), counts[name], hits, failures[name]) for name, hits in kinds]
    print_summary("Faults that hit something", ("kind", "runs", "requests", "failures"), rows)
    prefixes = (
        "type ",
        "key ",
        "mode ",
        "method ",
        "driver ",
        "hot",
        "items near",
        "empty",
        "restore to",
        "paced",
        "export f",
    )
    named = sorted(name for name in counts if name.startswith(prefixes))
    print_summary("What was backed up, and how", ("", "runs", "failures"), [(n, counts[n], failures[n]) for n in named])
    names = ["AWS calls", "invocations", "kills", "doubled", "clock jumps", "answer 200", "answer 202"]
    names += ["answer 207", "answer 500", "answer none", "honest failures"]
    rows_of_all: list[tuple[str, int]] = [("runs", len(outcomes)), *((name, counts[name]) for name in names)]
    broken_runs = sum(broken is not None for _, _, broken in outcomes)
    print_summary("Altogether", ("", "number"), [*rows_of_all, ("broken promises", broken_runs)])


if __name__ == "__main__":
    sys.exit(main())
