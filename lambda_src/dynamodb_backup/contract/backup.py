"""The backup function's request and result."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from dynamodb_backup.contract.audited import execution_of
from dynamodb_backup.contract.fields import Fields, is_from_eventbridge
from dynamodb_backup.contract.room import with_room
from dynamodb_backup.errors import RequestRefused

__all__ = ["BACKUP_TYPE", "BackupRequest", "BackupResult", "TableBackup"]

BACKUP_TYPE = "DYNAMODB_NATIVE_EXPORT"

_FIELDS = ("tables", "export_type", "run_id", "execution")
"""``execution`` is the state machine's: for the audit records, and to know a repeated invocation again."""

_EXPORT_TYPES = ("FULL_EXPORT", "INCREMENTAL_EXPORT")


@dataclass(frozen=True)
class BackupRequest:
    """What to back up.

    ``trigger`` tells one delivery of a schedule's event from the next, so that a repeated delivery is known again;
    ``execution`` does the same for an event without a time, which a state machine repeats where an answer was lost.
    ``run_id`` continues exactly that run.
    """

    tables: tuple[str, ...]
    export_type: str
    trigger: str | None = None
    run_id: str | None = None
    execution: str | None = None

    @classmethod
    def from_event(
        cls, event: object, configured: tuple[str, ...], without_increments: Collection[str] = ()
    ) -> BackupRequest:
        """Read a backup event: ours, or any EventBridge or Scheduler event.

        Parameters
        ----------
        without_increments
            Tables whose backup method knows no increments: a run of incremental exports leaves them out.

        Raises
        ------
        RequestRefused
            A field is unknown, of the wrong type, or names a table that is not configured.
        """
        scheduled = is_from_eventbridge(event)
        # EventBridge may add members to its envelope at any time; only our own events are closed.
        fields = Fields(event, _FIELDS, strict=not scheduled)
        export_type = fields.choice("export_type", default="FULL_EXPORT", allowed=_EXPORT_TYPES)
        if fields.given("run_id") and (fields.given("tables") or fields.given("export_type")):
            raise RequestRefused(
                "run_id", "continues one run as it is, so 'tables' and 'export_type' cannot be given too"
            )
        named = fields.table_names("tables")
        for table in named or ():
            if table not in configured:
                raise RequestRefused(
                    "tables", f"names '{table}', which is not one of DYNAMODB_TABLES: {', '.join(configured)}"
                )
        left_out = set(without_increments) if export_type == "INCREMENTAL_EXPORT" else set()
        # In the configured order, so that the same subset is the same run however it was written.
        chosen = tuple(table for table in configured if named is None or table in named)
        tables = tuple(table for table in chosen if table not in left_out)
        if chosen and (not tables or (named is not None and tables != chosen)):
            table = next(one for one in chosen if one in left_out)
            raise RequestRefused(
                "export_type",
                f"is INCREMENTAL_EXPORT, but table '{table}' is backed up by scan, which has no increments; "
                "use FULL_EXPORT",
            )
        return cls(
            tables=tables,
            export_type=export_type,
            run_id=fields.text(
                "run_id", pattern=r"\d{4}-\d{2}-\d{2}-\d{4,}", meaning="the run_id of an earlier answer"
            ),
            trigger=_trigger(event) if isinstance(event, Mapping) and scheduled else None,
            execution=execution_of(event),
        )


def _trigger(event: Mapping[str, Any]) -> str | None:
    """Return id and time of an event. A hand-made event that lacks one of them is a new request each time."""
    moment, name = event.get("time"), event.get("id")
    return f"{moment} {name}" if isinstance(moment, str) and isinstance(name, str) and moment and name else None


@dataclass(frozen=True)
class TableBackup:
    """The outcome for one table. ``status`` is COMPLETED, FAILED or IN_PROGRESS.

    ``windows`` are the increments that a run of incremental exports made, ``None`` for a full backup.
    ``item_count_alert`` says that the table lost most of its items; it stands among ``warnings``, too.
    """

    table_name: str
    status: str
    export_arn: str | None = None
    item_count: int | None = None
    size_bytes: int = 0
    error: str | None = None
    warnings: tuple[str, ...] = ()
    export_type: str = "FULL_EXPORT"
    windows: tuple[Mapping[str, Any], ...] | None = None
    item_count_alert: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "table_name": self.table_name,
            "status": self.status,
            "export_type": self.export_type,
            "export_arn": self.export_arn,
            "item_count": self.item_count,
            "error": self.error,
            **({"windows": [dict(window) for window in self.windows]} if self.windows is not None else {}),
            **({"item_count_alert": self.item_count_alert} if self.item_count_alert else {}),
            **({"warnings": list(self.warnings)} if self.warnings else {}),
        }


@dataclass(frozen=True)
class BackupResult:
    """The outcome of one invocation. Sizes in bytes; ``total_size_mb`` in the answer is 1,048,576 bytes each."""

    backup_date: str | None
    environment: str | None
    s3_bucket: str | None
    manifest_s3_key: str | None = None
    run_id: str | None = None
    tables: tuple[TableBackup, ...] = ()
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
        if statuses == {"COMPLETED"}:
            return 200
        return 207 if "COMPLETED" in statuses else 500

    def to_response(self) -> dict[str, Any]:
        completed = [table for table in self.tables if table.status == "COMPLETED"]
        body: dict[str, Any] = {
            "backup_date": self.backup_date,
            "environment": self.environment,
            "backup_type": BACKUP_TYPE,
            "run_id": self.run_id,
            "total_tables_processed": len(self.tables),
            "successful_exports": len(completed),
            "failed_exports": sum(table.status == "FAILED" for table in self.tables),
            "total_items_exported": sum(table.item_count or 0 for table in completed),
            "total_size_mb": round(sum(table.size_bytes for table in completed) / 1_048_576, 2),
            "manifest_s3_key": self.manifest_s3_key,
            "s3_bucket": self.s3_bucket,
            "export_results": [table.to_dict() for table in self.tables],
        }
        warnings = [*self.warnings, *(warning for table in self.tables for warning in table.warnings)]
        if warnings:
            body["warnings"] = warnings
        if self.error:
            body |= {"error": self.error, "error_type": self.error_type}
        return {"statusCode": self.status_code, "body": with_room(body, "export_results", _is_well)}


def _is_well(row: Mapping[str, Any]) -> bool:
    return row["status"] == "COMPLETED" and "item_count_alert" not in row
