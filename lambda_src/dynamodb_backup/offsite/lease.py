"""One invocation at a time: a lease for as long as the holder's invocation can last at most.

Lambda ends an invocation at its deadline, so nobody lives on behind the lease, and it need not be renewed. One that
died leaves the lease behind, and others wait until it has run out.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import timedelta

from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.errors import BackupDamaged, LeaseTaken, ToolError, WriteConflict
from dynamodb_backup.strict_json import read_json
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import ANSWER_MARGIN_SECONDS, Clock, Deadline, iso, moment_of
from dynamodb_backup.typed_record import record_of

__all__ = ["TurnLease"]

CLOCKS_DIFFER_SECONDS = 2.0


@dataclass(frozen=True)
class _Held:
    until: str


class TurnLease:
    """A lease held from ``with`` to its end."""

    def __init__(self, store: ObjectStore, key: str, deadline: Deadline, clock: Clock) -> None:
        self._store = store
        self._key = key
        self._deadline = deadline
        self._clock = clock
        self._holder = uuid.uuid4().hex
        self._etag: str | None = None

    def __enter__(self) -> TurnLease:
        """Take the lease. Raises ``LeaseTaken`` if somebody else holds it."""
        stored = self._store.find(self._key)
        if stored:
            until = self._until(stored.body)
            if moment_of(until) > self._clock():
                raise LeaseTaken(f"another invocation is at it until {until} at the latest")
            self._etag = stored.etag
        try:
            self._write(self._deadline.remaining() + ANSWER_MARGIN_SECONDS + CLOCKS_DIFFER_SECONDS)
        except WriteConflict as error:
            raise LeaseTaken("another invocation has just begun with it") from error
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._write(0)
        except (ToolError, *AWS_ERRORS) as error:
            logger.warning("the lease was not given back", lease=self._key, error=explain(error))

    def _until(self, body: bytes) -> str:
        try:
            held = record_of(_Held, read_json(body))
            moment_of(held.until)
        except ValueError as error:
            raise BackupDamaged(f"the lease {self._key} is malformed: {error}; delete it") from error
        return held.until

    def _write(self, seconds: float) -> None:
        until = iso(self._clock() + timedelta(seconds=seconds))
        body = json.dumps({"holder": self._holder, "until": until}).encode()
        self._etag = self._store.put_own(self._key, body, self._etag)
