"""A restore's state, and its checkpoint in S3 from which a later invocation goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.contract.restore_fields import FIELDS_OF_ON_DEMAND
from dynamodb_backup.contract.restore_result import TableRestore
from dynamodb_backup.contract.transform import FORGOTTEN_SALT, SALT, TRANSFORM
from dynamodb_backup.restore.selection_state import Selection
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.table.scan import Segment
from dynamodb_backup.turns.state import WorkKind, WorkState
from dynamodb_backup.typed_record import record_of
from dynamodb_backup.verify.comparison import ComparisonState
from dynamodb_backup.verify.digests import DigestsState
from dynamodb_backup.verify.stored_backup import FileProgress

__all__ = ["RESTORE", "FileState", "RestoreState", "TableState", "WindowState"]


@dataclass
class FileSize:
    """What the lines of one data file come to, as a dry run measures them."""

    json_bytes: int = 0
    write_units: int = 0
    expired_items: int = 0


@dataclass
class FileState:
    """One data file: how far it is verified, and how many lines are settled (written, or refused by DynamoDB).

    ``lines_settled`` are settled without a gap. Behind a gap, which a batch leaves for which time ran out, are those of
    ``settled_ahead``: the first line of each run, and the line behind it, in order; no more runs than workers.
    A worker's slice of a file begins at the first line that is not settled and ends before ``lines_until``.
    """

    verified: FileProgress = field(default_factory=FileProgress)
    lines_settled: int = 0
    written: bool = False
    size: FileSize = field(default_factory=FileSize)
    lines_until: int | None = None
    settled_ahead: list[tuple[int, int]] = field(default_factory=list)

    def settle(self, start: int, end: int) -> None:
        """Note that the lines from ``start`` up to ``end`` are settled; they are not yet."""
        ahead: list[tuple[int, int]] = []
        for run in sorted([*self.settled_ahead, (start, end)]):
            if run[0] == self.lines_settled:
                self.lines_settled = run[1]
            elif ahead and run[0] == ahead[-1][1]:
                ahead[-1] = (ahead[-1][0], run[1])
            else:
                ahead.append(run)
        self.settled_ahead = ahead


@dataclass
class WindowState:
    """One increment that is applied to the full backup: its place, its window, and how far it is.

    ``fingerprint`` is known, and ``files`` are, once its manifests have been read. ``deletes`` counts the changes that
    delete an item, ``changes`` all of them.
    """

    root: str
    start: str
    end: str
    changes: int
    fingerprint: str | None = None
    files: list[FileState] = field(default_factory=list)
    deletes: int = 0
    applied: bool = False
    files_sha256: str | None = None


@dataclass
class TableState:
    """One table of a restore.

    ``phase`` is one of ``TableRestorer``'s, or done; ``status`` as the contract defines it. What follows ``job_rounds``
    concerns restores by the state machine.
    """

    source: str
    target: str
    status: str = "IN_PROGRESS"
    phase: str = "verify"
    backup_date: str | None = None
    bucket: str = ""
    root: str = ""
    fingerprint: str = ""
    source_keys: list[tuple[str, str]] | None = None
    definition_key: str | None = None
    definition_sha256: str | None = None
    on_demand_backup: str | None = None
    creates_target: bool = False
    import_arn: str | None = None
    settings_done: list[str] = field(default_factory=list)
    items_expected: int = 0
    items_written: int = 0
    items_failed: int = 0
    items_skipped: int = 0
    items_unchanged: int = 0
    items_deleted: int = 0
    restored_to: str | None = None
    windows: list[WindowState] = field(default_factory=list)
    changes_deleted: int = 0
    items_promised: int | None = None
    selection: Selection | None = None
    digests: DigestsState = field(default_factory=DigestsState)
    transformed: dict[str, int] | None = None
    files: list[FileState] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    comparison: ComparisonState | None = None
    proof: ComparisonState | None = None
    proven: bool | None = None
    failed_parts: list[dict[str, Any]] = field(default_factory=list)
    failed_items_export: str | None = None
    estimate: dict[str, Any] | None = None
    side_effects: list[str] | None = None
    collects_keys: bool = True
    job_rounds: int = 0
    units_per_worker: float | None = None
    stalled_since: str | None = None
    warnings: list[str] = field(default_factory=list)
    error: str | None = None

    @property
    def open(self) -> bool:
        return self.status == "IN_PROGRESS"

    @property
    def captured_keys(self) -> KeySchema | None:
        """The key schema that was captured with the backup, if it was."""
        return KeySchema(tuple(self.source_keys)) if self.source_keys else None

    @property
    def missing_keys(self) -> str | None:
        """Say how many of the keys that were asked for the backup does not hold; ``None`` if it holds them all."""
        missing = len((self.selection and self.selection.not_found) or ())
        return f"the backup holds nothing for {missing} of the keys; they are in 'keys_not_found'" if missing else None

    @property
    def items_settled(self) -> int:
        """Return of how many items of the backup it is known what became of them."""
        written = self.items_written + self.changes_deleted
        return written + self.items_failed + self.items_skipped + self.items_unchanged

    @property
    def all_files(self) -> list[FileState]:
        """Return the files of the full backup, and of the increments as far as they are known."""
        return [*self.files, *(file for window in self.windows for file in window.files)]

    def leads_where(self, other: TableState) -> bool:
        """Tell whether this state, of a part of a table's restore, reads and writes what that of the whole does."""
        places = [(one.source, one.target, one.bucket, one.root, one.fingerprint) for one in (self, other)]
        return places[0] == places[1]

    def fail(self, error: str) -> None:
        self.status, self.error = "FAILED", error

    def result(self, *, dry_run: bool) -> TableRestore:
        found, compared = self.selection, self.proof or self.comparison
        read_only = self.items_expected if found else sum(file.verified.items for file in self.all_files)
        done = (file.verified.done if dry_run else file.written for file in self.all_files)
        return TableRestore(
            table_name=self.source,
            target_table=self.target,
            status=self.status,
            backup_date=self.backup_date,
            items_expected=self.items_expected,
            items_processed=read_only if dry_run else self.items_settled,
            items_written=self.items_written,
            items_failed=self.items_failed,
            items_skipped=self.items_skipped,
            items_unchanged=self.items_unchanged,
            items_deleted=self.items_deleted + self.changes_deleted,
            files_total=len(self.all_files),
            files_done=sum(done),
            files_read=len(found.files) if found else None,
            keys_not_found=tuple(found.not_found or ()) if found else None,
            restored_to=None if self.status == "FAILED" else self.restored_to,
            increments=len(self.windows),
            proven=self.proven,
            differences=compared.differences() if compared and compared.done else None,
            failed_items_export=self.failed_items_export,
            creates_target=self.creates_target,
            estimate=self.estimate,
            side_effects=self.side_effects,
            transformed_attributes=self.transformed,
            error=self.error,
            warnings=tuple(self.warnings),
        )

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> TableState:
        # Versions before the digests were one class kept these three fields, and deleted in passes, each a whole scan.
        names = {"key_parts": "parts", "buckets_checked": "buckets_checked", "duplicates": "duplicates"}
        earlier = {newer: document.pop(name) for name, newer in names.items() if name in document}
        document.setdefault("digests", earlier)
        if document.pop("delete_pass", 0):
            document["segments"] = []
        return record_of(cls, document, closed=True)


