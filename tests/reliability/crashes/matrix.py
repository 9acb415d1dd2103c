"""Every call of a use case as the last one of its invocation: in a copy of the process, and so of the account, each."""

from __future__ import annotations

import faulthandler
import gc
import os
import pickle
import re
import select
import signal
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.reliability.crashes.account import Account, Kill, Killed
from tests.reliability.crashes.case import UseCase

__all__ = ["Failure", "Tried", "in_copy", "moments_of", "states_of", "try_case", "warm_up"]

LONGEST_SECONDS = 120
"""A run that takes longer hangs, and is a failure."""

TELL_WHERE = signal.SIGUSR1
faulthandler.register(TELL_WHERE, all_threads=True)

T = TypeVar("T")
Choice = Callable[[Sequence[str]], Sequence[Kill]]

_ONLY_READS = re.compile(r"\w+\.(Get|Head|List|Describe|BatchGet|Scan|Query)")


@dataclass(frozen=True)
class Failure:
    """A kill after which something did not hold."""

    case: str
    kill: Kill | None
    call: str
    trace: str

    def __str__(self) -> str:
        if self.kill is None:
            return f"{self.case}, without a kill:\n{self.trace}"
        replay = (
            f"python -m tests.reliability.crashes --only '{self.case}' --call {self.kill.call} --{self.kill.moment}"
        )
        return f"{self.case}, killed {self.kill.moment} call {self.kill.call} ({self.call}); {replay}\n{self.trace}"


@dataclass
class Tried:
    """What was tried of one use case. ``calls`` is how many it makes when nobody kills it."""

    case: str
    calls: int = 0
    kills: int = 0
    again: int = 0
    failures: list[Failure] = field(default_factory=list)


@dataclass(frozen=True)
class _Run:
    calls: list[str]
    invocations: int
    died: bool
    trace: str | None


def states_of(calls: Sequence[str]) -> list[Kill]:
    """Return one kill for each different account that a kill can leave: at the very start, and after each change.

    Calls are carried out one after the other. So a kill before a call leaves the account as one after the call before
    it did, and one after a call that only reads leaves it as one before that call.
    """
    changing = [number for number, call in enumerate(calls, start=1) if not _ONLY_READS.match(call)]
    return [Kill(1, "before"), *(Kill(number, "after") for number in changing)]


def moments_of(calls: Sequence[str]) -> list[Kill]:
    """Return both kills of each call, those that leave the same account included."""
    return [Kill(number, moment) for number in range(1, len(calls) + 1) for moment in ("before", "after")]


def try_case(account: Account, case: UseCase, choose: Choice) -> Tried:
    """Prepare a use case, run it without a kill, and then with each kill that is chosen by its calls."""
    tried = Tried(case.name)
    try:
        _prepare(account, case)
    except Exception:  # noqa: BLE001 - told with the rest
        tried.failures.append(Failure(case.name, None, "", traceback.format_exc()))
        return tried
    # What is there stays as it is in memory: a garbage collection in a copy would copy all of it.
    gc.collect()
    gc.freeze()
    whole = _run(account, case, None)
    if whole.trace:
        tried.failures.append(Failure(case.name, None, "", whole.trace))
        return tried
    tried.calls = len(whole.calls)
    for kill in choose(whole.calls):
        run = _run(account, case, kill)
        tried.kills += run.died
        tried.again += run.invocations
        if run.trace:
            call = run.calls[kill.call - 1] if len(run.calls) >= kill.call else "which did not come"
            tried.failures.append(Failure(case.name, kill, call, run.trace))
    return tried


def warm_up(account: Account, case: UseCase) -> None:
    """Do it once in this process: what clients and modules find out at first calls, each copy would find out again."""
    with suppress(Exception):
        _prepare(account, case)
        case.act(account)
    account.reset()


def _prepare(account: Account, case: UseCase) -> None:
    account.spared = True
    case.prepare(account)
    account.spared = False


def _run(account: Account, case: UseCase, kill: Kill | None) -> _Run:
    def run() -> _Run:
        account.kill = kill
        trace = None
        try:
            case.check(account, case.act(account))
        except BaseException:  # noqa: BLE001 - the copy of the process ends here, whatever it was
            trace = traceback.format_exc()
        after = account.invocations - (account.died or account.invocations)
        return _Run(account.calls, after, account.died is not None, trace)

    try:
        return in_copy(run, longest=LONGEST_SECONDS)
    except RuntimeError as error:
        return _Run([], 0, died=kill is not None, trace=str(error))


def in_copy(work: Callable[[], T], *, longest: float | None = None) -> T:
    """Do something in a copy of this process, and return what it returned.

    Raises
    ------
    RuntimeError
        The copy ended without an answer, or hung.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        gc.disable()
        threading.excepthook = _tell_of_a_thread_s_end
        status = 1
        try:
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(work(), pipe)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    answer: T = _received(child, reading, longest)
    return answer


def _tell_of_a_thread_s_end(end: threading.ExceptHookArgs) -> None:
    """Print why a thread ended, unless the kill ended it, which is what was wanted."""
    if end.exc_type is not Killed:
        threading.__excepthook__(end)


def _received(child: int, reading: int, longest: float | None) -> Any:
    parts = []
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        while True:
            ready, _, _ = select.select([pipe], [], [], longest)
            if not ready:
                os.kill(child, TELL_WHERE)
                os.kill(child, signal.SIGKILL)
                break
            part = pipe.read(1 << 20)
            if not part:
                break
            parts.append(part)
    _, status = os.waitpid(child, 0)
    if status != 0:
        raise RuntimeError(f"a copy of the process hung or died (status {status})")
    return pickle.loads(b"".join(parts))
