"""The request for the list of recovery points, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dynamodb_backup.contract.backup import BACKUP_TYPE
from dynamodb_backup.contract.fields import Fields, is_from_eventbridge
from dynamodb_backup.errors import RequestRefused

__all__ = [
    "ON_DEMAND",
    "ChainPoint",
    "ListRequest",
    "ListResult",
    "RecoveryPoint",
    "TableRecoveryPoints",
    "UnreadableDate",
]

ON_DEMAND = "DYNAMODB_ON_DEMAND"
"""``backup_type`` of a backup that DynamoDB keeps itself, made by modules/on_demand_backup."""

_FIELDS = ("action", "tables", "from", "to", "limit", "next")
DEFAULT_LIMIT = 1000
MOST_POINTS = 5000


@dataclass(frozen=True)
class ListRequest:
    """Which recovery points to list: of these tables, between these dates (both included), from this page on."""

    tables: tuple[str, ...] | None = None
    earliest: str | None = None
    latest: str | None = None
    limit: int = DEFAULT_LIMIT
    page: str | None = None

    @staticmethod
    def is_meant(event: object) -> bool:
        """Tell whether an event asks for an action by name. An EventBridge event never does, whatever it holds."""
        return isinstance(event, Mapping) and "action" in event and not is_from_eventbridge(event)

    @classmethod
    def from_event(cls, event: object) -> ListRequest:
        """Read a list event.

        Raises
        ------
        RequestRefused
            A field is unknown, of the wrong type, or contradicts another. Nothing has been read.
        """
        fields = Fields(event, _FIELDS)
        fields.choice("action", default="list", allowed=("list", "legal_hold", "accept_collapse"))
        earliest, latest = fields.day("from"), fields.day("to")
        if earliest and latest and earliest > latest:
            raise RequestRefused("from", f"is {earliest}, which is later than 'to', {latest}")
        return cls(
            tables=fields.table_names("tables"),
            earliest=earliest,
            latest=latest,
            limit=fields.integer("limit", default=DEFAULT_LIMIT, least=1, most=MOST_POINTS),
            page=fields.text(
                "next", pattern=r"\d{4}-\d{2}-\d{2}(\+\d{1,9})?", meaning="the 'next' of an earlier answer"
            ),
        )

    @property
    def start(self) -> tuple[str, int] | None:
        """Return the date at which the page begins, and how many of its points earlier pages held."""
        if self.page is None:
            return None
        date, _, given = self.page.partition("+")
        return date, int(given or 0)

    def covers(self, date: str) -> bool:
        """Tell whether a date's recovery points belong to this page or a later one."""
        newest = self.start[0] if self.start else date
        return (self.earliest or date) <= date <= min(self.latest or date, newest)


@dataclass(frozen=True)
class RecoveryPoint:
    """One backup, or attempt at one, of one table. Sizes in bytes.

    ``verified`` means that this product compared the stored export with DynamoDB's checksums and counts when it was
    made. ``export_manifest`` is the key of DynamoDB's manifest-summary.json. Without ``expires_at`` it does not
    expire, or not before a newer verified backup is there. An on-demand backup has a ``backup_arn``, DynamoDB's own
    status, and as ``run_id`` its maker's.
    ``legal_hold`` is ON, PLACING or RELEASING.
    """

    table_name: str
    backup_date: str
    status: str
    verified: bool
    export_time: str | None = None
    item_count: int | None = None
    billed_size_bytes: int | None = None
    compressed_bytes: int | None = None
    run_id: str | None = None
    export_type: str | None = None
    export_manifest: str | None = None
    retention_class: str | None = None
    expires_at: str | None = None
    legal_hold: str | None = None
    error: str | None = None
    backup_type: str = BACKUP_TYPE
    backup_arn: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the point as it stands under its table."""
        fields = asdict(self)
        del fields["table_name"]
        return fields


@dataclass(frozen=True)
class UnreadableDate:
    """A date that has a folder but no manifest that can be read.

    ``status`` is NO_MANIFEST (a run is going on, or ended before it recorded anything), DAMAGED or UNREADABLE.
    """

    backup_date: str
    status: str
    manifest: str
    error: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class ChainPoint:
    """One full backup with the increments behind it: restorable to the end of each window up to ``covered_until``.

    ``windows`` counts the verified increments and ``changes`` what they hold. Times are ISO 8601, sizes bytes.
    """

    chain_id: str
    backup_date: str
    export_time: str
    covered_until: str
    windows: int
    changes: int
    billed_size_bytes: int
    gaps: tuple[Mapping[str, str], ...] = ()
    closed: str | None = None
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"gaps": [dict(gap) for gap in self.gaps]}


@dataclass(frozen=True)
class TableRecoveryPoints:
    """One table's part of a page. ``newest_verified`` and ``chains`` are told on a first page alone (``searched``)."""

    table_name: str
    recovery_points: tuple[RecoveryPoint, ...]
    newest_verified: RecoveryPoint | None = None
    searched: bool = False
    chains: tuple[ChainPoint, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        on_first_page = {
            "newest_verified": self.newest_verified.to_dict() if self.newest_verified else None,
            "chains": [chain.to_dict() for chain in self.chains],
        }
        return {
            "table_name": self.table_name,
            **(on_first_page if self.searched else {}),
            "recovery_points": [point.to_dict() for point in self.recovery_points],
        }


@dataclass(frozen=True)
class ListResult:
    """One page of the list. ``warnings`` say what could not be read."""

    environment: str | None
    s3_bucket: str | None
    tables: tuple[TableRecoveryPoints, ...] = ()
    unreadable_dates: tuple[UnreadableDate, ...] = ()
    next_page: str | None = None
    warnings: tuple[str, ...] = ()
    error: str | None = None
    error_type: str | None = None

    @property
    def status_code(self) -> int:
        """200: everything asked for could be read; 207: not everything; 500: nothing was listed."""
        if self.error:
            return 500
        return 207 if self.warnings else 200

    def to_response(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "environment": self.environment,
            "s3_bucket": self.s3_bucket,
            "total_recovery_points": sum(len(table.recovery_points) for table in self.tables),
            "tables": [table.to_dict() for table in self.tables],
            "unreadable_dates": [date.to_dict() for date in self.unreadable_dates],
            "next": self.next_page,
        }
        if self.warnings:
            body["warnings"] = list(self.warnings)
        if self.error:
            body |= {"error": self.error, "error_type": self.error_type}
        return {"statusCode": self.status_code, "body": body}
