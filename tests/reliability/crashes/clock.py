"""Time that moves when somebody sleeps, and a little with each call: leases and schedules cost a test nothing."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

__all__ = ["CLOCK", "Clock"]

START = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Clock:
    """The time of a whole process: of the product, of its clients, and of the emulator that answers them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        self._nanoseconds = round(START.timestamp()) * 1_000_000_000

    def seconds(self) -> float:
        return self._nanoseconds / 1e9

    def nanoseconds(self) -> int:
        return self._nanoseconds

    def utc(self) -> datetime:
        return datetime.fromtimestamp(self.seconds(), UTC)

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._nanoseconds += max(0, round(seconds * 1e9))

    def install(self) -> None:
        """Be the clock of this process. What was imported before and keeps functions of ``time`` has its old one."""
        time.time = self.seconds
        time.monotonic = self.seconds
        time.time_ns = self.nanoseconds
        time.sleep = self.advance  # type: ignore[assignment] # takes any number, too

    def install_in(self, packages: Sequence[str]) -> None:
        """Have the modules of these packages take ``datetime.now()`` from here."""
        for name, module in list(sys.modules.items()):
            ours = name.split(".")[0] in packages and name != __name__
            if ours and vars(module).get("datetime") is datetime:
                module.__dict__["datetime"] = _VirtualDatetime


class _AnyDatetime(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


class _VirtualDatetime(datetime, metaclass=_AnyDatetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override] # an ordinary one
        return datetime.fromtimestamp(CLOCK.seconds(), tz)


CLOCK = Clock()
