"""The run record: a backup run's whole state, in one S3 object, so that any later invocation can go on with it.

It is written before the first export is started, and names the run, from which each export's ClientToken follows. So a
run that dies at any point is continued without a second billed export. Several invocations may carry one run at the
same time: what each found out is joined when it saves.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from dynamodb_backup.contract.backup import BackupRequest
from dynamodb_backup.errors import BackupDamaged
from dynamodb_backup.naming import is_table_name
from dynamodb_backup.strict_json import read_json
from dynamodb_backup.timing import moment_of
from dynamodb_backup.typed_record import record_of
from dynamodb_backup.verify.stored_backup import FileProgress

__all__ = ["PENDING", "RunRecord", "TableRun"]

PENDING = "PENDING"
"""Not started yet. In answers and manifests this is IN_PROGRESS."""


@dataclass(frozen=True)
class TableRun:
    """How far a run is with one table. Sizes in bytes, times in ISO 8601.

    ``checked_files`` and ``parsed_files`` count the leading data files whose checksum and whose lines are verified,
    ``checked_bytes`` is their compressed size, and ``parsing`` tells how far later files are parsed. ``error`` is why
    it failed, or what it is waiting for. ``method`` is how its backup is made; it stays for the whole run.

    In a run of incremental exports ``window`` is the one that is being exported and ``windows`` are those that this run
    has done; ``full_because`` is why a full export is made instead. ``item_count_alert`` says that most items
    are gone since the backup before.
    """

    table_name: str
    status: str = PENDING
    table_arn: str | None = None
    export_arn: str | None = None
    definition_key: str | None = None
    definition_sha256: str | None = None
    export_time: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    item_count: int | None = None
    billed_size_bytes: int | None = None
    checked_files: int = 0
    checked_bytes: int = 0
    parsed_files: int = 0
    parsing: Mapping[str, FileProgress] = field(default_factory=dict)
    verification: Mapping[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    error: str | None = None
    method: str = "native_export"
    full_because: str | None = None
    chain_id: str | None = None
    window: Mapping[str, Any] | None = None
    windows: tuple[Mapping[str, Any], ...] = ()
    item_count_alert: str | None = None

    @property
    def settled(self) -> bool:
        return self.status in {"COMPLETED", "FAILED"}

    @property
    def shown_status(self) -> str:
        """Return the status as answers and manifests have it."""
        return self.status if self.settled else "IN_PROGRESS"

    @property
    def all_warnings(self) -> tuple[str, ...]:
        return (*self.warnings, *filter(None, [self.item_count_alert]))

    @property
    def knowledge(self) -> tuple[object, ...]:
        """Return what orders two views of one table: who has seen an export knows more than who could not start one."""
        verified = (self.checked_files, self.parsed_files)
        increments = (len(self.windows), self.full_because is not None)
        return self.status == "COMPLETED", *increments, self.export_arn is not None, self.settled, *verified


@dataclass
class RunRecord:
    """One run: one date, one selection of tables, one export per table.

    ``finished`` means that all tables are settled and the date's manifest says so. ``home`` is where the run belongs
    (``archive.home``). ``executions`` are those of the state machine that were answered with this run.
    """

    run_id: str
    backup_date: str
    started_at: str
    export_type: str
    trigger: str | None
    tables: dict[str, TableRun]
    finished: bool = False
    finished_at: str | None = None
    home: str | None = None
    executions: list[str] = field(default_factory=list)
    etag: str | None = field(default=None, compare=False)

    @classmethod
    def begin(
        cls, number: int, request: BackupRequest, started_at: str, methods: Mapping[str, str] | None = None
    ) -> RunRecord:
        """Return a new run. ``methods`` names those tables that are not backed up by native export."""
        date = started_at[:10]
        chosen = methods or {}
        tables = {table: TableRun(table, method=chosen.get(table, "native_export")) for table in request.tables}
        run = cls(f"{date}-{number:04d}", date, started_at, request.export_type, request.trigger, tables)
        run.note_execution(request)
        return run

    @property
    def settled(self) -> bool:
        return all(table.settled for table in self.tables.values())

    @property
    def succeeded(self) -> bool:
        return all(table.status == "COMPLETED" for table in self.tables.values())

    def is_for(self, request: BackupRequest) -> bool:
        return tuple(self.tables) == request.tables and self.export_type == request.export_type

    def is_answer_to(self, request: BackupRequest) -> bool:
        """Tell whether this very event, or this very execution, has begun it or gone on with it."""
        same_event = request.trigger is not None and self.trigger == request.trigger
        return same_event or request.execution in self.executions

    def note_execution(self, request: BackupRequest) -> None:
        """Note who asks; it is kept with what is saved next."""
        if request.execution and request.execution not in self.executions:
            self.executions.append(request.execution)

    def age(self, now: datetime) -> timedelta:
        return now - moment_of(self.started_at)

    def ended_within(self, time: timedelta, now: datetime) -> bool:
        return self.finished_at is not None and now - moment_of(self.finished_at) < time

    @property
    def pending(self) -> list[TableRun]:
        """Return the tables whose export is not started."""
        return [table for table in self.tables.values() if not table.settled and table.export_arn is None]

    def update(self, table: TableRun) -> None:
        self.tables[table.table_name] = table

    def join(self, other: RunRecord) -> None:
        """Take from another invocation's view of this run whatever is known better there."""
        for name, theirs in other.tables.items():
            if theirs.knowledge > self.tables[name].knowledge:
                self.tables[name] = theirs
        self.finished = other.finished and self.settled
        self.finished_at = other.finished_at
        self.executions = list(dict.fromkeys([*other.executions, *self.executions]))
        self.etag = other.etag

    def makes_full(self, table: TableRun) -> bool:
        """Tell whether this run makes a full backup of a table."""
        return self.export_type == "FULL_EXPORT" or table.full_because is not None

    def client_token(self, bucket: str, prefix: str, table: str) -> str:
        """Return the token that makes this run's export of this table happen once, however often it is asked for."""
        return hashlib.sha256("\n".join((bucket, prefix, self.run_id, table)).encode()).hexdigest()[:36]

    def to_json(self) -> bytes:
        document = asdict(self)
        del document["etag"]
        return json.dumps(document, indent=2).encode() + b"\n"

    @classmethod
    def parse(cls, key: str, body: bytes, etag: str) -> RunRecord:
        """Read a stored record. Fields of a newer version are passed over.

        Raises
        ------
        BackupDamaged
            It is not a run record.
        """
        try:
            record = replace(record_of(cls, read_json(body)), etag=etag)
            for moment in (record.started_at, record.finished_at):
                if moment is not None:
                    moment_of(moment)
            if not all(number.isdecimal() for table in record.tables.values() for number in table.parsing):
                raise ValueError("'parsing' names a file that is no number")
            if any(name != table.table_name or not is_table_name(name) for name, table in record.tables.items()):
                raise ValueError("a table has two names, or one that no table can have")
            if not key.endswith(f"/{record.backup_date}/runs/{record.run_id}/run.json"):
                raise ValueError(f"it is that of run {record.run_id}")
        except ValueError as error:
            raise BackupDamaged(f"run record {key} is malformed: {error}") from error
        return record
