"""The long chaos run: many seeds, some at a time, and a table of what happened. ``make chaos`` calls it."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections import Counter

from tests import conftest
from tests.reliability.chaos.invoking import Tally
from tests.reliability.chaos.plan import FAULT_KINDS, Plan
from tests.reliability.chaos.runs import play_plan
from tests.reliability.chaos.seeds import fingerprint, shrink
from tests.reliability.chaos.story import PromiseBroken
from tests.reliability.chaos.workers import Outcome, begin, played
from tests.reliability.summary import print_summary

_FEATURES = (
    *("type ", "key ", "hot partition", "items near", "empty table", "mode ", "method ", "driver "),
    *("restore to a time", "paced", "export fails"),
)


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
    for seed, tally, broken in played(seeds, options.workers):
        outcomes.append((seed, tally, broken))
        if broken:
            _say(f"\nseed {seed} failed: {broken}\n")
        if len(outcomes) % 25 == 0:
            _say(f"{len(outcomes)} runs, {time.monotonic() - began:,.0f} s")
    _report(outcomes)
    _say(f"plans {fingerprint(seeds)}")
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


def _shrink(seed: int) -> int:
    aws = begin()

    def play_smaller(plan: Plan) -> None:
        play_plan(aws, plan, f"chaos-{seed}")

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
    named = sorted(name for name in counts if name.startswith(_FEATURES))
    print_summary("What was backed up, and how", ("", "runs", "failures"), [(n, counts[n], failures[n]) for n in named])
    names = ["AWS calls", "invocations", "kills", "doubled", "clock jumps", "answer 200", "answer 202"]
    names += ["answer 207", "answer 500", "answer none", "honest failures"]
    rows_of_all: list[tuple[str, int]] = [("runs", len(outcomes)), *((name, counts[name]) for name in names)]
    broken_runs = sum(broken is not None for _, _, broken in outcomes)
    print_summary("Altogether", ("", "number"), [*rows_of_all, ("broken promises", broken_runs)])


if __name__ == "__main__":
    sys.exit(main())
