"""How a restore went: what the function answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from dynamodb_backup.contract.selection import TypedKey

__all__ = ["RestoreResult", "TableRestore"]

_ONLY_WHERE_KNOWN = ("files_read", "keys_not_found", "estimate", "side_effects", "transformed_attributes")
"""Fields of a table's result that a restore without them does not show."""


@dataclass(frozen=True)
class TableRestore:
    """The outcome for one table. Counts are items; ``status`` is as the contract defines it."""

    table_name: str
    target_table: str
    status: str
    backup_date: str | None = None
    items_expected: int = 0
    items_processed: int = 0
    items_written: int = 0
    items_failed: int = 0
    items_skipped: int = 0
    items_unchanged: int = 0
    items_deleted: int = 0
    files_total: int = 0
    files_done: int = 0
    files_read: int | None = None
    keys_not_found: tuple[TypedKey, ...] | None = None
    restored_to: str | None = None
    increments: int = 0
    proven: bool | None = None
    differences: dict[str, Any] | None = None
    failed_items_export: str | None = None
    creates_target: bool = False
    estimate: dict[str, Any] | None = None
    side_effects: list[str] | None = None
    transformed_attributes: dict[str, int] | None = None
    error: str | None = None
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as JSON has it; what only dry runs or restores of single keys know, only there."""
        document = asdict(self) | {"warnings": list(self.warnings)}
        if self.keys_not_found is not None:
            document["keys_not_found"] = list(self.keys_not_found)
        absent = [name for name in _ONLY_WHERE_KNOWN if document[name] is None]
        for name in absent:
            del document[name]
        return document


@dataclass(frozen=True)
class RestoreResult:
    """The outcome of one invocation."""

    environment: str | None
    s3_bucket: str | None
    dry_run: bool = False
    backup_date: str | None = None
    restore_id: str | None = None
    duration_seconds: float = 0.0
    tables: tuple[TableRestore, ...] = ()
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
        if statuses <= {"COMPLETED", "READY"}:
            return 200
        restored_something = statuses & {"COMPLETED", "READY", "PARTIAL_SUCCESS"}
        wrote_something = any(table.items_written or table.items_deleted for table in self.tables)
        return 207 if restored_something or wrote_something else 500

    def to_response(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "backup_date": self.backup_date,
            "environment": self.environment,
            "s3_bucket": self.s3_bucket,
            "restore_id": self.restore_id,
            "dry_run": self.dry_run,
            "duration_seconds": round(self.duration_seconds, 3),
            "tables_requested": len(self.tables),
            "successful_restores": self._count("COMPLETED", "READY"),
            "partial_restores": self._count("PARTIAL_SUCCESS"),
            "failed_restores": self._count("FAILED"),
            "total_items_written": sum(table.items_written for table in self.tables),
            "total_items_processed": sum(table.items_processed for table in self.tables),
            "restore_results": [table.to_dict() for table in self.tables],
        }
        warnings = [*self.warnings, *(warning for table in self.tables for warning in table.warnings)]
        if warnings:
            body["warnings"] = warnings
        if self.error:
            body |= {"error": self.error, "error_type": self.error_type}
        return {"statusCode": self.status_code, "body": body}

    def _count(self, *statuses: str) -> int:
        return sum(table.status in statuses for table in self.tables)
