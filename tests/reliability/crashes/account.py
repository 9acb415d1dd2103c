"""An AWS account inside this process, and the product's invocations in it: each of their calls may be the last one.

The product's own clients are used, down to the request as it would be sent; botocore hands it over instead of sending.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import boto3
import botocore.handlers
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from sandbox.environment import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from tests.reliability.crashes.clock import CLOCK
from tests.reliability.crashes.emulator import Emulator

__all__ = ["ENDPOINT", "Account", "Kill", "Killed", "Moment"]

ENDPOINT = "http://127.0.0.1:9"
"""Nothing listens there: what would really be sent fails."""

Moment = Literal["before", "after"]
Handler = Callable[[Any, Any], dict[str, Any]]

SECONDS_OF_A_CALL = 0.05
LONGEST_UNWINDING_SECONDS = 30.0


class Killed(BaseException):
    """The invocation is gone, as when Lambda ends it: no handler may catch this."""


@dataclass(frozen=True)
class Kill:
    """The number of the call, from 1, and whether it is carried out before the invocation is gone."""

    call: int
    moment: Moment


class Context:
    """A Lambda context in virtual time."""

    def __init__(self, seconds: float, request_id: str) -> None:
        self._ends = CLOCK.seconds() + seconds
        self.aws_request_id = request_id

    def get_remaining_time_in_millis(self) -> int:
        return max(0, round((self._ends - CLOCK.seconds()) * 1000))


@dataclass
class Account:
    """The account.

    ``calls`` are those of the invocations so far, in order; ``died`` is the invocation that a kill hit.

    ``spared`` invocations are not counted: the case is about those before.
    """

    emulator: Emulator = field(default_factory=Emulator)
    kill: Kill | None = None
    calls: list[str] = field(default_factory=list)
    invocations: int = 0
    died: int | None = None
    spared: bool = False
    _running: bool = False
    _inside: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _ghosts: set[threading.Thread] = field(default_factory=set)
    _clients: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        botocore.handlers.BUILTIN_HANDLERS.append(("before-send", self.answer))

    def reset(self) -> None:
        """Be an empty account again, at the time at which every account begins."""
        self.emulator.reset()
        self.calls, self.invocations, self.died, self.spared = [], 0, None, False
        CLOCK.reset()

    def client(self, service: str) -> Any:
        """Return a client for whoever prepares and looks: its calls are not counted and never killed."""
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                region_name=REGION,
                endpoint_url=ENDPOINT,
                aws_access_key_id=ACCESS_KEY_ID,
                aws_secret_access_key=SECRET_ACCESS_KEY,
                config=Config(s3={"addressing_style": "path"}),
            )
        return self._clients[service]

    def invoke(self, handler: Handler, event: object, *, seconds: float = 300.0) -> dict[str, Any]:
        """Invoke a function as Lambda does. Raises ``Killed`` where it gave no answer."""
        self.invocations += 1
        self._running = True
        try:
            answer = handler(json.loads(json.dumps(event)), Context(seconds, f"request-{self.invocations}"))
        finally:
            self._running = False
            self._bury()
        if self._is_dead():
            raise Killed
        return dict(json.loads(json.dumps(answer)))

    def count(self, operation: str) -> int:
        """Return how often an operation (``dynamodb.ImportTable``) was called, killed calls included."""
        return sum(call.split()[0] == operation for call in self.calls)

    def answer(self, request: Any, event_name: str, **_: object) -> AWSResponse:
        """Answer a request that a client was about to send."""
        with self._lock:
            if self._inside or not self._running or self.spared:
                return self._carried_out(request)
            if self._is_dead() or threading.current_thread() in self._ghosts:
                raise Killed
            CLOCK.advance(SECONDS_OF_A_CALL)
            self.calls.append(f"{event_name.removeprefix('before-send.')} {_subject(request)}".strip())
            number = len(self.calls)
            self._die_at(Kill(number, "before"))
            answer = self._carried_out(request)
            self._die_at(Kill(number, "after"))
            return answer

    def _is_dead(self) -> bool:
        return self.died == self.invocations

    def _die_at(self, moment: Kill) -> None:
        if self.kill == moment:
            self.died = self.invocations
            raise Killed

    def _bury(self) -> None:
        """Wait for the invocation's threads; of those that live on nothing more goes out."""
        for thread in threading.enumerate():
            if thread is not threading.current_thread():
                thread.join(LONGEST_UNWINDING_SECONDS)
                if thread.is_alive():
                    self._ghosts.add(thread)

    def _carried_out(self, request: Any) -> AWSResponse:
        if self._inside:
            return self.emulator.answer(request)
        self._inside = True
        try:
            self.emulator.do_what_is_due()
            return self.emulator.answer(request)
        finally:
            self._inside = False


def _subject(request: Any) -> str:
    path = unquote(urlsplit(request.url).path)
    return "" if path == "/" else path
