"""Running one job after another in worker threads, until all are done, one fails, or time is up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from dynamodb_backup.errors import TimeIsUp
from dynamodb_backup.timing import Deadline

__all__ = ["run_workers"]

T = TypeVar("T")


class _End:
    """Marks the end of the jobs, since a job may be anything."""


_END = _End()


def run_workers(workers: int, jobs: Iterable[T], work: Callable[[T], None], deadline: Deadline) -> bool:
    """Work through the jobs and return whether all were done; ``False`` means that time was up.

    Each worker begins at least one job, however little time there is; a job that notices the deadline itself raises
    ``TimeIsUp``. Any other exception stops the workers after the job that they are at, and is raised.
    """
    queue = iter(jobs)
    lock = threading.Lock()
    stop = threading.Event()
    cut_short = threading.Event()

    def take() -> T | _End:
        with lock:
            return _END if stop.is_set() else next(queue, _END)

    def run() -> None:
        while not isinstance(job := take(), _End):
            try:
                work(job)
            except TimeIsUp:
                stop.set()
                cut_short.set()
            except BaseException:
                stop.set()
                raise
            if deadline.passed():
                stop.set()

    with ThreadPoolExecutor(workers, thread_name_prefix="worker") as pool:
        futures = [pool.submit(run) for _ in range(workers)]
    for future in futures:
        future.result()
    return not cut_short.is_set() and next(queue, _END) is _END
