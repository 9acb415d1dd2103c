"""An undo's state, and its record in S3, from which a later invocation goes on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from dynamodb_backup.contract.selection import KEY_FIELDS, TypedKey
from dynamodb_backup.contract.undo import TableUndo, UndoRequest
from dynamodb_backup.errors import BackupDamaged
from dynamodb_backup.verify.stored_backup import FileProgress

__all__ = ["FileState", "TableState", "UndoState"]

VERSION = 1


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
        files = [
            FileState(FileProgress.from_dict(one["verified"]), one["lines_settled"], one["settled"])
            for one in document.pop("files")
        ]
        return cls(**document, files=files)


@dataclass
class UndoState:
    """A whole undo: its request as given first, and its tables."""

    undo_id: str
    request: dict[str, Any]
    tables: list[TableState]
    turns: int = 1
    etag: str | None = field(default=None, compare=False)

    def to_json(self) -> bytes:
        document = {"version": VERSION, **asdict(self)}
        del document["etag"]
        return json.dumps(document).encode()

    @classmethod
    def parse(cls, key: str, body: bytes, etag: str) -> UndoState:
        """Read the record of an undo.

        Raises
        ------
        BackupDamaged
            It is not one that this version of the function wrote.
        """
        try:
            document = json.loads(body)
            if document.pop("version") != VERSION:
                raise ValueError("it was written by another version of the function")
            tables = [TableState.from_dict(table) for table in document.pop("tables")]
            return cls(**document, tables=tables, etag=etag)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BackupDamaged(
                f"undo record {key} is malformed: {error}; begin the undo anew without undo_id"
            ) from error

    def contradiction(self, request: UndoRequest) -> str | None:
        """Return what the event gives otherwise than the undo's own request did; values of keys are not repeated."""
        event = request.to_dict()
        for name in sorted(request.given & set(event)):
            if event[name] != self.request.get(name):
                return f"{name}: other keys" if name in KEY_FIELDS else f"{name}: {self.request.get(name)!r}"
        return None

    def original_request(self) -> UndoRequest:
        """Return the request that began this undo."""
        return UndoRequest.from_event(self.request)
