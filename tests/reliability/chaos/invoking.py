"""Calling the functions as Lambda would, with a trouble's kills, deadlines, doubles and clock jumps."""

from __future__ import annotations

import io
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from types import SimpleNamespace
from typing import Any, Self

import pytest

from dynamodb_backup import aws as function_clients
from dynamodb_backup import aws_errors, timing
from dynamodb_backup.backup import chain_steps
from dynamodb_backup.backup import run as backup_run
from dynamodb_backup.table import batch_call
from dynamodb_backup.telemetry import logger
from sandbox import Sandbox
from sandbox.environment import ACCESS_KEY_ID
from tests.reliability.chaos.plan import PATIENCE_SECONDS, Trouble
from tests.scenario.restore.kit import LambdaContext, listening

Handler = Callable[[Any, Any], dict[str, Any]]
Event = Mapping[str, Any]

ENOUGH_SECONDS = 60
PAUSES_SHARE = 0.05
"""Pauses between retries are this much of what they are in Lambda."""


class Killed(BaseException):
    """The invocation is gone, as when Lambda ends it: no handler may catch this."""


class Cut:
    """Ends what runs at one AWS call: it and all later ones do not go out."""

    def __init__(self, at: int | None) -> None:
        self._at = at
        self._lock = threading.Lock()
        self.calls = 0
        self.dead = False

    def __call__(self, **_: Any) -> None:
        with self._lock:
            self.calls += not self.dead
            if self._at is not None and self.calls >= self._at:
                self.dead = True
            if self.dead:
                raise Killed


