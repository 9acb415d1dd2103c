"""Which full backup and which increments bring a table to a moment; what can be refused before any data is read."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from dynamodb_backup.archive.catalog import Catalog, StoredBackup
from dynamodb_backup.archive.chain import Chain, Gap, Window
from dynamodb_backup.archive.chains import Chains, base_backup
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.manifest import BackupManifest
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.errors import BackupNotFound
from dynamodb_backup.restore.state import TableState, WindowState
from dynamodb_backup.timing import moment_or_none

__all__ = ["ChainPlanner", "Course", "follow", "refuse_gaps"]


@dataclass(frozen=True)
class Course:
    """A full backup, and the windows that are applied to it in order. ``restored_to`` (ISO 8601) is what that gives."""

    backup: StoredBackup
    restored_to: str
    windows: tuple[Window, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.restored_to)


class ChainPlanner:
    """Finds the course to one moment. Reads each date's manifest once."""

    def __init__(self, store: ObjectStore, layout: Layout, catalog: Catalog, moment: datetime) -> None:
        self._layout = layout
        self._catalog = catalog
        self._chains = Chains(store, layout)
        self._moment = moment
        self._manifests: list[BackupManifest] = []
        self._dates: deque[str] | None = None

    def course(self, table: str) -> Course | None:
        """Return the course that comes nearest to the moment without passing it; ``None`` if no full backup is so old.

        Raises
        ------
        BackupDamaged
            A manifest or a chain record that decides is malformed.
        """
        return max(self._courses(table), key=lambda one: one.moment, default=None)

    def _courses(self, table: str) -> Iterator[Course]:
        """Yield the newest full backup's course, and that of the newest chain if it is another one.

        A date's manifest names the last backup of each table; chains also know of earlier ones of that date.
        """
        found = self._newest_full(table)
        run_id = found[0].entry.text("run_id") if found else None
        if found:
            backup, export_time = found
            chain = self._chains.find(table, run_id) if run_id else None
            yield self._along(chain, backup) if chain else Course(backup, export_time)
        for chain in self._chains.newest_first(table, until_date=self._moment.date().isoformat()):
            if chain.base.moment <= self._moment:
                if chain.chain_id != run_id:
                    yield self._along(chain, base_backup(self._layout, chain))
                return

    def _newest_full(self, table: str) -> tuple[StoredBackup, str] | None:
        for manifest in self._until_moment():
            entry = manifest.entries.get(table)
            if (
                entry is None
                or not entry.completed
                or entry.incremental
                or (entry.text("method") or "native_export") != "native_export"
            ):
                continue
            backup = StoredBackup(manifest, entry)
            export_time = entry.text("export_time")
            if moment_or_none(export_time) is None:  # as another tool may have it
                export_time = self._catalog.open(backup).export_time
            moment = moment_or_none(export_time)
            if export_time and moment and moment <= self._moment:
                return backup, export_time
        return None

    def _until_moment(self) -> Iterator[BackupManifest]:
        """Yield the manifests of the moment's date and of those before it, newest first."""
        if self._dates is None:
            last = self._moment.date().isoformat()
            self._dates = deque(date for date in self._catalog.dates() if date <= last)
        yield from self._manifests
        while self._dates:
            # A date that cannot be read stays the next one, so that it fails every table, not only the first.
            manifest = self._catalog.manifest(self._dates[0])
            self._dates.popleft()
            if manifest:
                self._manifests.append(manifest)
                yield manifest

    def _along(self, chain: Chain, backup: StoredBackup) -> Course:
        end, moment = chain.base.export_time, chain.base.moment
        windows: list[Window] = []
        gaps: list[Gap] = []
        for window in chain.completed:
            if window.starts > moment and moment < self._moment:
                gaps.append(Gap(end, window.start))
            if window.ends > self._moment:
                break
            if window.ends > moment:
                windows.append(window)
                end, moment = window.end, window.ends
        else:
            if chain.lost and moment < self._moment:
                gaps.append(Gap(end, "the next full backup"))
        return Course(backup, end, tuple(windows), tuple(gaps))


def refuse_gaps(table: str, course: Course, moment: str, *, allow_gap: bool) -> list[str]:
    """Return what must be known of a course: how near it comes, and what its gaps, if they are allowed, leave out.

    Raises
    ------
    BackupNotFound
        It has gaps, and they are not allowed.
    """
    if course.gaps and not allow_gap:
        gap = course.gaps[0]
        raise BackupNotFound(
            f"the increments of table {table} have a gap from {gap.start} to {gap.end}; give a 'restore_to' of "
            f'{gap.start} or earlier, or "allow_gap": true to go on without the changes of that time'
        )
    known = [
        f"table {table} is restored without the changes from {gap.start} to {gap.end}: what changed only then stands "
        f"as it was at {gap.start}"
        for gap in course.gaps
    ]
    if course.moment != datetime.fromisoformat(moment):
        known.append(
            f"table {table} is restored to {course.restored_to}, the nearest point before {moment} that there is"
        )
    return known


def follow(state: TableState, course: Course, layout: Layout) -> None:
    """Have a table, whose full backup is located, restored along a course."""
    state.restored_to = course.restored_to
    state.windows = [
        WindowState(
            root=layout.rerooted(window.export_manifest or ""),
            start=window.start,
            end=window.end,
            changes=window.item_count or 0,
            files_sha256=window.files_sha256,
        )
        for window in course.windows
    ]
    state.items_expected += sum(window.changes for window in state.windows)
    state.warnings += [warning for window in course.windows for warning in window.warnings]
