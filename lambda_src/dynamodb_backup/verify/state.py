"""A verification's state, and its checkpoint in S3 from which a later invocation goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dynamodb_backup.contract.verify import TableVerification, VerifyRequest
from dynamodb_backup.turns.state import WorkKind, WorkState
from dynamodb_backup.typed_record import record_of
from dynamodb_backup.verify.comparison import ComparisonState
from dynamodb_backup.verify.digests import DigestsState
from dynamodb_backup.verify.fingerprint import Fingerprint
from dynamodb_backup.verify.stored_backup import FileProgress

__all__ = ["VERIFICATION", "FileVerification", "TableVerificationState", "VerifyState"]


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
    source_keys: list[tuple[str, str]] | None = None
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
        return record_of(cls, document, closed=True)


VERIFICATION = WorkKind(
    id_field="verify_id",
    goes_on="verification goes on",
    not_found="there is no unfinished verification '{id}' (s3://{place})",
    malformed="checkpoint {key} is malformed: {error}; begin the verification anew without verify_id",
    other_request="differs from the request that began verification '{id}': {value}",
    not_written="the checkpoint could not be written",
    cannot_continue="the verification cannot be continued, begin it again: {error}",
    outpaced="another invocation carries this verification at the same time; its progress counts",
    outdated="the checkpoint could not be brought up to date: {error}",
)


@dataclass
class VerifyState(WorkState[VerifyRequest, TableVerificationState]):
    """A whole verification: its request as given first, and its tables."""

    kind = VERIFICATION

    @classmethod
    def table_from(cls, document: dict[str, Any]) -> TableVerificationState:
        return TableVerificationState.from_dict(document)

    def original_request(self) -> VerifyRequest:
        given = {name: value for name, value in self.request.items() if value is not None}
        if "export" in given:
            given.pop("backup_date", None)
        return VerifyRequest.from_event(given)
