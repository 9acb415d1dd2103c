"""Deadlines and pauses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from typing import Any

import pytest

from dynamodb_backup.timing import LONGEST_INVOCATION_SECONDS, Deadline, backoff_seconds, iso, moment_of


class Seconds:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("left", "work"), [(900, 895), (60, 55), (10, 5), (8, 4), (1, 0.5), (0, 0)], ids=lambda value: f"{value}"
)
def test_work_stops_in_time_to_answer_and_even_a_short_turn_has_some(left: float, work: float) -> None:
    clock = Seconds()
    deadline = Deadline(left, monotonic=clock)
    assert deadline.remaining() == pytest.approx(work)
    clock.now += work
    assert deadline.passed()
    clock.now += 100
    assert deadline.remaining() == 0


class Context:
    """What Lambda gives."""

    def get_remaining_time_in_millis(self) -> int:
        return 20_000


def test_the_deadline_is_lambdas_own() -> None:
    assert Deadline.of(Context()).remaining() == pytest.approx(15, abs=0.5)


def test_a_local_call_has_lambdas_longest_time() -> None:
    assert Deadline.of(None).remaining() == pytest.approx(LONGEST_INVOCATION_SECONDS - 5, abs=0.5)


def test_sleep_ends_with_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    clock = Seconds()
    deadline = Deadline(15, monotonic=clock)
    deadline.sleep(3)
    clock.now += 9
    deadline.sleep(3)
    clock.now += 9
    deadline.sleep(3)
    assert slept == [3, pytest.approx(1), 0]


def test_pauses_grow_to_a_limit_and_are_never_alike() -> None:
    pauses = [list(islice(backoff_seconds(first=1, longest=8), 12)) for _ in range(50)]
    for number, ceiling in enumerate([1, 2, 4, 8, 8, 8]):
        assert all(0 <= pause[number] <= ceiling for pause in pauses)
    assert max(pause[11] for pause in pauses) > 4
    assert len({tuple(pause) for pause in pauses}) == 50


def test_times_are_utc_with_milliseconds_and_z() -> None:
    assert iso(datetime(2026, 1, 31, 23, 59, 59, 123999, tzinfo=UTC)) == "2026-01-31T23:59:59.123Z"
    eastern = timezone(timedelta(hours=-5))
    assert iso(datetime(2026, 1, 31, 23, 0, tzinfo=eastern)) == "2026-02-01T04:00:00.000Z"


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-01-31", "2026-01-31T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", 7, None],
)
def test_what_is_no_moment_in_utc_is_a_value_error(text: Any) -> None:
    with pytest.raises(ValueError, match="a time is none, or has no time zone"):
        moment_of(text)


def test_a_moment_is_in_utc() -> None:
    assert moment_of("2026-01-31T02:00:00+02:00") == datetime(2026, 1, 31, tzinfo=UTC)
    assert moment_of("2026-01-31T00:00:00Z").tzinfo == UTC
