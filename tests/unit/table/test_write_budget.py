"""Pace of writing: what a table may be asked for, and that no more is asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from dynamodb_backup.table.batch_write import Outcome
from dynamodb_backup.table.write_budget import PacedWriter, WriteBudget, default_budget
from dynamodb_backup.timing import Deadline

LINE = b"x" * 1000


class Time:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class SleepingDeadline(Deadline):
    def __init__(self, time: Time, seconds: float) -> None:
        super().__init__(seconds + 5, monotonic=time)
        self._time = time

    def sleep(self, seconds: float) -> None:
        self._time.now += min(seconds, self.remaining())


class Recorder:
    """Takes everything, and remembers when and how much."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self.sent: list[tuple[float, int]] = []

    def put(self, lines: Sequence[bytes]) -> Outcome:
        self.sent.append((self.time.now, len(lines)))
        return Outcome(written=len(lines))

    def delete(self, keys: Sequence[dict[str, Any]]) -> Outcome:
        self.sent.append((self.time.now, len(keys)))
        return Outcome(written=len(keys))


def writer(rate: float, seconds: float, **how: int) -> tuple[PacedWriter, Recorder, Time]:
    time = Time()
    recorder = Recorder(time)
    budget = WriteBudget(rate, monotonic=time)
    return PacedWriter(recorder, budget, SleepingDeadline(time, seconds), **how), recorder, time


@pytest.mark.parametrize(
    ("description", "budget"),
    [
        ({}, None),
        ({"ProvisionedThroughput": {"WriteCapacityUnits": 0}}, None),
        ({"ProvisionedThroughput": {"WriteCapacityUnits": 100}}, 80),
        ({"WarmThroughput": {"WriteUnitsPerSecond": 4000}}, 3200),
        ({"OnDemandThroughput": {"MaxWriteRequestUnits": -1}}, None),
        (
            {"OnDemandThroughput": {"MaxWriteRequestUnits": 50}, "WarmThroughput": {"WriteUnitsPerSecond": 4000}},
            40,
        ),
        # Provisioned tables are warm for more than what they are provisioned with, and charged with.
        (
            {"ProvisionedThroughput": {"WriteCapacityUnits": 10}, "WarmThroughput": {"WriteUnitsPerSecond": 4000}},
            8,
        ),
        (
            {
                "ProvisionedThroughput": {"WriteCapacityUnits": 100},
                "GlobalSecondaryIndexes": [{"ProvisionedThroughput": {"WriteCapacityUnits": 5}}],
            },
            4,
        ),
    ],
)
def test_the_default_is_a_share_of_the_least_that_the_table_or_an_index_has(
    description: dict[str, Any], budget: float | None
) -> None:
    assert default_budget(description) == budget


def test_writes_keep_to_the_rate_after_the_first_second() -> None:
    paced_writer, recorder, time = writer(rate=100, seconds=1000)
    for _ in range(40):
        assert paced_writer.put([LINE] * 25).settled == 25
    elapsed = time.now - 100.0
    # A thousand units at a hundred a second, of which the first second's worth was there from the start.
    assert elapsed == pytest.approx(9.0, abs=0.5)
    for start in range(1, int(elapsed)):
        in_second = sum(count for moment, count in recorder.sent if start <= moment - 100.0 < start + 1)
        assert in_second <= 125


def test_an_item_above_a_seconds_worth_is_written_and_paid_back() -> None:
    paced_writer, recorder, time = writer(rate=10, seconds=1000)
    assert paced_writer.put([b"x" * 102_400]).settled == 1
    assert time.now == 100.0
    assert paced_writer.put([LINE]).settled == 1
    assert time.now == pytest.approx(109.0, abs=0.1)
    assert [count for _, count in recorder.sent] == [1, 1]


def test_a_batch_above_a_seconds_worth_is_sent_in_parts() -> None:
    paced_writer, recorder, _ = writer(rate=10, seconds=1000)
    assert paced_writer.put([LINE] * 25).settled == 25
    assert [count for _, count in recorder.sent] == [10, 10, 5]


def test_waiting_ends_at_the_deadline_and_what_was_not_sent_is_still_to_do() -> None:
    paced_writer, recorder, time = writer(rate=2, seconds=5)
    outcome = paced_writer.put([LINE] * 25)
    assert time.now - 100.0 <= 5
    assert outcome.settled == sum(count for _, count in recorder.sent) < 25
    assert len(outcome.unsettled) == 25 - outcome.settled
    assert outcome.last_trouble == "the write budget of 2 units per second"


def test_every_turn_writes_something_however_short_and_slow_it_is() -> None:
    paced_writer, _, _ = writer(rate=0.1, seconds=0.01)
    assert paced_writer.put([LINE] * 25).settled == 1


def test_deletes_cost_what_an_average_item_costs() -> None:
    paced_writer, _, time = writer(rate=10, seconds=1000, delete_units=4)
    for _ in range(2):
        paced_writer.delete([{"id": {"S": "a"}}] * 10)
    assert time.now - 100.0 == pytest.approx(6.0, abs=1.5)
