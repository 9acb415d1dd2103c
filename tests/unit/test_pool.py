"""Worker threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from dynamodb_backup.errors import TimeIsUp
from dynamodb_backup.pool import run_workers
from dynamodb_backup.timing import Deadline


@pytest.fixture
def long() -> Deadline:
    """A deadline made when its test begins, however long after the collection that is."""
    return Deadline(900)


def test_every_job_is_done_once(long: Deadline) -> None:
    done: list[int] = []
    assert run_workers(8, range(100), done.append, long)
    assert sorted(done) == list(range(100))


def test_no_job_is_nothing_to_do(long: Deadline) -> None:
    assert run_workers(8, [], lambda _: None, long)


def test_workers_work_side_by_side(long: Deadline) -> None:
    barrier = threading.Barrier(4, timeout=5)

    def meet(_: int) -> None:
        barrier.wait()

    assert run_workers(4, range(4), meet, long)


def test_jobs_are_taken_one_at_a_time_from_their_source(long: Deadline) -> None:
    inside = threading.Lock()

    def jobs() -> Iterator[int]:
        for number in range(200):
            assert inside.acquire(blocking=False)
            inside.release()
            yield number

    done: list[int] = []
    assert run_workers(8, jobs(), done.append, long)
    assert len(done) == 200


def test_time_that_is_up_leaves_the_rest_but_at_least_one_job_is_begun() -> None:
    done: list[int] = []
    assert not run_workers(2, range(100), done.append, Deadline(0))
    assert 1 <= len(done) <= 4


def test_the_last_job_done_at_the_deadline_is_all_done() -> None:
    done: list[int] = []
    assert run_workers(1, [1], done.append, Deadline(0))
    assert done == [1]


def test_a_job_that_notices_the_deadline_stops_all(long: Deadline) -> None:
    def work(number: int) -> None:
        if number == 3:
            raise TimeIsUp

    assert not run_workers(2, range(1000), work, long)


def test_a_failing_job_stops_all_and_its_error_is_raised(long: Deadline) -> None:
    done: list[int] = []

    def work(number: int) -> None:
        if number == 3:
            raise ValueError("3")
        done.append(number)

    with pytest.raises(ValueError, match="3"):
        run_workers(2, iter(range(100_000)), work, long)
    assert len(done) < 100_000
