"""From when the newest verified backup of each table is, by the run that just ended, the manifests and the chains."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from dynamodb_backup.archive.catalog import Catalog
from dynamodb_backup.archive.chains import Chains
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.manifest import BackupManifest, ManifestEntry
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.backup.record import RunRecord, TableRun
from dynamodb_backup.errors import BackupDamaged, ToolError
from dynamodb_backup.timing import Deadline, moment_or_none

__all__ = ["Freshness", "NewestVerified"]

PARALLEL_READS = 32


@dataclass
class Freshness:
    """From when the data of each table's newest verified backup is, as far as that is known.

    ``without`` are tables that have no verified backup at all; ``troubles`` say why others are not known, or why what
    is known may be older than the truth.
    """

    moments: dict[str, datetime] = field(default_factory=dict)
    without: set[str] = field(default_factory=set)
    troubles: list[str] = field(default_factory=list)

    def warnings(self, tables: Collection[str]) -> list[str]:
        """Return what is not as it should be with these tables, in words."""
        without = sorted(self.without.intersection(tables))
        unknown = sorted(set(tables) - self.moments.keys() - self.without)
        warnings = [f"no verified backup was ever made of {', '.join(without)}"] if without else []
        if unknown:
            warnings.append(f"it could not be seen how old the newest verified backup is of {', '.join(unknown)}")
        return [*warnings, *self.troubles]

    def note(self, table: str, moment: datetime) -> None:
        self.moments[table] = max(moment, self.moments.get(table, moment))


class NewestVerified:
    """The verified backups of one bucket and prefix. Finding them raises nothing: no backup depends on it."""

    def __init__(self, store: ObjectStore, layout: Layout, deadline: Deadline) -> None:
        self._catalog = Catalog(store, layout)
        self._chains = Chains(store, layout)
        self._deadline = deadline

    def of(self, run: RunRecord, tables: Collection[str]) -> Freshness:
        """Return what is known after a run. Nothing is read for the tables of which it made a backup."""
        found = Freshness()
        for table in run.tables.values():
            moment = _made_by(run, table)
            if moment:
                found.note(table.table_name, moment)
        missing = set(tables) - found.moments.keys()
        try:
            if missing and not self._deadline.passed():
                self._read_chains(missing, found)
                if self._read_manifests(set(missing), found):
                    found.without = missing - found.moments.keys()
        except (ToolError, *AWS_ERRORS) as error:
            found.troubles.append(f"the stored backups cannot be looked through: {explain(error)}")
        return found

    def _read_chains(self, tables: Collection[str], found: Freshness) -> None:
        for table in sorted(tables):
            try:
                newest = next(self._chains.newest_first(table), None)
            except BackupDamaged as error:
                found.troubles.append(f"a chain that cannot be read may hide a newer verified backup: {error}")
            else:
                moment = moment_or_none(newest.covered_until) if newest else None
                if moment:
                    found.note(table, moment)

    def _read_manifests(self, missing: set[str], found: Freshness) -> bool:
        """Look through the dates, newest first; return whether that answers for every table."""
        damaged: list[str] = []
        for manifest in self._manifests(damaged):
            for table in sorted(missing):
                moment = _verified(manifest.entries.get(table))
                if moment:
                    found.note(table, moment)
                    missing.discard(table)
            if not missing:
                break
        if damaged:
            found.troubles.append(f"manifests that cannot be read may hide a newer verified backup: {damaged[0]}")
        return not missing or not (damaged or self._deadline.passed())

    def _manifests(self, damaged: list[str]) -> Iterator[BackupManifest]:
        """Yield the manifests until time is up. The first is read alone: mostly it is enough."""
        dates = self._catalog.dates()
        with ThreadPoolExecutor(PARALLEL_READS) as pool:
            for part in (dates[:1], *(dates[at : at + PARALLEL_READS] for at in range(1, len(dates), PARALLEL_READS))):
                if self._deadline.passed():
                    return
                for manifest in pool.map(self._manifest_or_why, part):
                    if isinstance(manifest, BackupManifest):
                        yield manifest
                    elif manifest:
                        damaged.append(manifest)

    def _manifest_or_why(self, date: str) -> BackupManifest | str | None:
        try:
            return self._catalog.manifest(date)
        except (ToolError, *AWS_ERRORS) as error:
            return explain(error)


def _made_by(run: RunRecord, table: TableRun) -> datetime | None:
    """Return from when the backup is that a run made and verified of a table."""
    if table.status != "COMPLETED":
        return None
    if run.makes_full(table):
        return moment_or_none(table.export_time)
    return max((moment for window in table.windows if (moment := moment_or_none(window.get("to")))), default=None)


def _verified(entry: ManifestEntry | None) -> datetime | None:
    if entry is None or not entry.completed or not entry.fields.get("verification"):
        return None
    return moment_or_none(entry.text("export_time"))
