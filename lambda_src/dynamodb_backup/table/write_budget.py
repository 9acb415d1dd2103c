"""How fast a table may be written to, so that those who use it meanwhile keep their share.

Units are DynamoDB's write units: one for each kilobyte begun of an item. An item's line in an export is nearly always
longer than the item as DynamoDB stores it, so the lines' lengths overestimate rather than underestimate.
docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.table.batch_write import Outcome
from dynamodb_backup.timing import Deadline

__all__ = ["ItemWriter", "PacedWriter", "WriteBudget", "default_budget", "paced"]

T = TypeVar("T")

UNIT_BYTES = 1024
SHARE = 0.8
"""What a restore takes of a table's capacity unless told otherwise; the rest is for whoever uses it meanwhile."""

_UNSENT = b""
"""Stands for an operation whose bytes were not even put together."""


class ItemWriter(Protocol):
    """What writes and deletes items of one table in batches."""

    def put(self, lines: Sequence[bytes]) -> Outcome: ...

    def delete(self, keys: Sequence[dict[str, Any]]) -> Outcome: ...


def default_budget(description: Mapping[str, Any]) -> float | None:
    """Return 80 % of the write units per second that DescribeTable names; ``None`` if it names none.

    Every index has a capacity of its own, and one that is behind throttles the writes to its table: the lowest counts.
    """
    named = [_units_per_second(one) for one in (description, *description.get("GlobalSecondaryIndexes", []))]
    lowest = min((units for units in named if units), default=None)
    return lowest * SHARE if lowest else None


def _units_per_second(description: Mapping[str, Any]) -> int | None:
    """Return what a table or an index is provisioned with, or on demand limited to, or warm for."""
    provisioned = description.get("ProvisionedThroughput", {}).get("WriteCapacityUnits", 0)
    if provisioned:
        return int(provisioned)
    limit = description.get("OnDemandThroughput", {}).get("MaxWriteRequestUnits", -1)
    warm = description.get("WarmThroughput", {}).get("WriteUnitsPerSecond", 0)
    return min((int(units) for units in (limit, warm) if units > 0), default=None)


def _units_of_delete(description: Mapping[str, Any]) -> int:
    """Return the write units of deleting an item of average size; DynamoDB charges for the item, not for the key."""
    items, size = description.get("ItemCount", 0), description.get("TableSizeBytes", 0)
    return _units(size // items) if items else 1


def paced(
    writer: ItemWriter, description: Mapping[str, Any], units_per_second: float, deadline: Deadline
) -> ItemWriter:
    """Return the writer kept within so many units per second.

    Parameters
    ----------
    description
        The table as DescribeTable has it.
    """
    return PacedWriter(writer, WriteBudget(units_per_second), deadline, delete_units=_units_of_delete(description))


class WriteBudget:
    """A token bucket that all threads share: so many write units per second, at most one second's worth saved up.

    Whoever finds anything in it may go and take more than there is; those who come next wait until that is paid back.
    So an item that costs more than a second's worth is written, too, and the first of a turn at once.
    """

    def __init__(self, units_per_second: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.units_per_second = units_per_second
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._units = units_per_second
        self._counted_at = monotonic()

    def take(self, units: int, deadline: Deadline) -> bool:
        """Wait for one's turn and take so many units; ``False`` if that would be after the deadline."""
        while True:
            wait = self._take_or_wait(units)
            if wait <= 0:
                return True
            if wait >= deadline.remaining():
                return False
            deadline.sleep(wait)

    def _take_or_wait(self, units: int) -> float:
        """Take the units and return 0, or return the seconds after which it is worth asking again."""
        with self._lock:
            now = self._monotonic()
            earned = (now - self._counted_at) * self.units_per_second
            self._units = min(self.units_per_second, self._units + earned)
            self._counted_at = now
            if self._units > 0:
                self._units -= units
                return 0.0
            return max(0.001, -self._units / self.units_per_second)


class PacedWriter:
    """An ``ItemWriter`` that keeps another one within a budget. Safe to use from many threads."""

    def __init__(self, writer: ItemWriter, budget: WriteBudget, deadline: Deadline, *, delete_units: int = 1) -> None:
        self._writer = writer
        self._budget = budget
        self._deadline = deadline
        self._delete_units = delete_units

    def put(self, lines: Sequence[bytes]) -> Outcome:
        return self._paced(lines, [_units(len(line)) for line in lines], self._writer.put)

    def delete(self, keys: Sequence[dict[str, Any]]) -> Outcome:
        return self._paced(keys, [self._delete_units] * len(keys), self._writer.delete)

    def _paced(self, operations: Sequence[T], units: Sequence[int], send: Callable[[Sequence[T]], Outcome]) -> Outcome:
        """Send a batch in parts of at most a second's worth each, and stop where time runs out.

        An error behind settled parts leaves the rest unsettled: it is raised when that is sent again.
        """
        total = Outcome()
        for start, end in self._parts(units):
            if not self._budget.take(sum(units[start:end]), self._deadline):
                total.unsettled = [_UNSENT] * (len(operations) - start)
                total.last_trouble = f"the write budget of {self._budget.units_per_second:g} units per second"
                break
            try:
                outcome = send(operations[start:end])
            except AWS_ERRORS as error:
                if not start:
                    raise
                total.unsettled = [_UNSENT] * (len(operations) - start)
                total.last_trouble = explain(error)
                break
            total.written += outcome.written
            total.skipped += outcome.skipped
            total.unchanged += outcome.unchanged
            total.refused += outcome.refused
            total.last_trouble = outcome.last_trouble
            if outcome.unsettled:
                total.unsettled = outcome.unsettled + [_UNSENT] * (len(operations) - end)
                break
        return total

    def _parts(self, units: Sequence[int]) -> Iterator[tuple[int, int]]:
        start, size = 0, 0
        for position, cost in enumerate(units):
            if position > start and size + cost > self._budget.units_per_second:
                yield start, position
                start, size = position, 0
            size += cost
        if start < len(units):
            yield start, len(units)


def _units(size: int) -> int:
    return max(1, -(-size // UNIT_BYTES))
