"""One invocation: a person has looked at tables whose item count collapsed, and says that it is right so."""

from __future__ import annotations

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws import Clients
from dynamodb_backup.backup.collapse import open_tables
from dynamodb_backup.backup.item_counts import ItemCounts, Standing, Standings
from dynamodb_backup.backup.metrics import emit_item_count_alerts
from dynamodb_backup.contract.collapse import AcceptCollapseRequest, AcceptCollapseResult, AcceptedCount
from dynamodb_backup.errors import ConfigurationError, RequestRefused
from dynamodb_backup.settings import Settings
from dynamodb_backup.telemetry import logger

__all__ = ["AcceptCollapse"]


class AcceptCollapse:
    """The use case with everything it needs."""

    def __init__(self, settings: Settings, clients: Clients) -> None:
        self._settings = settings
        self._counts = ItemCounts(ObjectStore(clients.s3, settings.bucket), Layout(settings.exports_prefix).item_counts)

    def execute(self, request: AcceptCollapseRequest) -> AcceptCollapseResult:
        """Let the newest count of each table be what the next is compared with; the next backup goes on with expiry.

        Raises
        ------
        ConfigurationError
            Item counts are not compared at all.
        RequestRefused
            A table was never counted.
        BackupDamaged, WriteConflict
            The record cannot be read or written.
        """
        if self._settings.item_count_collapse is None:
            raise ConfigurationError(
                "ITEM_COUNT_COLLAPSE", "is not set, so item counts are not compared and there is nothing to accept"
            )
        before: dict[str, Standing] = {}

        def accepted(known: Standings) -> Standings:
            for table in request.tables:
                if table not in known:
                    collapsed = ", ".join(sorted(open_tables(known, self._settings))) or "none"
                    raise RequestRefused(
                        "tables", f"names '{table}', of which no backup was counted; those that collapsed: {collapsed}"
                    )
            before.update({table: known[table] for table in request.tables})
            return {table: known[table].accepted() for table in request.tables}

        standings = self._counts.change(accepted)
        emit_item_count_alerts(len(open_tables(standings, self._settings)), self._settings.environment)
        results = tuple(_result(table, before[table]) for table in request.tables)
        for one in results:
            logger.info("item count accepted", table=one.table_name, run_id=one.run_id, status=one.status)
        return AcceptCollapseResult(self._settings.environment, self._settings.bucket, results)


def _result(table: str, before: Standing) -> AcceptedCount:
    status = "ACCEPTED" if before.collapsed_in else "NOT_COLLAPSED"
    return AcceptedCount(table, status, before.newest.run_id, before.newest.item_count, before.good.item_count)
