"""The request for a legal hold on backups, and its result."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from dynamodb_backup.contract.fields import Fields
from dynamodb_backup.errors import RequestRefused

__all__ = ["ACTION", "LegalHoldRequest", "LegalHoldResult", "TableHold"]

ACTION = "legal_hold"
_FIELDS = ("action", "hold", "backup_date", "tables")


@dataclass(frozen=True)
class LegalHoldRequest:
    """Put a hold on the backups of one date, or take it away; of these tables, or of all (``None``)."""

    backup_date: str
    on: bool
    tables: tuple[str, ...] | None = None

    @classmethod
    def from_event(cls, event: object) -> LegalHoldRequest:
        """Read a legal hold event.

        Raises
        ------
        RequestRefused
            A field is unknown, missing or of the wrong type. Nothing has been read.
        """
        fields = Fields(event, _FIELDS)
        fields.choice("action", default=ACTION, allowed=(ACTION,))
        hold = fields.choice("hold", default="", allowed=("on", "off"))
        day = fields.day("backup_date")
        if day is None:
            raise RequestRefused("backup_date", "is missing: a legal hold is for the backups of one date")
        return cls(backup_date=day, on=hold == "on", tables=fields.table_names("tables"))


@dataclass(frozen=True)
class TableHold:
    """The outcome for one table. ``status`` is ON, OFF, IN_PROGRESS or FAILED; ``objects`` counts those dealt with."""

    table_name: str
    status: str
    objects: int = 0
    error: str | None = None


@dataclass(frozen=True)
class LegalHoldResult:
    """The outcome of one invocation."""

    environment: str | None
    s3_bucket: str | None
    backup_date: str | None = None
    tables: tuple[TableHold, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str | None = None
    error_type: str | None = None

    @property
    def status_code(self) -> int:
        """200, 202, 207 or 500, as for a backup."""
        statuses = {table.status for table in self.tables}
        if self.error or statuses <= {"FAILED"}:
            return 500
        if "IN_PROGRESS" in statuses:
            return 202
        return 207 if "FAILED" in statuses else 200

    def to_response(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "environment": self.environment,
            "s3_bucket": self.s3_bucket,
            "backup_date": self.backup_date,
            "hold_results": [asdict(table) for table in self.tables],
        }
        if self.warnings:
            body["warnings"] = list(self.warnings)
        if self.error:
            body |= {"error": self.error, "error_type": self.error_type}
        return {"statusCode": self.status_code, "body": body}
