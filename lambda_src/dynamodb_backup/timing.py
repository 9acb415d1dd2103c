"""Deadlines and pauses. Time is injected, so that tests need not wait."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from copy import copy
from datetime import UTC, datetime
from typing import Protocol

__all__ = ["Clock", "Deadline", "backoff_seconds", "iso", "moment_of", "moment_or_none", "utc_now", "utc_stamp"]

ANSWER_MARGIN_SECONDS = 5.0
LONGEST_INVOCATION_SECONDS = 900.0
"""Lambda's own limit; assumed where the context tells no deadline (a local call)."""

Clock = Callable[[], datetime]


class LambdaContext(Protocol):
    """The part of Lambda's context object that we use."""

    def get_remaining_time_in_millis(self) -> int: ...


class Deadline:
    """When this invocation must stop working in order to answer in time.

    Work stops about five seconds before Lambda would kill the function. When less than ten seconds are left, half of
    them are worked, so that every turn makes progress, also a short one.
    """

    def __init__(self, seconds: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._stop_at = monotonic() + max(seconds - ANSWER_MARGIN_SECONDS, seconds / 2)

    @classmethod
    def of(cls, context: LambdaContext | None) -> Deadline:
        """Return the deadline of a Lambda invocation; fifteen minutes where the context names none."""
        remaining = getattr(context, "get_remaining_time_in_millis", None)
        return cls(remaining() / 1000 if remaining else LONGEST_INVOCATION_SECONDS)

    def remaining(self) -> float:
        """Return the seconds left for work, never below 0."""
        return max(0.0, self._stop_at - self._monotonic())

    def passed(self) -> bool:
        return self.remaining() <= 0

    def within(self, seconds: float) -> Deadline:
        """Return a deadline for a part of the work: so many seconds from now, or this one if it comes first."""
        part = copy(self)
        part._stop_at = min(self._stop_at, self._monotonic() + seconds)  # noqa: SLF001 - one of our own
        return part

    def sleep(self, seconds: float) -> None:
        """Sleep that long, or until the deadline, whichever comes first."""
        time.sleep(min(seconds, self.remaining()))


def backoff_seconds(*, first: float = 0.05, longest: float = 5.0) -> Iterator[float]:
    """Yield pauses for retries without end: exponential, capped, with full jitter."""
    ceiling = first
    while True:
        yield random.uniform(0, ceiling)  # noqa: S311 - jitter, not cryptography
        ceiling = min(longest, ceiling * 2)


def utc_now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """Return UTC in ISO 8601 with milliseconds and ``Z``, as DynamoDB's manifests write it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_of(text: str) -> datetime:
    """Return a moment that stands in ISO 8601 with its time zone, in UTC.

    Raises
    ------
    ValueError
        It is none, has no time zone, or lies outside of the years 1 to 9999 in UTC.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo:
            return moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        pass
    raise ValueError("a time is none, or has no time zone")


def moment_or_none(text: object) -> datetime | None:
    """Return a moment that somebody else wrote in ISO 8601; ``None`` if it is none, or has no time zone."""
    try:
        return moment_of(str(text))
    except ValueError:
        return None


def utc_stamp(moment: datetime) -> str:
    """Return UTC to the second without separators, ``20260801T030000Z``: for names that allow no colon."""
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
