"""The request for an item's versions across backups, and its result."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from dynamodb_backup.contract.fields import Fields
from dynamodb_backup.contract.selection import TypedKey, typed_keys
from dynamodb_backup.errors import RequestRefused

__all__ = ["HistoryRequest", "HistoryResult", "ItemVersion", "UnreadablePoint", "Version", "WrittenVersion"]

_FIELDS = ("action", "tables", "keys", "from", "to", "limit", "next")
MOST_KEYS = 100
"""They are repeated in the answer, and a key may be 3 KB."""
DEFAULT_LIMIT = 1000
MOST_VERSIONS = 5000
_PLACE = r"\d{4}-\d{2}-\d{2}\+[0-9a-f-]{1,40}\+\d{1,3}"
NOT_A_LOSS = frozenset({"NO_MANIFEST", "EXPIRED"})
"""Why a date may rightly have nothing to read."""


@dataclass(frozen=True)
class HistoryRequest:
    """Whose versions to show: of these items of one table, between these dates (both included), from this page on."""

    table: str
    keys: tuple[TypedKey, ...]
    earliest: str | None = None
    latest: str | None = None
    limit: int = DEFAULT_LIMIT
    page: str | None = None

    @classmethod
    def from_event(cls, event: object) -> HistoryRequest:
        """Read a history event.

        Raises
        ------
        RequestRefused
            A field is missing, unknown, of the wrong type, or contradicts another. Nothing has been read.
        """
        fields = Fields(event, _FIELDS)
        fields.choice("action", default="history", allowed=("history",))
        tables, keys = fields.table_names("tables"), typed_keys(fields, "keys", most=MOST_KEYS)
        if tables is None or len(tables) != 1:
            raise RequestRefused("tables", "must name exactly one table, the one of the keys")
        if keys is None:
            raise RequestRefused("keys", 'is missing: name the items, such as [{"id": {"S": "a"}}]')
        earliest, latest = fields.day("from"), fields.day("to")
        if earliest and latest and earliest > latest:
            raise RequestRefused("from", f"is {earliest}, which is later than 'to', {latest}")
        request = cls(
            table=tables[0],
            keys=keys,
            earliest=earliest,
            latest=latest,
            limit=fields.integer("limit", default=DEFAULT_LIMIT, least=1, most=MOST_VERSIONS),
            page=fields.text("next", pattern=_PLACE, meaning="the 'next' of an earlier answer"),
        )
        if request.start[1] >= len(keys):
            raise RequestRefused("next", "belongs to a request with more keys; repeat the event that it answered")
        return request

    @property
    def start(self) -> tuple[tuple[str, str], int]:
        """Return date and name of the recovery point at which the page begins, and how many keys earlier pages held."""
        date, name, given = (self.page or "++0").split("+")
        return (date, name), int(given)

    def covers(self, date: str) -> bool:
        """Tell whether a date belongs to this page or a later one."""
        newest = self.start[0][0] or date
        return (self.earliest or date) <= date <= min(self.latest or date, newest)


@dataclass(frozen=True)
class ItemVersion:
    """What one full backup holds of one key.

    ``changed`` tells whether it differs from what the next older full backup that could be read holds, which is that
    of ``compared_with``; both are ``None`` where there is none.
    """

    backup_date: str
    export_time: str | None
    item: dict[str, Any] | None = None
    changed: bool | None = None
    compared_with: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "type": "full",
            "backup_date": self.backup_date,
            "export_time": self.export_time,
            "status": _status(self.item),
            "changed": self.changed,
            "compared_with": self.compared_with,
        } | _image("item", self.item)


@dataclass(frozen=True)
class WrittenVersion:
    """How one increment left a key that was written in its window, and what was there before.

    ``changed`` tells whether the two differ; ``None`` where the export holds no old images. ``written_at`` (ISO 8601)
    is the last write.
    """

    start: str
    end: str
    written_at: str
    item: dict[str, Any] | None = None
    old_item: dict[str, Any] | None = None
    changed: bool | None = None

    def to_dict(self) -> dict[str, Any]:
        fields = {
            "type": "increment",
            "from": self.start,
            "to": self.end,
            "written_at": self.written_at,
            "status": _status(self.item),
            "changed": self.changed,
        }
        return fields | _image("item", self.item) | _image("old_item", self.old_item)


Version = ItemVersion | WrittenVersion


def _status(item: dict[str, Any] | None) -> str:
    return "absent" if item is None else "present"


def _image(name: str, item: dict[str, Any] | None) -> dict[str, Any]:
    return {} if item is None else {name: item}


@dataclass(frozen=True)
class UnreadablePoint:
    """What may hold a version that is not shown: of ``type`` full, increment, chain, or a whole date.

    ``status`` is DAMAGED, MISSING, UNREADABLE or OTHER_KEY; or one of those that are no loss, NO_MANIFEST and EXPIRED.
    ``start`` and ``end`` (ISO 8601) are an increment's.
    """

    backup_date: str
    status: str
    error: str
    type: str = "full"
    start: str | None = None
    end: str | None = None

    def to_dict(self) -> dict[str, Any]:
        document = asdict(self)
        begin, end = document.pop("start"), document.pop("end")
        return document | {"from": begin, "to": end}


@dataclass(frozen=True)
class HistoryResult:
    """One page of the versions: for each key, newest first."""

    environment: str | None
    s3_bucket: str | None
    table_name: str | None = None
    keys: tuple[tuple[TypedKey, tuple[Version, ...]], ...] = ()
    full_backups_read: int = 0
    increments_read: int = 0
    unreadable_points: tuple[UnreadablePoint, ...] = ()
    next_page: str | None = None
    warnings: tuple[str, ...] = ()
    error: str | None = None
    error_type: str | None = None

    @property
    def status_code(self) -> int:
        """200: every recovery point of the page was read; 207: not every one; 500: none, or the event was refused."""
        if self.error:
            return 500
        return 207 if any(point.status not in NOT_A_LOSS for point in self.unreadable_points) else 200

    def to_response(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "environment": self.environment,
            "s3_bucket": self.s3_bucket,
            "table_name": self.table_name,
            "full_backups_read": self.full_backups_read,
            "increments_read": self.increments_read,
            "total_versions": sum(len(versions) for _, versions in self.keys),
            "keys": [{"key": key, "versions": [one.to_dict() for one in versions]} for key, versions in self.keys],
            "unreadable_points": [point.to_dict() for point in self.unreadable_points],
            "next": self.next_page,
        }
        if self.warnings:
            body["warnings"] = list(self.warnings)
        if self.error:
            body |= {"error": self.error, "error_type": self.error_type}
        return {"statusCode": self.status_code, "body": body}
