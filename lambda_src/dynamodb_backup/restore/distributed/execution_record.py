"""Which restore an execution of the state machine carries: kept, so that planning again begins no second one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.contract.distributed import ExecutionName
from dynamodb_backup.errors import BackupDamaged, WriteConflict
from dynamodb_backup.strict_json import read_json
from dynamodb_backup.timing import moment_of
from dynamodb_backup.typed_record import record_of

__all__ = ["CarriedRestore", "ExecutionRecord"]

SAME_START_SECONDS = 1.0
"""Step Functions tells the moment of the start to the millisecond here and to the second there."""


@dataclass(frozen=True)
class CarriedRestore:
    """The restore's id, those of its parts, and when its execution was started."""

    restore_id: str
    parts: tuple[str, ...]
    started_at: str

    def began(self, moment: datetime) -> bool:
        """Tell whether it belongs to the execution started then, not to an older one that had the same name."""
        return abs((moment_of(self.started_at) - moment).total_seconds()) <= SAME_START_SECONDS


class ExecutionRecord:
    """The record of one execution; without a name there is none, and nothing is kept."""

    def __init__(self, store: ObjectStore, layout: Layout, execution: ExecutionName | None) -> None:
        self._store = store
        self._execution = execution
        self._key = layout.restore_of_execution(execution.name) if execution else ""

    def find(self) -> CarriedRestore | None:
        """Return what this very execution carries, if it was planned.

        Raises
        ------
        BackupDamaged
            The record is malformed.
        """
        if self._execution is None:
            return None
        carried, _ = self._read()
        began = moment_of(self._execution.started_at)
        return carried if carried and carried.began(began) else None

    def keep(self, restore_id: str, parts: Sequence[str]) -> CarriedRestore:
        """Write the record, and return what is carried: what another invocation planned, if that was faster."""
        carried = CarriedRestore(restore_id, tuple(parts), self._execution.started_at if self._execution else "")
        if self._execution is None:
            return carried
        _, etag = self._read()  # one of an older execution is replaced
        try:
            self._store.put_if_unchanged(self._key, json.dumps(asdict(carried)).encode(), etag)
        except WriteConflict:
            return self.find() or carried
        return carried

    def _read(self) -> tuple[CarriedRestore | None, str | None]:
        record = self._store.find(self._key)
        if record is None:
            return None, None
        try:
            carried = record_of(CarriedRestore, read_json(record.body))
            moment_of(carried.started_at)
        except ValueError as error:
            raise BackupDamaged(f"the record {self._key} of an execution is malformed: {error}") from error
        return carried, record.etag
