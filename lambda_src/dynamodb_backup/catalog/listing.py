"""One page of the list of recovery points, and each table's newest verified one."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from dynamodb_backup.archive.catalog import Catalog
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.legal_holds import LegalHolds
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws import Clients
from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.catalog.chains import Found, read_chains
from dynamodb_backup.catalog.days import Day, read_days
from dynamodb_backup.catalog.expiry import Expiry
from dynamodb_backup.catalog.on_demand import OnDemandPoints, read_on_demand
from dynamodb_backup.contract.catalog import (
    ListRequest,
    ListResult,
    RecoveryPoint,
    TableRecoveryPoints,
    UnreadableDate,
)
from dynamodb_backup.errors import BackupDamaged, ReadInterrupted
from dynamodb_backup.settings import Settings
from dynamodb_backup.table.on_demand_names import BackupNames
from dynamodb_backup.timing import Clock, Deadline, utc_now

__all__ = ["Listing"]

PAGE_BYTES = 2_500_000
"""JSON of one page's points. Lambda answers with at most 6 MB, and the newest verified points may double it."""


class Listing:
    """The list use case with everything it needs."""

    def __init__(self, settings: Settings, clients: Clients, deadline: Deadline, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._deadline = deadline
        self._expiry = Expiry(settings.retention_days, clock())
        self._dynamodb = clients.dynamodb
        self._stored_dates: frozenset[str] = frozenset()
        self._own = OnDemandPoints()
        self._store = ObjectStore(clients.s3, settings.bucket)
        self._layout = Layout(settings.exports_prefix)
        self._catalog = Catalog(self._store, self._layout)

    def execute(self, request: ListRequest) -> ListResult:
        """List recovery points, newest first, up to the request's limit or as far as time allows."""
        self._stored_dates = frozenset(self._catalog.dates())
        self._own = self._on_demand(request)
        dates = sorted(self._stored_dates | self._own.by_date.keys(), reverse=True)
        hold_warnings = self._read_holds(dates)
        page = self._page(request, [date for date in dates if request.covers(date)])
        points = page.by_table()
        if request.page is None:
            for table in request.tables or self._settings.tables:
                points.setdefault(table, [])
        search = _Search(wanted=frozenset(points))
        chains: Found = {}
        chain_warnings: list[str] = []
        if request.page is None:
            self._search(search, dates, page)
            chains, chain_warnings = read_chains(self._store, self._layout, points, request)
        first = request.page is None
        return ListResult(
            environment=self._settings.environment,
            s3_bucket=self._settings.bucket,
            tables=tuple(
                TableRecoveryPoints(table, tuple(points[table]), search.found.get(table), first, chains.get(table, ()))
                for table in sorted(points)
            ),
            unreadable_dates=tuple(page.unreadable),
            next_page=page.next_page,
            warnings=(*page.warnings(), *search.warnings(), *chain_warnings, *self._own.warnings, *hold_warnings),
        )

    def _on_demand(self, request: ListRequest) -> OnDemandPoints:
        if not self._settings.on_demand_name_prefix:
            return OnDemandPoints()
        names = BackupNames(self._settings.on_demand_name_prefix)
        days = self._settings.on_demand_retention_days
        return read_on_demand(self._dynamodb, names, days, request, self._deadline)

    def _days(self, dates: Sequence[str], tables: Collection[str] | None) -> Iterator[Day]:
        """Yield what the dates hold, in S3 and as on-demand backups. A date may hold either alone."""
        in_s3 = read_days(self._catalog, [date for date in dates if date in self._stored_dates], tables, self._expiry)
        for date in dates:
            yield self._own.with_day(next(in_s3) if date in self._stored_dates else Day(date))

    def _read_holds(self, dates: Sequence[str]) -> list[str]:
        """Learn which backups have a legal hold; without Object Lock none has. Return warnings."""
        if self._settings.object_lock is None:
            return []
        try:
            holds = LegalHolds(self._store, self._layout).of(dates)
        except (BackupDamaged, ReadInterrupted, *AWS_ERRORS) as error:
            return [f"legal holds are not in this list: {explain(error)}"]
        self._expiry = replace(self._expiry, holds=holds)
        return []

    def _page(self, request: ListRequest, dates: Sequence[str]) -> _Page:
        page = _Page(request.limit)
        resumed, given = request.start or ("", 0)
        for number, day in enumerate(self._days(dates, request.tables), start=1):
            if not page.take(day, given if day.date == resumed else 0):
                break
            if number < len(dates) and (page.full or self._deadline.passed()):
                page.next_page = dates[number]
                break
        return page

    def _search(self, search: _Search, dates: Sequence[str], page: _Page) -> None:
        """Find the newest verified points, over all dates whatever the page's, without reading the page's anew."""
        start = dates.index(page.dates[0]) if page.dates else 0
        end = start + len(page.dates)
        self._read(search, dates[:start])
        if not search.cut_short:
            search.take(point for point in page.points if point.backup_date in page.dates)
            self._read(search, dates[end:])

    def _read(self, search: _Search, dates: Sequence[str]) -> None:
        if search.missing:
            in_s3 = [date for date in dates if date in self._stored_dates]
            for day in read_days(self._catalog, in_s3, search.missing, self._expiry):
                search.see(day)
                search.cut_short = self._deadline.passed()
                if search.cut_short or not search.missing:
                    return


@dataclass
class _Page:
    """What is on a page. It ends between two dates, unless one date alone is more than a page."""

    limit: int
    points: list[RecoveryPoint] = field(default_factory=list)
    unreadable: list[UnreadableDate] = field(default_factory=list)
    dates: list[str] = field(default_factory=list)
    next_page: str | None = None
    _bytes: int = 0

    @property
    def full(self) -> bool:
        return self._rows >= self.limit or self._bytes >= PAGE_BYTES

    @property
    def _rows(self) -> int:
        return len(self.points) + len(self.unreadable)

    def take(self, day: Day, given: int) -> bool:
        """Take a date's points, without those that an earlier page has ``given``, and return whether all fitted."""
        rest = day.points[given:]
        sizes = [len(json.dumps(point.to_dict())) for point in rest]
        if self._rows and (self._rows + len(rest) > self.limit or self._bytes + sum(sizes) > PAGE_BYTES):
            self.next_page = day.date
            return False
        fitting = self._fitting(sizes)
        self.points += rest[:fitting]
        self._bytes += sum(sizes[:fitting])
        if fitting < len(rest):
            self.next_page = f"{day.date}+{given + fitting}"
            return False
        if day.unreadable:
            self.unreadable.append(day.unreadable)
            self._bytes += len(json.dumps(day.unreadable.to_dict()))
        if not given:
            self.dates.append(day.date)
        return True

    def by_table(self) -> dict[str, list[RecoveryPoint]]:
        tables: dict[str, list[RecoveryPoint]] = {}
        for point in self.points:
            tables.setdefault(point.table_name, []).append(point)
        return tables

    def warnings(self) -> list[str]:
        damaged = [date.backup_date for date in self.unreadable if date.status != "NO_MANIFEST"]
        if not damaged:
            return []
        return [f"dates that cannot be read: {len(damaged)}, the newest is {damaged[0]}; see unreadable_dates"]

    def _fitting(self, sizes: Sequence[int]) -> int:
        """Return how many points of a first date fit; at least one, so that every page goes on."""
        fitting, total = 0, 0
        for size in sizes[: self.limit]:
            total += size
            if fitting and total > PAGE_BYTES:
                break
            fitting += 1
        return fitting


@dataclass
class _Search:
    """The search for each wanted table's newest verified point, from the newest date back."""

    wanted: frozenset[str]
    found: dict[str, RecoveryPoint] = field(default_factory=dict)
    unreadable: list[UnreadableDate] = field(default_factory=list)
    cut_short: bool = False

    @property
    def missing(self) -> frozenset[str]:
        return self.wanted - self.found.keys()

    def see(self, day: Day) -> None:
        """Take a date that was read for the search alone."""
        if day.unreadable and day.unreadable.status != "NO_MANIFEST":
            self.unreadable.append(day.unreadable)
        self.take(day.points)

    def take(self, points: Iterable[RecoveryPoint]) -> None:
        for point in points:
            if point.verified and point.table_name in self.wanted:
                self.found.setdefault(point.table_name, point)

    def warnings(self) -> list[str]:
        warnings = []
        if self.unreadable:
            newest = self.unreadable[0]
            warnings.append(
                f"dates that cannot be read and may hide a newer verified backup: {len(self.unreadable)}, "
                f"the newest is {newest.backup_date}: {newest.error}"
            )
        if self.cut_short and self.missing:
            warnings.append(
                "time ran out before the newest verified backup was found of "
                f"{', '.join(sorted(self.missing)[:10])}: ask for fewer tables"
            )
        return warnings
