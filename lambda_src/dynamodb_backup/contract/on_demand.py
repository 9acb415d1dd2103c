"""Request and result of the function that makes on-demand backups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from dynamodb_backup.contract.fields import Fields, is_from_eventbridge
from dynamodb_backup.errors import RequestRefused

__all__ = ["OnDemandRequest", "OnDemandResult", "RequestedBackup"]

_FIELDS = ("tables", "run_id")


@dataclass(frozen=True)
class OnDemandRequest:
    """Which tables to back up.

    ``moment`` is a schedule's own time, the same however often its event is delivered. ``run_id`` continues that run,
    which is one of all tables.
    """

    tables: tuple[str, ...]
    run_id: str | None = None
    moment: datetime | None = None

    @classmethod
    def from_event(cls, event: object, configured: tuple[str, ...]) -> OnDemandRequest:
        """Read an event: ours, or any EventBridge or Scheduler event.

        Raises
        ------
        RequestRefused
            A field is unknown, of the wrong type, or names a table that is not configured.
        """
        scheduled = is_from_eventbridge(event)
        fields = Fields(event, _FIELDS, strict=not scheduled)
        if fields.given("run_id") and fields.given("tables"):
            # A smaller run would be complete without the tables that are left out, and delete their older backups.
            raise RequestRefused("run_id", "continues a run of all tables, so 'tables' cannot be given too")
        named = fields.table_names("tables")
        for table in named or ():
            if table not in configured:
                raise RequestRefused(
                    "tables", f"names '{table}', which is not one of DYNAMODB_TABLES: {', '.join(configured)}"
                )
        return cls(
            tables=tuple(table for table in configured if named is None or table in named),
            run_id=fields.text(
                "run_id",
                pattern=r"\d{8}T\d{6}Z|by-hand-[0-9a-f]{12}",
                meaning="the run_id of an earlier answer",
            ),
            moment=_time_of(event) if isinstance(event, Mapping) and scheduled else None,
        )


def _time_of(event: Mapping[str, Any]) -> datetime | None:
    """Return an event's time; a hand-made event that lacks one is a request without a time."""
    try:
        moment = datetime.fromisoformat(str(event.get("time")))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True)
class RequestedBackup:
    """The outcome for one table. ``status`` is DynamoDB's own, CREATING or AVAILABLE, or else FAILED."""

    table_name: str
    status: str
    backup_arn: str | None = None
    error: str | None = None

    @property
    def failed(self) -> bool:
        return self.status == "FAILED"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class OnDemandResult:
    """The outcome of one invocation."""

    environment: str | None
    run_id: str | None = None
    backup_name: str | None = None
    tables: tuple[RequestedBackup, ...] = ()
    error: str | None = None
    error_type: str | None = None

    @property
    def status_code(self) -> int:
        """200, 207 or 500, as the contract defines them."""
        failed = sum(table.failed for table in self.tables)
        if self.error or failed == len(self.tables):
            return 500
        return 207 if failed else 200

    def to_response(self) -> dict[str, Any]:
        failed = sum(table.failed for table in self.tables)
        body: dict[str, Any] = {
            "environment": self.environment,
            "run_id": self.run_id,
            "backup_name": self.backup_name,
            "total_tables_processed": len(self.tables),
            "requested_backups": len(self.tables) - failed,
            "failed_backups": failed,
            "backup_results": [table.to_dict() for table in self.tables],
        }
        if self.error:
            body |= {"error": self.error, "error_type": self.error_type}
        return {"statusCode": self.status_code, "body": body}