RESTORE = WorkKind(
    id_field="restore_id",
    goes_on="restore goes on",
    not_found="there is no unfinished restore '{id}' (s3://{place})",
    malformed="checkpoint {key} is malformed: {error}; begin the restore anew without restore_id",
    other_request="differs from the request that began restore '{id}': {value}",
    not_written="the checkpoint could not be written",
    cannot_continue="the restore cannot be continued, begin it again: its checkpoint was not written: {error}",
    outpaced="another invocation carries this restore at the same time; its progress counts",
    outdated="the checkpoint could not be brought up to date: {error}",
)


@dataclass
class RestoreState(WorkState[RestoreRequest, TableState]):
    """A whole restore: its request as given first, and its tables."""

    kind = RESTORE

    @classmethod
    def table_from(cls, document: dict[str, Any]) -> TableState:
        return TableState.from_dict(document)

    def original_request(self) -> RestoreRequest:
        given = {name: value for name, value in self.request.items() if value is not None}
        if "export" in given or "restore_to" in given:
            given.pop("backup_date", None)
        if "on_demand_backup" in given:
            given = {name: value for name, value in given.items() if name in FIELDS_OF_ON_DEMAND}
        if TRANSFORM in given and not self.open:
            given.setdefault(SALT, FORGOTTEN_SALT)
        return RestoreRequest.from_event(given)
