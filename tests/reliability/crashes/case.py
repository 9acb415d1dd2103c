"""What a use case is: an account prepared, an act that somebody begins again when it dies, and what must then hold."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.reliability.crashes.account import Account, Handler, Killed
from tests.reliability.crashes.clock import CLOCK

__all__ = ["Answer", "UseCase", "done", "insisting", "retried"]

Answer = dict[str, Any]

MOST_TURNS = 60
RETRY_SECONDS = 30.0
"""Step Functions' first pause for a function that died (templates/lambda_retry.json); Lambda's own is a minute."""


@dataclass(frozen=True)
class UseCase:
    """``act`` does everything, whoever does it again included, and returns what ``check`` is to judge."""

    name: str
    prepare: Callable[[Account], None]
    act: Callable[[Account], Any]
    check: Callable[[Account, Any], None]
    cheap: bool = False
    """Whether every kill is tried in each run of the tests, and not a part of them."""


def retried(call: Callable[[], Answer], *, after: float = RETRY_SECONDS) -> Answer:
    """Make a call, and make the same again after a pause if it died."""
    with suppress(Killed):
        return call()
    CLOCK.advance(after)
    return call()


def insisting(
    account: Account,
    handler: Handler,
    event: dict[str, Any],
    *,
    id_field: str | None = None,
    only_id: bool = False,
    seconds: float = 300.0,
    pause: float = 10.0,
) -> Answer:
    """Send an event until its answer is not 202, with the answer's id from the first one on; a dead turn is repeated.

    Whoever sends knows an id only from an answer that arrived.
    """
    answer: Answer = {}
    for _ in range(MOST_TURNS):
        answer = retried(partial(account.invoke, handler, event, seconds=seconds))
        if answer["statusCode"] != 202:
            return answer
        if id_field:
            event = {**({} if only_id else event), id_field: answer["body"][id_field]}
        CLOCK.advance(pause)
    raise AssertionError(f"no end after {MOST_TURNS} turns: {answer}")


def done(answer: Answer) -> dict[str, Any]:
    """Return the body of an answer that is a 200."""
    assert answer["statusCode"] == 200, answer
    body: dict[str, Any] = answer["body"]
    return body
