"""Every recovery point of one table, newest first: its full backups, and the increments of its chains."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dynamodb_backup.archive.catalog import Catalog, StoredBackup
from dynamodb_backup.archive.chain import SUPERSEDED, Chain, Window
from dynamodb_backup.archive.chains import Chains, base_backup
from dynamodb_backup.archive.layout import Layout, export_id_of
from dynamodb_backup.archive.manifest import BackupManifest
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.catalog.days import read_manifests
from dynamodb_backup.catalog.expiry import Expiry
from dynamodb_backup.contract.catalog import UnreadableDate
from dynamodb_backup.contract.history import HistoryRequest, UnreadablePoint
from dynamodb_backup.contract.retention import INCREMENTAL
from dynamodb_backup.errors import BackupDamaged, ReadInterrupted
from dynamodb_backup.timing import moment_or_none

__all__ = ["Increment", "Point", "TablePoints"]

PARALLEL_READS = 32
OLDER_CHAINS = 2
"""Chains that begin before the first date and may reach into it: a chain ends where the next newer one begins."""
FIRST_OF_ITS_DATE = "9" * 16


@dataclass(frozen=True)
class Increment:
    """One window of a chain. ``root`` is where its export lies, ``definition`` the captured table definition."""

    window: Window
    root: str
    definition: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Point:
    """One recovery point. ``date`` and ``name`` order the points, and stay the same whatever is backed up later."""

    date: str
    name: str
    content: StoredBackup | Increment | UnreadablePoint

    @property
    def place(self) -> tuple[str, str]:
        return self.date, self.name

    def token(self, given: int) -> str:
        """Return where a page goes on that begins with this point, behind so many of the keys."""
        return f"{self.date}+{self.name}+{given}"


@dataclass
class TablePoints:
    """The recovery points of one table."""

    store: ObjectStore
    layout: Layout
    catalog: Catalog
    expiry: Expiry
    request: HistoryRequest
    _points: dict[str, list[Point]] = field(default_factory=lambda: defaultdict(list))
    _bases: dict[str, list[Chain]] = field(default_factory=lambda: defaultdict(list))

    def newest_first(self) -> Iterator[Point]:
        """Yield the points of the request's dates, from the place on where its page begins.

        What cannot be read is a point, too. Dates are read as they are needed, chain records before all.

        Raises ``ReadInterrupted`` or an AWS error where folders cannot be listed.
        """
        for chain_id, read in self._chains():
            if isinstance(read, Chain):
                self._take(read)
            else:
                self._add(chain_id[:10], FIRST_OF_ITS_DATE, 0, chain_id, read)
        folders = [date for date in self.catalog.dates() if self.request.covers(date)]
        manifests = read_manifests(self.catalog, folders)
        known = {*self._points, *self._bases}
        for date in sorted({*folders, *filter(self.request.covers, known)}, reverse=True):
            self._take_full(date, next(manifests)[1] if date in folders else None)
            for point in sorted(self._points[date], key=lambda one: one.name, reverse=True):
                if self.request.page is None or point.place <= self.request.start[0]:
                    yield point

    def _chains(self) -> Iterator[tuple[str, Chain | UnreadablePoint]]:
        chains, table = Chains(self.store, self.layout), self.request.table

        def read(chain_id: str) -> tuple[str, Chain | UnreadablePoint]:
            try:
                chain = chains.find(table, chain_id)
            except BackupDamaged as error:
                return chain_id, UnreadablePoint(chain_id[:10], "DAMAGED", str(error), "chain")
            except (ReadInterrupted, *AWS_ERRORS) as error:
                return chain_id, UnreadablePoint(chain_id[:10], "UNREADABLE", explain(error), "chain")
            gone = f"the chain record s3://{self.store.bucket}/{self.layout.chain(table, chain_id)} is gone"
            return chain_id, chain or UnreadablePoint(chain_id[:10], "MISSING", gone, "chain")

        earliest, ids = self.request.earliest or "", chains.ids(table)
        older = [chain_id for chain_id in ids if chain_id[:10] < earliest][:OLDER_CHAINS]
        wanted = [chain_id for chain_id in ids if self.request.covers(chain_id[:10])]
        with ThreadPoolExecutor(PARALLEL_READS) as pool:
            yield from pool.map(read, [*wanted, *older])

    def _take(self, chain: Chain) -> None:
        """Take a chain's increments, those that have expired as one point."""
        self._bases[chain.base.backup_date].append(chain)
        definition = self.layout.table_definition(chain.base.backup_date, chain.base.run_id, chain.table_name)
        gaps = {gap.end: gap for gap in chain.gaps}
        expired = []
        for window in chain.completed:
            if self._has_expired(chain, window):
                expired.append(window)
                continue
            gap = gaps.get(window.start)
            warning = f"no increment holds what changed from {gap.start} to {gap.end}" if gap else ""
            root = self.layout.rerooted(window.export_manifest or "")
            increment = Increment(window, root, definition, (*window.warnings, *filter(None, [warning])))
            self._add(_date(window.ends), _micros(window.ends), 0, window.run_id, increment)
        if expired:
            first, last = expired[0], expired[-1]
            why = f"the retention of {len(expired)} increments has passed, so S3 may have deleted any part of them"
            point = UnreadablePoint(_date(last.ends), "EXPIRED", why, "increment", first.start, last.end)
            self._add(point.backup_date, _micros(last.ends), 0, last.run_id, point)

    def _has_expired(self, chain: Chain, window: Window) -> bool:
        ended = (chain.closed or "").startswith(SUPERSEDED)
        return ended and self.expiry.passed_since(window.ends, INCREMENTAL)

    def _take_full(self, date: str, manifest: BackupManifest | UnreadableDate | None) -> None:
        """Take the full backup that a date's manifest names, and earlier ones of the date that only chains know."""
        named = None
        if isinstance(manifest, UnreadableDate):
            point = UnreadablePoint(date, manifest.status, manifest.error, "date")
            # Runs of increments leave no manifest.
            if manifest.status != "NO_MANIFEST" or not self._points[date]:
                self._add(date, FIRST_OF_ITS_DATE, 0, date, point)
        elif manifest and (entry := manifest.entries.get(self.request.table)) and entry.completed:
            named = entry.text("run_id")
            self._add_full(date, StoredBackup(manifest, entry))
        for chain in self._bases[date]:
            if chain.base.run_id != named:
                # A later run of the same day has superseded it.
                times = {"export_time": chain.base.export_time, "end_time": chain.base.export_time}
                self._add_full(date, base_backup(self.layout, chain, **times, retention_class="daily"))

    def _add_full(self, date: str, backup: StoredBackup) -> None:
        entry = backup.entry
        moment = moment_or_none(entry.text("export_time") or entry.text("start_time"))
        content: StoredBackup | UnreadablePoint = backup
        if self.expiry.passed(entry):
            why = "its retention has passed, so S3 may have deleted any part of it"
            content = UnreadablePoint(date, "EXPIRED", why)
        micros = _micros(moment) if moment else FIRST_OF_ITS_DATE
        self._add(date, micros, 1, export_id_of(entry.text("export_arn") or date), content)

    def _add(
        self, date: str, micros: str, rank: int, name: str, content: StoredBackup | Increment | UnreadablePoint
    ) -> None:
        short = hashlib.sha256(name.encode()).hexdigest()[:8]
        self._points[date].append(Point(date, f"{micros}-{rank}-{short}", content))


def _date(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()


def _micros(moment: datetime) -> str:
    return f"{round(moment.timestamp() * 1_000_000):016d}"
