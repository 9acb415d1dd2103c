"""The faults that are armed, and which of them meets a request."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import count

from sandbox.edge.operations import Operation
from sandbox.fault_model import Fault


@dataclass
class ArmedFault:
    """A fault with what has become of it."""

    id: int
    fault: Fault
    seen: int = 0
    hits: int = 0


class Rules:
    """Armed faults, oldest first. Probabilities use a fixed seed: the same test sees the same faults."""

    def __init__(self) -> None:
        self._armed: dict[int, ArmedFault] = {}
        self._ids = count(1)
        self._random = random.Random(0)  # noqa: S311 - nothing is secret about a test's faults

    def arm(self, fault: Fault) -> int:
        """Arm a fault; returns its id."""
        number = next(self._ids)
        self._armed[number] = ArmedFault(number, fault)
        return number

    def disarm(self, number: int | None = None) -> None:
        """Disarm one fault, or all."""
        if number is None:
            self._armed.clear()
            self._random.seed(0)
        else:
            self._armed.pop(number, None)

    def armed(self) -> list[ArmedFault]:
        return list(self._armed.values())

    def meet(self, operation: Operation) -> list[Fault]:
        """Return the faults that hit this request, each counted as a hit."""
        return [armed.fault for armed in self._armed.values() if self._hits(armed, operation)]

    def keeps(self, fault: Fault) -> Callable[[int], bool]:
        """Return which operations of a batch a fault lets pass, by their position in it."""
        share = fault.held_back
        if share is None:
            return lambda position: position < fault.keep
        return lambda _: self._random.random() >= share

    def _hits(self, armed: ArmedFault, operation: Operation) -> bool:
        fault = armed.fault
        if not _matches(fault, operation):
            return False
        armed.seen += 1
        if armed.seen <= fault.skip or (fault.times is not None and armed.hits >= fault.times):
            return False
        if fault.probability < 1 and self._random.random() >= fault.probability:
            return False
        armed.hits += 1
        return True


def _matches(fault: Fault, operation: Operation) -> bool:
    return (
        fnmatchcase(operation.service, fault.service)
        and fnmatchcase(operation.name, fault.operation)
        and fnmatchcase(operation.caller, fault.caller)
        and (fault.resource == "*" or any(fnmatchcase(name, fault.resource) for name in operation.resources))
    )
