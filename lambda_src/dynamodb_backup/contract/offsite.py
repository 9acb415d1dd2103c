"""The request to copy backups to another store, or to fetch them from there, and its results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from dynamodb_backup.contract.fields import Fields
from dynamodb_backup.contract.room import with_room
from dynamodb_backup.errors import RequestRefused

__all__ = ["CopyAge", "OffsiteReport", "OffsiteRequest", "OffsiteResult", "UnitCopy"]

_FIELDS = ("action", "backup_date", "days")
ACTIONS = ("copy", "fetch", "report")
MOST_DAYS = 36_500
MOST_LISTED = 200
"""Copies in one answer; what a state machine carries on has at most 256 KiB."""


@dataclass(frozen=True)
class OffsiteRequest:
    """What to do: copy to the store, fetch from it, or report how old each table's newest copy is.

    ``backup_date`` is one date or ``latest``; ``days`` are those from today back. ``copy`` without either takes as many
    as are configured.
    """

    action: str = "copy"
    backup_date: str | None = None
    days: int | None = None

    @classmethod
    def from_event(cls, event: object) -> OffsiteRequest:
        """Read an event.

        Raises
        ------
        RequestRefused
            A field is unknown, of the wrong type, or contradicts another. Nothing has been read or written.
        """
        fields = Fields(event, _FIELDS)
        request = cls(
            action=fields.choice("action", default="copy", allowed=ACTIONS),
            backup_date=fields.backup_date("backup_date") if fields.given("backup_date") else None,
            days=fields.optional_integer("days", least=1, most=MOST_DAYS),
        )
        if request.backup_date is not None and request.days is not None:
            raise RequestRefused("days", "stands instead of 'backup_date'; give one of the two")
        if request.action == "fetch" and request.backup_date is None and request.days is None:
            raise RequestRefused("backup_date", "is missing: say which date to fetch, or latest, or give 'days'")
        if request.action == "report" and (request.backup_date is not None or request.days is not None):
            raise RequestRefused("action", "is report, which takes no other field")
        return request


@dataclass(frozen=True)
class UnitCopy:
    """What became of one date, or of one table's chain. ``status`` is IN_PROGRESS, COPIED, PARTIAL or FAILED.

    ``errors`` say by table why its backup of the date is not there; ``error`` says it in one text, or is of the whole.
    """

    kind: str
    name: str
    status: str
    errors: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        error = self.error or "; ".join(f"{table}: {text}" for table, text in sorted(self.errors.items())) or None
        return {**asdict(self), "errors": dict(self.errors), "error": error}


@dataclass(frozen=True)
class OffsiteResult:
    """The outcome of one invocation. ``already`` are dates and chains of which there was nothing to do."""

    environment: str | None
    s3_bucket: str | None
    action: str | None = None
    store: str | None = None
    copies: tuple[UnitCopy, ...] = ()
    already: int = 0
    bytes_copied: int = 0
    waiting: str | None = None
    error: str | None = None
    error_type: str | None = None

    @property
    def status_code(self) -> int:
        """200: all is copied; 202: the same event again goes on; 207: some; 500: nothing, or the event was refused."""
        statuses = {copy.status for copy in self.copies}
        if self.error:
            return 500
        if self.waiting or "IN_PROGRESS" in statuses:
            return 202
        if statuses <= {"COPIED"}:
            return 200
        return 207 if self.already or statuses & {"COPIED", "PARTIAL"} else 500

    def to_response(self) -> dict[str, Any]:
        worst_first = sorted(self.copies, key=lambda copy: copy.status == "COPIED")
        body: dict[str, Any] = {
            "environment": self.environment,
            "s3_bucket": self.s3_bucket,
            "action": self.action,
            "store": self.store,
            "copied": self._count("COPIED"),
            "already_copied": self.already,
            "partial_copies": self._count("PARTIAL"),
            "failed_copies": self._count("FAILED"),
            "open_copies": self._count("IN_PROGRESS"),
            "bytes_copied": self.bytes_copied,
            "copies": [copy.to_dict() for copy in worst_first[:MOST_LISTED]],
        }
        if self.waiting:
            body["waiting"] = self.waiting
        if self.error:
            body |= {"error": self.error, "error_type": self.error_type}
        body = with_room(body, "copies", lambda row: row["status"] == "COPIED")
        return {"statusCode": self.status_code, "body": body}

    def _count(self, status: str) -> int:
        return sum(copy.status == status for copy in self.copies)


@dataclass(frozen=True)
class CopyAge:
    """How old what the store holds of a table is, in hours; where it holds nothing, since it is watched."""

    table_name: str
    hours: float
    newest_copy: str | None


@dataclass(frozen=True)
class OffsiteReport:
    """The ages of all tables, as they were published."""

    environment: str | None
    s3_bucket: str | None
    store: str | None
    tables: tuple[CopyAge, ...] = ()

    def to_response(self) -> dict[str, Any]:
        return {"statusCode": 200, "body": {**asdict(self), "tables": [asdict(table) for table in self.tables]}}
