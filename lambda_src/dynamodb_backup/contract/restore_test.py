"""The request to test that backups can be restored, and its results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dynamodb_backup.contract.fields import Fields
from dynamodb_backup.contract.room import with_room

__all__ = ["ProvenAge", "RestoreTestReport", "RestoreTestRequest", "RestoreTestResult", "TableTest"]

_FIELDS = ("action", "tables", "test_id")
ACTIONS = ("report", "test")


@dataclass(frozen=True)
class RestoreTestRequest:
    """What to do: test tables, or report how long ago each was proven restorable; without ``tables`` all of them."""

    action: str = "test"
    tables: tuple[str, ...] | None = None
    test_id: str | None = None

    @classmethod
    def from_event(cls, event: object) -> RestoreTestRequest:
        """Read a restore-test event.

        Raises
        ------
        RequestRefused
            A field is unknown or of the wrong type. Nothing has been read or written.
        """
        fields = Fields(event, _FIELDS)
        return cls(
            action=fields.choice("action", default="test", allowed=ACTIONS),
            tables=fields.table_names("tables"),
            test_id=fields.text(
                "test_id", pattern=r"[A-Za-z0-9_-]{1,80}", meaning="the test_id of an earlier answer, or a new one"
            ),
        )


@dataclass(frozen=True)
class TableTest:
    """The outcome for one table. ``status`` is IN_PROGRESS, PROVEN, FAILED or SKIPPED; counts are items.

    ``restore_seconds`` is the time from the restore's begin to the end of its proof. ``scratch_table`` is named as long
    as it may still exist.
    """

    table_name: str
    status: str
    proven: bool = False
    backup_date: str | None = None
    tested_at: str | None = None
    restore_seconds: float | None = None
    items_expected: int = 0
    items_restored: int = 0
    table_bytes: int | None = None
    restore_id: str | None = None
    scratch_table: str | None = None
    differences: Mapping[str, int] | None = None
    error: str | None = None
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"warnings": list(self.warnings)}


@dataclass(frozen=True)
class RestoreTestResult:
    """The outcome of one invocation. ``leftovers`` are scratch tables of earlier tests that could not be deleted."""

    environment: str | None
    s3_bucket: str | None
    test_id: str | None = None
    tables: tuple[TableTest, ...] = ()
    leftovers: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str | None = None
    error_type: str | None = None

    @property
    def status_code(self) -> int:
        """200: every table was proven or skipped, and at least one proven; 202: call again; 207 or 500: see below.

        Nothing proven, for example because each table is above the size limit, is a failure: nothing was shown.
        """
        statuses = {table.status for table in self.tables}
        if self.error:
            return 500
        if "IN_PROGRESS" in statuses:
            return 202
        if "PROVEN" not in statuses:
            return 500
        return 207 if self.leftovers or "FAILED" in statuses else 200

    def to_response(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "environment": self.environment,
            "s3_bucket": self.s3_bucket,
            "test_id": self.test_id,
            "tables_requested": len(self.tables),
            "proven_tables": self._count("PROVEN"),
            "failed_tables": self._count("FAILED"),
            "skipped_tables": self._count("SKIPPED"),
            "test_results": [table.to_dict() for table in self.tables],
            "leftovers": list(self.leftovers),
        }
        warnings = [*self.warnings, *(warning for table in self.tables for warning in table.warnings)]
        if warnings:
            body["warnings"] = warnings
        if self.error:
            body |= {"error": self.error, "error_type": self.error_type}
        body = with_room(body, "test_results", lambda row: row["status"] == "PROVEN")
        return {"statusCode": self.status_code, "body": body}

    def _count(self, status: str) -> int:
        return sum(table.status == status for table in self.tables)


@dataclass(frozen=True)
class ProvenAge:
    """How long ago a table was proven restorable, in hours; where it never was, since it is watched."""

    table_name: str
    hours: float | None = None
    last_proven: Mapping[str, Any] | None = None
    error: str | None = None


@dataclass(frozen=True)
class RestoreTestReport:
    """The ages of all tables, as they were published."""

    environment: str | None
    s3_bucket: str | None
    tables: tuple[ProvenAge, ...] = ()

    def to_response(self) -> dict[str, Any]:
        failed = [table for table in self.tables if table.error]
        body = {
            "environment": self.environment,
            "s3_bucket": self.s3_bucket,
            "tables": [asdict(table) for table in self.tables],
        }
        return {"statusCode": 207 if failed else 200, "body": body}
