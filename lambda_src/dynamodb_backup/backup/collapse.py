"""The guard against backing up a loss: of a table that lost most of its items the older backups are kept.

Without it a table that was emptied by mistake would be backed up empty day by day, and the backups with its items
expire one after the other. The backup itself is as good as any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial

from dynamodb_backup.archive.catalog import Catalog
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.backup.item_counts import Count, ItemCounts, Standing, Standings
from dynamodb_backup.backup.metrics import emit_item_count_alerts
from dynamodb_backup.backup.record import RunRecord, TableRun
from dynamodb_backup.collapse_terms import CollapseTerms
from dynamodb_backup.errors import BackupDamaged, ToolError
from dynamodb_backup.settings import Settings
from dynamodb_backup.telemetry import logger

__all__ = ["CollapseGuard", "open_tables"]

DATES_LOOKED_AT = 10
"""Where a table was never counted: a weekly full backup is among so many dates."""


class CollapseGuard:
    """Compares the counts of a run with those before. It raises nothing: what it cannot compare, it holds back.

    ``withheld`` are tables whose superseded backups must not be handed to expiry.
    """

    def __init__(self, settings: Settings, store: ObjectStore, layout: Layout) -> None:
        self._settings = settings
        self._catalog = Catalog(store, layout)
        self._counts = ItemCounts(store, layout.item_counts)
        self.withheld: set[str] = set()

    def judge(self, run: RunRecord) -> None:
        """Compare each full backup that a run has made and verified, and note in the run what is wrong with it."""
        terms = self._settings.item_count_collapse
        counted = {name: table for name, table in run.tables.items() if _is_counted(run, table)}
        if terms is None or not counted:
            return
        alerts, others = self._alerts(run, counted, terms)
        for name, table in counted.items():
            run.update(replace(table, item_count_alert=alerts.get(name)))
        for name, alert in alerts.items():
            logger.warning("the expiry of a table's backups is frozen", run_id=run.run_id, table=name, alert=alert)
        self.withheld = (self.withheld - counted.keys()) | alerts.keys()
        emit_item_count_alerts(len(alerts) + others, self._settings.environment)

    def _alerts(
        self, run: RunRecord, counted: Mapping[str, TableRun], terms: CollapseTerms
    ) -> tuple[dict[str, str], int]:
        """Return what is to be told of which table, and how many tables of earlier runs stand open besides."""
        try:
            standings = self._counts.change(lambda known: self._after(run, counted, known, terms))
        except (ToolError, *AWS_ERRORS) as error:
            logger.error("item counts could not be compared", run_id=run.run_id, error=explain(error))
            return {
                name: f"table {name}: it could not be seen whether its item count collapsed, so this run gives none of "
                f"its older backups to expiry: {explain(error)}"
                for name in counted
            }, 0
        alerts = {name: _alert(name, standings[name], terms) for name in counted if standings[name].collapsed_in}
        others = open_tables(standings, self._settings) - counted.keys()
        return alerts, len(others)

    def _after(
        self, run: RunRecord, counted: Mapping[str, TableRun], known: Standings, terms: CollapseTerms
    ) -> Standings:
        known = self._earlier(run, counted.keys() - known.keys()) | {**known}
        changed = {}
        for name, table in counted.items():
            count = Count(run.run_id, table.item_count or 0)
            before = known.get(name) or Standing.of_first(count)
            changed[name] = before.after(count, partial(terms.collapsed, name))
        return changed

    def _earlier(self, run: RunRecord, tables: set[str]) -> dict[str, Standing]:
        """Return what the manifests of earlier dates counted of tables that this guard has not counted yet."""
        found: dict[str, Standing] = {}
        dates = [date for date in self._catalog.dates() if date < run.backup_date] if tables else []
        for date in dates[:DATES_LOOKED_AT]:
            with suppress(BackupDamaged):  # then an older one is compared with
                manifest = self._catalog.manifest(date)
                for name in tables - found.keys():
                    entry = manifest.entries.get(name) if manifest else None
                    if entry and entry.completed and entry.fields.get("verification") and entry.age:
                        found[name] = Standing.of_first(Count(entry.age, entry.number("item_count")))
            if len(found) == len(tables):
                break
        return found


def open_tables(standings: Standings, settings: Settings) -> set[str]:
    """Return the tables whose count collapsed, and which nobody has accepted, as far as they are still backed up."""
    terms = settings.item_count_collapse
    watched = set(settings.tables) - (terms.except_tables if terms else set())
    return {name for name, standing in standings.items() if standing.collapsed_in and name in watched}


def _is_counted(run: RunRecord, table: TableRun) -> bool:
    """Tell whether a run made a verified full backup; an increment counts changes."""
    verified = table.status == "COMPLETED" and bool(table.verification) and table.item_count is not None
    return verified and run.makes_full(table)


def _alert(table: str, standing: Standing, terms: CollapseTerms) -> str:
    now, before = standing.newest, standing.good
    return (
        f"table {table} has {now.item_count} items in the backup of run {now.run_id}, and had {before.item_count} in "
        f"that of run {before.run_id}: fewer than {terms.percent} % are left. None of its older backups is given to "
        "expiry any more. If items are missing, restore them; if it is right so, invoke the backup function with "
        f'{{"action": "accept_collapse", "tables": ["{table}"]}}'
    )
