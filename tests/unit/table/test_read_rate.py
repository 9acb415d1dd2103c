"""No more read units a second than allowed, over all segments, and from one turn to the next."""

from __future__ import annotations

from dataclasses import dataclass

from dynamodb_backup.table.read_rate import ReadRate


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def test_what_was_read_is_waited_for() -> None:
    clock = Clock()
    rate = ReadRate(10.0, 1, clock)
    assert rate.wait_seconds() == 0
    rate.consumed(25, 25)
    assert rate.wait_seconds() == 2.5
    clock.now += 2.5
    assert rate.wait_seconds() == 0


def test_time_in_which_nothing_was_read_is_not_saved_up() -> None:
    clock = Clock()
    rate = ReadRate(10.0, 1, clock)
    clock.now += 1000
    rate.consumed(10, 10)
    assert rate.wait_seconds() == 1


def test_a_new_turn_pays_what_the_last_one_owes() -> None:
    clock = Clock()
    rate = ReadRate(1.0, 1, clock)
    rate.consumed(100, 1)
    clock.now += 30
    assert ReadRate(1.0, 1, clock, rate.paid_until).wait_seconds() == 70


def test_a_page_is_a_segment_s_share_of_a_second() -> None:
    rate = ReadRate(100.0, 4, Clock())
    assert rate.limit() == 1, "an item may be large until the first page tells better"
    rate.consumed(10, 20)
    assert rate.limit() == 50
    rate.consumed(2000, 5)
    assert rate.limit() == 1


def test_without_a_limit_nothing_is_waited_for_and_pages_are_full() -> None:
    rate = ReadRate(None, 4, Clock())
    rate.consumed(1_000_000, 1)
    assert rate.wait_seconds() == 0
    assert rate.limit() is None
    assert rate.paid_until == 0
