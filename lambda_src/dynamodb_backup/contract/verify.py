"""The request to verify stored backups, or tables against them, and its result."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from dynamodb_backup.contract.fields import Fields
from dynamodb_backup.contract.restore_fields import DEFAULT_WORKERS, MOST_WORKERS
from dynamodb_backup.contract.room import with_room
from dynamodb_backup.errors import RequestRefused

__all__ = ["FIELDS", "TableVerification", "VerifyRequest", "VerifyResult"]

FIELDS = ("action", "backup_date", "tables", "export", "against", "target_tables", "max_workers", "verify_id")
AGAINST = ("manifest", "table")
WHOLE = ("VERIFIED", "IDENTICAL")


@dataclass(frozen=True)
class VerifyRequest:
    """What to verify. ``given`` names the fields that the event held."""

    backup_date: str = "latest"
    tables: tuple[str, ...] | None = None
    export: str | None = None
    against: str = "manifest"
    target_tables: dict[str, str] = field(default_factory=dict)
    max_workers: int = DEFAULT_WORKERS
    verify_id: str | None = None
    given: frozenset[str] = field(default=frozenset(), compare=False)

    @classmethod
    def from_event(cls, event: object) -> VerifyRequest:
        """Read a verify event.

        Raises
        ------
        RequestRefused
            A field is unknown, of the wrong type, or contradicts another. Nothing has been read or written.
        """
        fields = Fields(event, FIELDS)
        fields.choice("action", default="verify", allowed=("verify",))
        request = cls(
            backup_date=fields.backup_date("backup_date"),
            tables=fields.table_names("tables"),
            export=fields.text(
                "export",
                pattern=r"s3://[^/]+/(?:.*/)?AWSDynamoDB/[^/]+/?",
                meaning="the place of a native export, s3://bucket/.../AWSDynamoDB/<ExportId>/",
            ),
            against=fields.choice("against", default="manifest", allowed=AGAINST),
            target_tables=fields.table_map("target_tables"),
            max_workers=fields.integer("max_workers", default=DEFAULT_WORKERS, least=1, most=MOST_WORKERS),
            verify_id=fields.text(
                "verify_id", pattern=r"[A-Za-z0-9-]{1,64}", meaning="the verify_id of an earlier answer"
            ),
            given=frozenset(name for name in FIELDS if name != "action" and fields.given(name)),
        )
        request._check()
        return request

    def target_of(self, source: str) -> str:
        return self.target_tables.get(source, source)

    def to_dict(self) -> dict[str, Any]:
        """Return the request as an event that means the same, for the checkpoint."""
        fields = {name: getattr(self, name) for name in FIELDS if name not in {"action", "verify_id"}}
        return fields | {"tables": list(self.tables) if self.tables is not None else None}

    def _check(self) -> None:
        if self.export is not None and "backup_date" in self.given:
            raise RequestRefused("export", "stands instead of 'backup_date'; give one of the two")
        if self.export is not None and len(set(self.tables or ()) | set(self.target_tables)) > 1:
            raise RequestRefused("export", "holds one table, so 'tables' or 'target_tables' must name exactly that one")
        if self.target_tables and self.against != "table" and self.verify_id is None:
            raise RequestRefused("target_tables", 'is for comparing with tables: add "against": "table"')
        for source in self.target_tables:
            if self.tables is not None and source not in self.tables:
                raise RequestRefused("target_tables", f"names source '{source}', which is not in 'tables'")


@dataclass(frozen=True)
class TableVerification:
    """The outcome for one table. Counts are items; ``status`` is as the contract defines it."""

    table_name: str
    target_table: str | None
    status: str
    backup_date: str | None = None
    export_manifest: str | None = None
    items_expected: int = 0
    items_verified: int = 0
    files_total: int = 0
    files_done: int = 0
    fingerprint: str | None = None
    fingerprint_key: str | None = None
    items_in_table: int | None = None
    table_fingerprint: str | None = None
    differences: dict[str, Any] | None = None
    error: str | None = None
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"warnings": list(self.warnings)}


@dataclass(frozen=True)
class VerifyResult:
    """The outcome of one invocation."""

    environment: str | None
    s3_bucket: str | None
    against: str | None = None
    verify_id: str | None = None
    duration_seconds: float = 0.0
    tables: tuple[TableVerification, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str | None = None
    error_type: str | None = None

    @property
    def status_code(self) -> int:
        """200, 202, 207 or 500, as the contract defines them."""
        statuses = {table.status for table in self.tables}
        if self.error or not statuses:
            return 500
        if "IN_PROGRESS" in statuses:
            return 202
        if statuses <= set(WHOLE):
            return 200
        return 500 if statuses == {"FAILED"} else 207

    def to_response(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "environment": self.environment,
            "s3_bucket": self.s3_bucket,
            "against": self.against,
            "verify_id": self.verify_id,
            "duration_seconds": round(self.duration_seconds, 3),
            "tables_requested": len(self.tables),
            "verified_tables": self._count(*WHOLE),
            "different_tables": self._count("DIFFERENT"),
            "failed_tables": self._count("FAILED"),
            "total_items_verified": sum(table.items_verified for table in self.tables),
            "verify_results": [table.to_dict() for table in self.tables],
        }
        warnings = [*self.warnings, *(warning for table in self.tables for warning in table.warnings)]
        if warnings:
            body["warnings"] = warnings
        if self.error:
            body |= {"error": self.error, "error_type": self.error_type}
        body = with_room(body, "verify_results", lambda row: row["status"] in WHOLE)
        return {"statusCode": self.status_code, "body": body}

    def _count(self, *statuses: str) -> int:
        return sum(table.status in statuses for table in self.tables)
