"""An undo's state, and its record in S3, from which a later invocation goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dynamodb_backup.contract.selection import TypedKey
from dynamodb_backup.contract.undo import TableUndo, UndoRequest
from dynamodb_backup.turns.state import WorkKind, WorkState
from dynamodb_backup.typed_record import record_of
from dynamodb_backup.verify.stored_backup import FileProgress

__all__ = ["UNDO", "FileState", "TableState", "UndoState"]


@dataclass
class FileState:
    """One data file: how far it is verified, and of how many lines it is settled what becomes of their items."""

    verified: FileProgress = field(default_factory=FileProgress)
    lines_settled: int = 0
    settled: bool = False


@dataclass
class TableState:
    """One table of an undo. ``phase`` is export, verify, revert or done; ``status`` as the contract defines it."""

    table: str
    status: str = "IN_PROGRESS"
    phase: str = "export"
    export_arn: str | None = None
    bucket: str = ""
    root: str = ""
    listing: str = ""
    files: list[FileState] = field(default_factory=list)
    changes: int = 0
    selected: int = 0
    found: list[str] = field(default_factory=list)
    not_found: list[TypedKey] = field(default_factory=list)
    reverted: int = 0
    already: int = 0
    changed_after: int = 0
    failed: int = 0
    not_reverted: str | None = None
    overwritten_parts: list[dict[str, Any]] = field(default_factory=list)
    overwritten_export: str | None = None
    warnings: list[str] = field(default_factory=list)
    error: str | None = None

    @property
    def open(self) -> bool:
        return self.status == "IN_PROGRESS"

    def fail(self, error: str) -> None:
        self.status, self.error = "FAILED", error

    def result(self) -> TableUndo:
        return TableUndo(
            table_name=self.table,
            status=self.status,
            export=f"s3://{self.bucket}/{self.root}" if self.root else None,
            changes_in_window=self.changes,
            changes_selected=self.selected,
            items_reverted=self.reverted,
            items_already_reverted=self.already,
            items_changed_after=self.changed_after,
            items_failed=self.failed,
            keys_not_found=tuple(self.not_found),
            not_reverted=self.not_reverted,
            overwritten_export=self.overwritten_export,
            error=self.error,
            warnings=tuple(self.warnings),
        )

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> TableState:
        return record_of(cls, document, closed=True)


UNDO = WorkKind(
    id_field="undo_id",
    goes_on="undo goes on",
    not_found="there is no undo '{id}' (s3://{place})",
    malformed="undo record {key} is malformed: {error}; begin the undo anew without undo_id",
    other_request="differs from the request that began undo '{id}': {value}",
    not_written="the record of an undo could not be written",
    cannot_continue="the undo cannot be continued, begin it again: its record was not written: {error}",
    always_kept=True,
)


@dataclass
class UndoState(WorkState[UndoRequest, TableState]):
    """A whole undo: its request as given first, and its tables."""

    kind = UNDO

    @classmethod
    def table_from(cls, document: dict[str, Any]) -> TableState:
        return TableState.from_dict(document)

    def original_request(self) -> UndoRequest:
        return UndoRequest.from_event(self.request)
