"""The long run: which use cases, which kills, on how many processes; and its table."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from tests import botocore_once
from tests.reliability.crashes.account import Account, Kill
from tests.reliability.crashes.case import UseCase
from tests.reliability.crashes.cases.backups import CASES as BACKUPS
from tests.reliability.crashes.cases.doors import CASES as DOORS
from tests.reliability.crashes.cases.others import CASES as OTHERS
from tests.reliability.crashes.cases.restores import CASES as RESTORES
from tests.reliability.crashes.cases.steps import CASES as STEPS
from tests.reliability.crashes.clock import CLOCK
from tests.reliability.crashes.matrix import Choice, Tried, in_copy, moments_of, states_of, try_case, warm_up
from tests.reliability.summary import print_summary

T = TypeVar("T")
CASES = [*BACKUPS, *RESTORES, *STEPS, *OTHERS, *DOORS]


def main() -> int:
    """Try what the arguments say; 1 if anything did not hold."""
    arguments = _arguments()
    botocore_once.remember()
    CLOCK.install_in(("dynamodb_backup", "ministack", "sandbox", "tests"))
    account = Account()
    tried = []
    cases = _warmed_up(
        account, [case for case in CASES if any(part in case.name for part in arguments.only.split("|"))]
    )
    # A collection in a copy goes through, and so copies, what is not frozen.
    gc.collect()
    gc.freeze()
    for case in cases:
        one = in_copy(partial(_in_silence, partial(try_case, account, case, _choice(arguments))))
        tried.append(one)
        _say(f"{one.case}: {one.calls} calls, {one.kills} kills, {len(one.failures)} failures")
        for failure in one.failures[: arguments.show]:
            _say(str(failure))
    print_summary(
        "Crashes",
        ("use case", "calls", "moments", "different accounts", "invoked again", "result"),
        [(one.case, one.calls, 2 * one.calls, one.kills, one.again, _result(one)) for one in tried],
    )
    return any(one.failures for one in tried)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _warmed_up(account: Account, cases: Sequence[UseCase]) -> Sequence[UseCase]:
    for name in {case.name.split(",")[0]: case.name for case in reversed(cases)}.values():
        _in_silence(partial(warm_up, account, next(case for case in cases if case.name == name)))
    return cases


def _in_silence(work: Callable[[], T]) -> T:
    """Do something without the lines and metrics that the functions print."""
    sys.stdout.flush()
    kept, null = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    try:
        return work()
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
        os.close(null)


def _choice(arguments: argparse.Namespace) -> Choice:
    if arguments.call:
        return lambda _: [Kill(arguments.call, arguments.moment)]
    all_of = moments_of if arguments.both else states_of
    return lambda calls: _spread(all_of(calls), arguments.most)


def _spread(kills: Sequence[Kill], most: int | None) -> Sequence[Kill]:
    """Return so many of them at most, and always the same: from the middle of as many parts."""
    if most is None or len(kills) <= most:
        return kills
    return [kills[(2 * number + 1) * len(kills) // (2 * most)] for number in range(most)]


def _result(tried: Tried) -> str:
    return f"{len(tried.failures)} FAILED" if tried.failures else "all held"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", default="", help="use cases with this in their names, or with one of several divided by |"
    )
    parser.add_argument("--most", type=int, help="so many kills of each use case at most, spread over its calls")
    parser.add_argument(
        "--both", action="store_true", help="before and after each call, though most leave the same account"
    )
    parser.add_argument("--call", type=int, help="one call alone")
    parser.add_argument("--before", dest="moment", action="store_const", const="before", default="after")
    parser.add_argument("--after", dest="moment", action="store_const", const="after")
    parser.add_argument("--show", type=int, default=3, help="so many failures of a use case are shown whole")
    return parser.parse_args()
