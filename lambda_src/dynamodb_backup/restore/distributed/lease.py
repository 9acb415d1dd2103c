"""Who may work on something: one invocation at a time, and none that was given up and lives on.

Lambda or Step Functions may begin an invocation again while the first one still runs. The first one's late writes would
fall into a time in which nobody expects them any more. So whoever writes holds a lease, an object in S3 that it renews;
who cannot renew it stops before anybody else can have it.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.errors import BackupDamaged, LeaseTaken, ToolError, WriteConflict
from dynamodb_backup.strict_json import read_json
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import Clock, Deadline, iso, moment_of
from dynamodb_backup.typed_record import record_of

__all__ = ["Lease", "LeasedDeadline"]

LEASE_SECONDS = 60.0
RENEW_SECONDS = 10.0
SAFETY_SECONDS = 20.0
"""The holder stops so long before others may begin: a request under way takes up to 8 seconds, and clocks differ."""


@dataclass(frozen=True)
class _Held:
    holder: str
    until: str


class Lease:
    """A lease held from ``with`` to its end.

    Parameters
    ----------
    wanted
        Asked at each renewal; once it answers no, the lease is given up.
    """

    def __init__(self, store: ObjectStore, key: str, clock: Clock, wanted: Callable[[], bool] = lambda: True) -> None:
        self._store = store
        self._key = key
        self._clock = clock
        self._wanted = wanted
        self._holder = uuid.uuid4().hex
        self._etag: str | None = None
        self._valid_until = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def __enter__(self) -> Lease:
        """Take the lease. Raises ``LeaseTaken`` if somebody else holds it."""
        stored = self._store.find(self._key)
        if stored:
            held = self._held(stored.body)
            if moment_of(held.until) > self._clock():
                raise LeaseTaken(f"another invocation is at it until {held.until} at the latest")
        self._etag = stored.etag if stored else None
        try:
            self._write(LEASE_SECONDS)
        except WriteConflict as error:
            raise LeaseTaken("another invocation has just begun with it") from error
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if not self.lost():
            self._quietly(lambda: self._write(0))

    def lost(self) -> bool:
        return time.monotonic() >= self._valid_until

    def _keep(self) -> None:
        while not self._stop.wait(RENEW_SECONDS) and not self.lost():
            self._quietly(self._renew)

    def _renew(self) -> None:
        try:
            if self._wanted():
                self._write(LEASE_SECONDS)
                return
        except WriteConflict:
            logger.warning("somebody else took the lease", lease=self._key)
        self._valid_until = 0.0

    def _write(self, seconds: float) -> None:
        began, until = time.monotonic(), self._clock() + timedelta(seconds=seconds)
        body = json.dumps({"holder": self._holder, "until": iso(until)}).encode()
        try:
            self._etag = self._store.put_if_unchanged(self._key, body, self._etag)
        except WriteConflict:
            # Perhaps it was our own write, whose answer was lost: nobody else would give that lease back.
            stored = self._store.get(self._key)
            if self._held(stored.body).holder != self._holder:
                raise
            self._etag = self._store.put_if_unchanged(self._key, body, stored.etag)
        self._valid_until = began + seconds - SAFETY_SECONDS

    def _held(self, body: bytes) -> _Held:
        try:
            held = record_of(_Held, read_json(body))
            moment_of(held.until)
        except ValueError as error:
            raise BackupDamaged(f"the lease {self._key} is malformed: {error}; delete it") from error
        return held

    def _quietly(self, work: Callable[[], None]) -> None:
        try:
            work()
        except (ToolError, *AWS_ERRORS) as error:
            # As long as the lease lasts it is tried again; after that the work stops.
            logger.warning("the lease was not renewed", lease=self._key, error=explain(error))


class LeasedDeadline(Deadline):
    """A deadline that has passed, too, as soon as the lease is lost."""

    def __init__(self, deadline: Deadline, lease: Lease) -> None:
        self._deadline = deadline
        self._lease = lease

    def remaining(self) -> float:
        return 0.0 if self._lease.lost() else self._deadline.remaining()
