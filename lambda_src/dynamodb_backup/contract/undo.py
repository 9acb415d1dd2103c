"""The request for an undo, and its result."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from dynamodb_backup.contract.confirmation import CONFIRM, confirmed_tables
from dynamodb_backup.contract.fields import Fields
from dynamodb_backup.contract.selection import TypedKey, typed_keys
from dynamodb_backup.errors import RequestRefused

__all__ = ["TableUndo", "UndoRequest", "UndoResult"]

_FIELDS = (
    "action",
    "tables",
    "from",
    "to",
    "export",
    "keys",
    "partition_keys",
    "dry_run",
    "allow_changed_after",
    "max_workers",
    CONFIRM,
    "undo_id",
)
MOST_WORKERS = 64
DEFAULT_WORKERS = 16
LONGEST_WINDOW = timedelta(hours=24)
"""What one incremental export covers:
docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport_Requesting.html"""


@dataclass(frozen=True)
class UndoRequest:
    """Whose changes to revert: of these tables, made from ``begin`` (included) to ``end`` (excluded).

    ``given`` names the fields that the event held.
    """

    tables: tuple[str, ...] | None = None
    begin: str | None = None
    end: str | None = None
    export: str | None = None
    keys: tuple[TypedKey, ...] | None = None
    partition_keys: tuple[TypedKey, ...] | None = None
    dry_run: bool = False
    allow_changed_after: bool = False
    max_workers: int = DEFAULT_WORKERS
    confirm: tuple[str, ...] | None = None
    undo_id: str | None = None
    given: frozenset[str] = field(default=frozenset(), compare=False)

    @classmethod
    def from_event(cls, event: object) -> UndoRequest:
        """Read an undo event.

        Raises
        ------
        RequestRefused
            A field is unknown, of the wrong type, or contradicts another. Nothing has been read or written.
        """
        fields = Fields(event, _FIELDS)
        fields.choice("action", default="undo", allowed=("undo",))
        request = cls(
            tables=fields.table_names("tables"),
            begin=_moment(fields, "from"),
            end=_moment(fields, "to"),
            export=fields.text(
                "export",
                pattern=r"s3://[^/]+/(?:.*/)?AWSDynamoDB/[^/]+/?",
                meaning="the place of an incremental export, s3://bucket/.../AWSDynamoDB/<ExportId>/",
            ),
            keys=typed_keys(fields, "keys"),
            partition_keys=typed_keys(fields, "partition_keys"),
            dry_run=fields.boolean("dry_run", default=False),
            allow_changed_after=fields.boolean("allow_changed_after", default=False),
            max_workers=fields.integer("max_workers", default=DEFAULT_WORKERS, least=1, most=MOST_WORKERS),
            confirm=confirmed_tables(fields),
            undo_id=fields.text(
                "undo_id", pattern=r"[0-9]{8}T[0-9A-Za-z-]{1,55}", meaning="the undo_id of an earlier answer"
            ),
            given=frozenset(name for name in _FIELDS if name != "action" and fields.given(name)),
        )
        if request.undo_id is None:
            request._check()
        return request

    @property
    def selected_keys(self) -> tuple[TypedKey, ...]:
        """The single keys or partition keys whose changes are reverted; empty if everything's are."""
        return self.keys or self.partition_keys or ()

    @property
    def window(self) -> tuple[datetime, datetime] | None:
        return (
            (datetime.fromisoformat(self.begin), datetime.fromisoformat(self.end)) if self.begin and self.end else None
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the request as an event that means the same, for the record of the undo."""
        values = {
            "tables": self.tables,
            "from": self.begin,
            "to": self.end,
            "export": self.export,
            "keys": self.keys,
            "partition_keys": self.partition_keys,
            "dry_run": self.dry_run,
            "allow_changed_after": self.allow_changed_after,
            "max_workers": self.max_workers,
            CONFIRM: self.confirm,
        }
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if value is not None
        }

    def _check(self) -> None:
        if self.export and (self.begin or self.end):
            raise RequestRefused("export", "has its own window, so 'from' and 'to' cannot be given too")
        if not self.export and not (self.begin and self.end):
            raise RequestRefused("to" if self.begin else "from", "is missing: give 'from' and 'to', or 'export'")
        if self.window:
            begin, end = self.window
            if begin >= end:
                raise RequestRefused("from", f"is {self.begin}, which is not before 'to', {self.end}")
            if end - begin > LONGEST_WINDOW:
                raise RequestRefused("to", "is more than 24 hours after 'from'; undo the newest 24 hours first")
        if self.keys and self.partition_keys:
            raise RequestRefused("partition_keys", "stands instead of 'keys'; give one of the two")
        for name in ("export", "keys", "partition_keys"):
            if getattr(self, name) and len(self.tables or ()) != 1:
                raise RequestRefused(name, "belongs to one table, so 'tables' must name exactly that one")


def _moment(fields: Fields, name: str) -> str | None:
    meaning = "a time in UTC to the second, such as 2026-01-31T12:00:00Z"
    text = fields.text(name, pattern=r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", meaning=meaning)
    try:
        if text is not None:
            datetime.fromisoformat(text)
    except ValueError:
        raise RequestRefused(name, f"must be {meaning}, but there is no time {text}") from None
    return text


@dataclass(frozen=True)
class TableUndo:
    """The outcome for one table. Counts are items, each of which changed in the window.

    In a dry run ``items_reverted`` counts those that would be.
    """

    table_name: str
    status: str
    export: str | None = None
    changes_in_window: int = 0
    changes_selected: int = 0
    items_reverted: int = 0
    items_already_reverted: int = 0
    items_changed_after: int = 0
    items_failed: int = 0
    keys_not_found: tuple[TypedKey, ...] = ()
    not_reverted: str | None = None
    overwritten_export: str | None = None
    error: str | None = None
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"warnings": list(self.warnings), "keys_not_found": list(self.keys_not_found)}


@dataclass(frozen=True)
class UndoResult:
    """The outcome of one invocation."""

    environment: str | None
    s3_bucket: str | None
    undo_id: str | None = None
    dry_run: bool = False
    duration_seconds: float = 0.0
    tables: tuple[TableUndo, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str | None = None
    error_type: str | None = None

    @property
    def status_code(self) -> int:
        """200, 202, 207 or 500, as for a restore."""
        statuses = {table.status for table in self.tables}
        if self.error or not statuses:
            return 500
        if "IN_PROGRESS" in statuses:
            return 202
        if statuses <= {"COMPLETED", "READY"}:
            return 200
        return 207 if statuses - {"FAILED"} or self._reverted else 500

    @property
    def _reverted(self) -> int:
        return sum(table.items_reverted for table in self.tables)

    def to_response(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "environment": self.environment,
            "s3_bucket": self.s3_bucket,
            "undo_id": self.undo_id,
            "dry_run": self.dry_run,
            "duration_seconds": round(self.duration_seconds, 3),
            "tables_requested": len(self.tables),
            "successful_undos": self._count("COMPLETED", "READY"),
            "partial_undos": self._count("PARTIAL_SUCCESS"),
            "failed_undos": self._count("FAILED"),
            "total_items_reverted": self._reverted,
            "undo_results": [table.to_dict() for table in self.tables],
        }
        warnings = [*self.warnings, *(warning for table in self.tables for warning in table.warnings)]
        if warnings:
            body["warnings"] = warnings
        if self.error:
            body |= {"error": self.error, "error_type": self.error_type}
        return {"statusCode": self.status_code, "body": body}

    def _count(self, *statuses: str) -> int:
        return sum(table.status in statuses for table in self.tables)
