"""The request to accept that a table has lost most of its items, and its result."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from dynamodb_backup.contract.fields import Fields
from dynamodb_backup.errors import RequestRefused

__all__ = ["ACCEPT_COLLAPSE", "AcceptCollapseRequest", "AcceptCollapseResult", "AcceptedCount"]

ACCEPT_COLLAPSE = "accept_collapse"


@dataclass(frozen=True)
class AcceptCollapseRequest:
    """These tables hold what they should: their older backups may expire again."""

    tables: tuple[str, ...]

    @classmethod
    def from_event(cls, event: object) -> AcceptCollapseRequest:
        """Read the event.

        Raises
        ------
        RequestRefused
            A field is unknown, missing or of the wrong type. Nothing has been read.
        """
        fields = Fields(event, ("action", "tables"))
        fields.choice("action", default=ACCEPT_COLLAPSE, allowed=(ACCEPT_COLLAPSE,))
        tables = fields.table_names("tables")
        if tables is None:
            raise RequestRefused("tables", "is missing: name the tables whose item count is right")
        return cls(tables)


@dataclass(frozen=True)
class AcceptedCount:
    """The outcome for one table: ACCEPTED, or NOT_COLLAPSED if there was nothing to be accepted.

    ``item_count`` is that of the newest backup, made by the run ``run_id``; ``items_before`` that of the last one
    before the collapse.
    """

    table_name: str
    status: str
    run_id: str
    item_count: int
    items_before: int


@dataclass(frozen=True)
class AcceptCollapseResult:
    """The outcome of one invocation."""

    environment: str | None
    s3_bucket: str | None
    tables: tuple[AcceptedCount, ...] = ()
    error: str | None = None
    error_type: str | None = None

    def to_response(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "environment": self.environment,
            "s3_bucket": self.s3_bucket,
            "accept_results": [asdict(table) for table in self.tables],
        }
        if self.error:
            body |= {"error": self.error, "error_type": self.error_type}
        return {"statusCode": 500 if self.error else 200, "body": body}
