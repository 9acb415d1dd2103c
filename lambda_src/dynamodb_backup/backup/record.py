"""The run record: a backup run's whole state, in one S3 object, so that any later invocation can go on with it.

It is written before the first export is started, and names the run, from which each export's ClientToken follows. So a
run that dies at any point is continued without a second billed export.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import MOST_WRITE_CONFLICTS, ObjectStore
from dynamodb_backup.contract.backup import BackupRequest
from dynamodb_backup.errors import BackupDamaged, WriteConflict

__all__ = ["PENDING", "RunRecord", "RunRecords", "TableRun"]

PENDING = "PENDING"
"""Not started yet. In answers and manifests this is IN_PROGRESS."""

_PROGRESS = {PENDING: 0, "IN_PROGRESS": 1, "FAILED": 2, "COMPLETED": 3}


@dataclass(frozen=True)
class TableRun:
    """How far a run is with one table. Sizes in bytes, times in ISO 8601."""

    table_name: str
    status: str = PENDING
    table_arn: str | None = None
    export_arn: str | None = None
    definition_key: str | None = None
    export_time: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    item_count: int | None = None
    billed_size_bytes: int | None = None
    verification: Mapping[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    error: str | None = None

    @property
    def open(self) -> bool:
        return self.status in {PENDING, "IN_PROGRESS"}


@dataclass
class RunRecord:
    """One run: one date, one selection of tables, one export per table."""

    run_id: str
    backup_date: str
    started_at: str
    export_type: str
    trigger_id: str | None
    tables: dict[str, TableRun]
    finished: bool = False
    status_code: int | None = None
    etag: str | None = field(default=None, compare=False)

    @classmethod
    def begin(cls, number: int, request: BackupRequest, started_at: str) -> RunRecord:
        date = started_at[:10]
        tables = {table: TableRun(table) for table in request.tables}
        return cls(f"{date}-{number:04d}", date, started_at, request.export_type, request.trigger_id, tables)

    def is_for(self, request: BackupRequest) -> bool:
        return tuple(self.tables) == request.tables and self.export_type == request.export_type

    def client_token(self, bucket: str, prefix: str, table: str) -> str:
        """Return the token that makes this run's export of this table happen once, however often it is asked for."""
        return hashlib.sha256("\n".join((bucket, prefix, self.run_id, table)).encode()).hexdigest()[:36]

    def to_json(self) -> bytes:
        document = asdict(self)
        del document["etag"]
        return json.dumps(document, indent=2).encode() + b"\n"

    @classmethod
    def parse(cls, key: str, body: bytes, etag: str) -> RunRecord:
        try:
            document = json.loads(body)
            tables = {
                name: TableRun(**{**table, "warnings": tuple(table["warnings"])})
                for name, table in document.pop("tables").items()
            }
            return cls(**document, tables=tables, etag=etag)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BackupDamaged(f"run record {key} is malformed: {error}; delete it to begin a new run") from error

    def take_over(self, other: RunRecord) -> None:
        """Take from another invocation's view of the same run whatever is further than ours."""
        for name, theirs in other.tables.items():
            ours = self.tables[name]
            if _PROGRESS[theirs.status] > _PROGRESS[ours.status] or (theirs.export_arn and not ours.export_arn):
                self.tables[name] = theirs
        self.finished = self.finished or other.finished
        self.status_code = self.status_code or other.status_code
        self.etag = other.etag


class RunRecords:
    """The run records of one bucket and prefix."""

    def __init__(self, store: ObjectStore, layout: Layout) -> None:
        self._store = store
        self._layout = layout

    def of(self, date: str) -> list[RunRecord]:
        """Return the runs that began on a date, oldest first."""
        folders = list(self._store.folders(self._layout.runs(date)))
        run_ids = [folder.rstrip("/").rpartition("/")[2] for folder in folders]
        found = (self._find(date, run_id) for run_id in sorted(run_ids) if run_id.startswith(f"{date}-"))
        return [record for record in found if record]

    def create(self, request: BackupRequest, started_at: str, earlier: list[RunRecord]) -> RunRecord:
        """Begin a run, or join the one that another invocation began at the same moment for the same tables."""
        number = 1 + max((int(record.run_id.rpartition("-")[2]) for record in earlier), default=0)
        while True:
            record = RunRecord.begin(number, request, started_at)
            key = self._layout.run_record(record.backup_date, record.run_id)
            try:
                record.etag = self._store.put_if_unchanged(key, record.to_json(), None)
            except WriteConflict:
                other = self._find(record.backup_date, record.run_id)
                if other and not other.finished and other.is_for(request):
                    return other
                number += 1
            else:
                return record

    def save(self, record: RunRecord) -> None:
        """Write a record; where another invocation of the same run wrote it meanwhile, join the two views first."""
        key = self._layout.run_record(record.backup_date, record.run_id)
        for _ in range(MOST_WRITE_CONFLICTS):
            try:
                record.etag = self._store.put_if_unchanged(key, record.to_json(), record.etag)
            except WriteConflict:
                other = self._find(record.backup_date, record.run_id)
                if other is None:
                    record.etag = None
                else:
                    record.take_over(other)
            else:
                return
        raise WriteConflict(f"{key} is written by others again and again")

    def _find(self, date: str, run_id: str) -> RunRecord | None:
        key = self._layout.run_record(date, run_id)
        stored = self._store.find(key)
        return RunRecord.parse(key, stored.body, stored.etag) if stored else None