@dataclass
class Clock:
    """How far the functions' clock is from the real one."""

    ahead: timedelta = timedelta(0)

    def put_forward(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)

    def as_datetime(self) -> type[datetime]:
        """Return a ``datetime`` that tells the functions' time."""
        clock = self

        class Jumping(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Self:
                return cls.fromtimestamp(datetime.now(UTC).timestamp(), tz) + clock.ahead

        return Jumping


@contextmanager
def hurried_functions(clock: Clock, variables: Mapping[str, str]) -> Iterator[io.StringIO]:
    """Make this process the functions of an account, with short pauses and little patience; yield what they log."""
    printed = io.StringIO()
    own_chance = random.Random(0)
    jitter = SimpleNamespace(uniform=lambda low, high: own_chance.uniform(low, high) * PAUSES_SHARE)
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in variables.items():
            patch.setenv(name, value)
        patch.setattr(timing, "datetime", clock.as_datetime())
        patch.setattr(timing, "random", jitter)
        patch.setattr(backup_run, "FIRST_PAUSE_SECONDS", 0.05)
        patch.setattr(backup_run, "PAUSE_BETWEEN_CALLS_SECONDS", 0.005)
        patch.setattr(chain_steps, "SHORTEST_WINDOW", timedelta(seconds=1))
        # A call is given up for its five attempts, never because this machine is busy.
        patch.setattr(aws_errors, "LONGEST_PATIENCE_SECONDS", ENOUGH_SECONDS)
        patch.setattr(batch_call, "LONGEST_ANSWER_SECONDS", PATIENCE_SECONDS)
        patch.setattr(logger.registered_handler, "stream", printed)
        patch.setattr(threading, "excepthook", _unless_killed)
        stack.enter_context(redirect_stdout(printed))
        yield printed


@contextmanager
def impatient_clients() -> Iterator[None]:
    """Have the functions' clients wait less long for an answer; they are made once for many runs."""
    function_clients._clients_for.cache_clear()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(function_clients, "LONGEST_ANSWER_SECONDS", PATIENCE_SECONDS)
            yield
    finally:
        function_clients._clients_for.cache_clear()


def _unless_killed(arguments: threading.ExceptHookArgs) -> None:
    if not isinstance(arguments.exc_value, Killed):
        threading.__excepthook__(arguments)


@dataclass
class Tally:
    """What happened in one run, or, added up, in many."""

    counts: Counter[str] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        self.counts.update(other.counts)
        self.hits.update(other.hits)


class Invoker:
    """Invokes functions one after the other, each in the trouble whose turn it is.

    ``None`` is an answer that never came.
    """

    def __init__(self, aws: Sandbox, clock: Clock, tally: Tally) -> None:
        self._aws = aws
        self._clock = clock
        self._tally = tally
        self._faults: list[tuple[str, Any]] = []
        self._kills: list[int | None] = []
        self._seconds: list[float] = []
        self._doubled: list[bool] = []
        self._jumps: list[float] = []
        self.history: list[str] = []
        self.disturbed = 0
        """How many invocations were cut, or ran twice at a time."""

    def meet(self, trouble: Trouble) -> None:
        """Begin a phase."""
        self._faults = [
            (one.kind, self._aws.faults.inject(replace(one.fault, caller=ACCESS_KEY_ID))) for one in trouble.faults
        ]
        self._kills, self._seconds = list(trouble.kills), list(trouble.seconds)
        self._doubled, self._jumps = list(trouble.doubled), list(trouble.jumps)

    def calm(self) -> set[str]:
        """End all trouble, count it, and return the kinds of faults that hit something in this phase."""
        hit = Counter[str]()
        for kind, fault in self._faults:
            hit[kind] += fault.hits
        self._aws.faults.clear()
        self._faults = []
        self._kills, self._seconds, self._doubled, self._jumps = [], [], [], []
        kinds = {kind for kind, hits in hit.items() if hits}
        self._tally.hits.update(hit)
        self._tally.counts.update(f"fault {kind}" for kind in kinds)
        return kinds

    def __call__(self, handler: Handler, event: Event) -> dict[str, Any] | None:
        """Invoke once, or twice at a time, and return the first one's answer."""
        cut = Cut(self._kills.pop(0) if self._kills else None)
        seconds = self._seconds.pop(0) if self._seconds else ENOUGH_SECONDS
        doubled = self._doubled.pop(0) if self._doubled else False
        jump = self._jumps.pop(0) if self._jumps else 0
        self._clock.put_forward(jump)

        def invoke(_: int = 0) -> dict[str, Any] | None:
            try:
                response = handler(json.loads(json.dumps(event)), LambdaContext(seconds))
            except Killed:
                return None
            return dict(json.loads(json.dumps(response)))

        clients = function_clients.clients()
        with ExitStack() as stack:
            for client in (clients.s3, clients.dynamodb, clients.dynamodb_writes):
                stack.enter_context(listening(client, "before-send", cut))
            if doubled:
                with ThreadPoolExecutor(2) as pool:
                    answer, _ = pool.map(invoke, range(2))
            else:
                answer = invoke()
        self._note(event, answer, cut, doubled=doubled, jump=jump, seconds=seconds)
        return answer

    def _note(
        self, event: Event, answer: dict[str, Any] | None, cut: Cut, *, doubled: bool, jump: float, seconds: float
    ) -> None:
        self.disturbed += cut.dead or doubled
        code = answer["statusCode"] if answer else "none"
        named = {f"answer {code}": 1, "AWS calls": cut.calls, "invocations": 1 + doubled}
        named |= {"kills": int(cut.dead), "doubled": int(doubled), "clock jumps": int(bool(jump))}
        self._tally.counts.update(named)
        errors = _errors(answer["body"]) if answer else ""
        how = f"{seconds} s, {cut.calls} calls" + ", doubled" * doubled + ", killed" * cut.dead
        self.history.append(f"{json.dumps(event)[:300]} ({how}, clock {jump:+}): {code} {errors}")


def _errors(body: Mapping[str, Any]) -> str:
    rows = [*body.get("export_results", ()), *body.get("restore_results", ())]
    told = [body.get("error"), *(f"{row['status']}: {row['error']}" for row in rows)]
    return " | ".join(str(one) for one in told if one)
