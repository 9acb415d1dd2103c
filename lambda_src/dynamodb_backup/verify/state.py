"""A verification's state, and its checkpoint in S3 from which a later invocation goes on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from dynamodb_backup.contract.verify import TableVerification, VerifyRequest
from dynamodb_backup.errors import BackupDamaged
from dynamodb_backup.verify.comparison import ComparisonState
from dynamodb_backup.verify.digests import DigestsState
from dynamodb_backup.verify.fingerprint import Fingerprint
from dynamodb_backup.verify.stored_backup import FileProgress

__all__ = ["FileVerification", "TableVerificationState", "VerifyState"]

VERSION = 1


@dataclass
class FileVerification:
    """One data file: how far it is verified, and the fingerprint of the items that were read so far."""

    progress: FileProgress = field(default_factory=FileProgress)
    fingerprint: Fingerprint = field(default_factory=Fingerprint)


@dataclass
class TableVerificationState:
    """One table. ``phase`` is verify, compare or done; ``status`` as the contract defines it."""

    source: str
    target: str | None = None
    status: str = "IN_PROGRESS"
    phase: str = "verify"
    backup_date: str | None = None
    bucket: str = ""
    root: str = ""
    listing: str = ""
    stores_fingerprint: bool = False
    source_keys: list[list[str]] | None = None
    items_expected: int = 0
    files: list[FileVerification] = field(default_factory=list)
    digests: DigestsState = field(default_factory=DigestsState)
    comparison: ComparisonState | None = None
    fingerprint: str | None = None
    fingerprint_key: str | None = None
    warnings: list[str] = field(default_factory=list)
    error: str | None = None

    @property
    def open(self) -> bool:
        return self.status == "IN_PROGRESS"

    def fail(self, error: str) -> None:
        self.status, self.error = "FAILED", error

    def result(self) -> TableVerification:
        found = self.comparison if self.comparison and self.comparison.done else None
        return TableVerification(
            table_name=self.source,
            target_table=self.target,
            status=self.status,
            backup_date=self.backup_date,
            export_manifest=f"{self.root}manifest-summary.json" if self.root else None,
            items_expected=self.items_expected,
            items_verified=sum(file.progress.items for file in self.files),
            files_total=len(self.files),
            files_done=sum(file.progress.done for file in self.files),
            fingerprint=self.fingerprint,
            fingerprint_key=self.fingerprint_key,
            items_in_table=found.items if found else None,
            table_fingerprint=found.fingerprint if found else None,
            differences=found.differences() if found else None,
            error=self.error,
            warnings=tuple(self.warnings),
        )

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> TableVerificationState:
        compared = document.pop("comparison")
        return cls(
            files=[
                FileVerification(FileProgress.from_dict(one["progress"]), Fingerprint(**one["fingerprint"]))
                for one in document.pop("files")
            ],
            digests=DigestsState(**document.pop("digests")),
            comparison=ComparisonState.from_dict(compared) if compared else None,
            **document,
        )


@dataclass
class VerifyState:
    """A whole verification: its request as given first, and its tables."""

    verify_id: str
    request: dict[str, Any]
    tables: list[TableVerificationState]
    warnings: list[str] = field(default_factory=list)
    turns: int = 1
    etag: str | None = field(default=None, compare=False)

    def to_json(self) -> bytes:
        document = {"version": VERSION, **asdict(self)}
        del document["etag"]
        return json.dumps(document).encode()

    @classmethod
    def parse(cls, key: str, body: bytes, etag: str) -> VerifyState:
        """Read a checkpoint.

        Raises
        ------
        BackupDamaged
            It is not one that this version of the function wrote.
        """
        try:
            document = json.loads(body)
            if document.pop("version") != VERSION:
                raise ValueError("it was written by another version of the function")
            tables = [TableVerificationState.from_dict(table) for table in document.pop("tables")]
            return cls(**document, tables=tables, etag=etag)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BackupDamaged(
                f"checkpoint {key} is malformed: {error}; begin the verification anew without verify_id"
            ) from error

    def contradiction(self, request: VerifyRequest) -> str | None:
        """Return the first field that the event gives and that differs from the verification's own request."""
        event, own = request.to_dict(), self.original_request().to_dict()
        return next((name for name in sorted(request.given & set(event)) if event[name] != own[name]), None)

    def original_request(self) -> VerifyRequest:
        """Return the request that began this verification."""
        given = {name: value for name, value in self.request.items() if value is not None}
        if "export" in given:
            del given["backup_date"]
        return VerifyRequest.from_event(given)
