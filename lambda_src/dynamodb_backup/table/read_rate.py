"""Reading a table no faster than so many read units a second, so that its users do not notice."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["ReadRate"]

UNITS_OF_LARGEST_ITEM = 100.0
"""400 KB, strongly consistent: what an item is taken for until a first page tells better."""


class ReadRate:
    """A token bucket in read units, kept as the moment at which everything read so far is paid for.

    What a page costs is known only afterwards, so a page is read when all earlier ones are paid for, and then paid
    by waiting. ``limit`` keeps one page to about the share that a segment has in a second. Safe for threads.

    Parameters
    ----------
    units_per_second
        ``None`` does not limit.
    paid_until
        Seconds of ``clock``, as an earlier turn left it: a new turn does not begin with a full bucket.
    """

    def __init__(
        self, units_per_second: float | None, segments: int, clock: Callable[[], float], paid_until: float = 0.0
    ) -> None:
        self._rate = units_per_second
        self._segments = segments
        self._clock = clock
        self._lock = threading.Lock()
        self._paid_until = paid_until
        self._units = 0.0
        self._items = 0

    @property
    def paid_until(self) -> float:
        return self._paid_until

    def wait_seconds(self) -> float:
        """Return how long to wait before the next page may be read; 0 if it may be read now."""
        return 0.0 if self._rate is None else max(0.0, self._paid_until - self._clock())

    def limit(self) -> int | None:
        """Return how many items the next page may have; ``None``: as many as fit into DynamoDB's 1 MB."""
        if self._rate is None:
            return None
        share = max(1.0, self._rate / self._segments)
        with self._lock:
            known = self._items and self._units
            units_per_item = self._units / self._items if known else UNITS_OF_LARGEST_ITEM
        return max(1, int(share / units_per_item))

    def consumed(self, units: float, items: int) -> None:
        """Note what a page has cost."""
        if self._rate is None:
            return
        with self._lock:
            self._units += units
            self._items += items
            self._paid_until = max(self._paid_until, self._clock()) + units / self._rate
