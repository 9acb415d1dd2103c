"""How far a scan is, in S3: one plan, and one checkpoint for each segment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

from dynamodb_backup.archive.export_writing import ListedFile
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.backup.record import RunRecord, TableRun
from dynamodb_backup.errors import BackupDamaged, WriteConflict
from dynamodb_backup.strict_json import read_json
from dynamodb_backup.typed_record import record_of

__all__ = ["ScanPlan", "ScanState", "SegmentState"]

T = TypeVar("T")


@dataclass(frozen=True)
class ScanPlan:
    """What is fixed when a scan begins. ``default_units_per_second`` holds where no limit is configured."""

    export_id: str
    segments: int
    started_at: str
    table_id: str | None
    default_units_per_second: float | None


@dataclass(frozen=True)
class SegmentState:
    """What one segment has written: whole data files, and the key after which the next page begins.

    ``start`` has typed values as JSON has them. ``paid_until`` is the second of the epoch up to which the read rate is
    used up.
    """

    segment: int
    start: dict[str, Any] | None = None
    done: bool = False
    files: tuple[ListedFile, ...] = ()
    read_units: float = 0.0
    paid_until: float = 0.0
    ended_at: str | None = None
    etag: str | None = field(default=None, compare=False)


class ScanState:
    """The plan and the checkpoints of one table's scan within one run."""

    def __init__(self, store: ObjectStore, layout: Layout, run: RunRecord, table: TableRun) -> None:
        self._store = store
        self._folder = layout.scan(run.backup_date, run.run_id, table.table_name)

    def begin(self, plan: ScanPlan) -> ScanPlan:
        """Record the plan, and return it; where another invocation was earlier, its plan is the one."""
        try:
            self._store.put_if_unchanged(f"{self._folder}plan.json", _json(asdict(plan)), None)
        except WriteConflict:
            return self.plan()
        return plan

    def plan(self) -> ScanPlan:
        """Return the plan.

        Raises
        ------
        BackupDamaged
            It was overwritten.
        ObjectMissing
            It is gone.
        """
        key = f"{self._folder}plan.json"
        return _read(ScanPlan, self._store.get(key).body, key)

    def segment(self, number: int) -> SegmentState:
        """Return how far a segment is.

        Raises
        ------
        BackupDamaged
            Its checkpoint was overwritten.
        """
        key = self._key(number)
        stored = self._store.find(key)
        if stored is None:
            return SegmentState(number)
        return replace(_read(SegmentState, stored.body, key), etag=stored.etag)

    def save(self, state: SegmentState) -> SegmentState:
        """Record how far a segment is, and return it as stored.

        Raises
        ------
        WriteConflict
            Another invocation has brought the same segment further. What this one has read since is not in the backup.
        """
        document = asdict(state)
        del document["etag"]
        try:
            etag = self._store.put_if_unchanged(self._key(state.segment), _json(document), state.etag)
        except WriteConflict:
            # The answer to our own write may have been lost.
            stored = self.segment(state.segment)
            if stored == state:
                return stored
            raise
        return replace(state, etag=etag)

    def _key(self, segment: int) -> str:
        return f"{self._folder}segment-{segment:04d}.json"


def _read(kind: type[T], body: bytes, key: str) -> T:
    try:
        return record_of(kind, read_json(body))
    except ValueError as error:
        raise BackupDamaged(f"checkpoint {key} of a scan is malformed: {error}; back the table up again") from error


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, indent=2).encode() + b"\n"
