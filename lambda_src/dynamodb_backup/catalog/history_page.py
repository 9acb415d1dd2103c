"""One page of items' versions.

A full backup's versions are compared with the next older full backup, also where that is the next page's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

from dynamodb_backup.catalog.points import Point
from dynamodb_backup.catalog.reading import Reading, Room
from dynamodb_backup.contract.history import HistoryRequest, ItemVersion, UnreadablePoint, Version

__all__ = ["HistoryPage"]

PAGE_BYTES = 5_000_000
"""JSON of one answer, with its keys. Lambda answers with at most 6 MB."""
MOST_WARNINGS = 20
LONGEST_TEXT = 1024


@dataclass
class _Waiting:
    """A full backup that no older one was compared with yet, and what the page held before it."""

    begin: str
    digests: dict[int, int]
    versions: dict[int, tuple[int, ItemVersion]]
    before: list[int]
    unreadable_before: int
    read_before: tuple[int, int]


@dataclass
class HistoryPage:
    """What is on a page. Once ``next_page`` is set nothing more is, but the last versions may still be compared."""

    request: HistoryRequest
    versions: list[list[Version]] = field(default_factory=list)
    unreadable: list[UnreadablePoint] = field(default_factory=list)
    next_page: str | None = None
    full_backups: int = 0
    increments: int = 0
    _waiting: _Waiting | None = None
    _warnings: list[str] = field(default_factory=list)
    _warned: int = 0
    _rows: int = 0
    _size: int = 0

    def __post_init__(self) -> None:
        self.versions = [[] for _ in self.request.keys]
        self._size = len(json.dumps(self.request.keys))

    @property
    def read_something(self) -> bool:
        return self.full_backups + self.increments > 0

    @property
    def begun(self) -> bool:
        return self.read_something or bool(self.unreadable)

    @property
    def room(self) -> Room:
        if self.next_page:
            return Room(0, 0)
        return Room(max(0, self.request.limit - self._rows), max(0, PAGE_BYTES - self._size), empty=not self._rows)

    @property
    def waits(self) -> bool:
        return self._waiting is not None

    def reach(self, token: str) -> None:
        """Note that a recovery point comes next; it begins the next page if this one is full."""
        full = self._rows >= self.request.limit or self._size >= PAGE_BYTES
        if self.next_page is None and self._rows and full:
            self.next_page = token

    def miss(self, point: UnreadablePoint) -> None:
        """List a recovery point that cannot be read, unless it belongs to the next page."""
        if self.next_page is None:
            point = replace(point, error=point.error[:LONGEST_TEXT])
            self.unreadable.append(point)
            self._rows += 1
            self._size += len(json.dumps(point.to_dict()))

    def take_full(self, point: Point, reading: Reading) -> None:
        """Compare the versions that wait with an older full backup, and take those of it that fit."""
        self._settle(point.date, reading)
        if self.next_page is None:
            before = [len(found) for found in self.versions]
            read_before = (self.full_backups, self.increments)
            self.full_backups += 1
            versions = self._take(point, reading)
            waiting = {
                place: (before[place], version)
                for place, version in versions.items()
                if isinstance(version, ItemVersion)
            }
            begin = point.token(reading.start)
            self._waiting = _Waiting(begin, reading.digests, waiting, before, len(self.unreadable), read_before)

    def take_increment(self, point: Point, reading: Reading) -> None:
        """Take the versions of an increment that fit."""
        self.increments += 1
        self._take(point, reading)

    def end_early(self, token: str) -> None:
        """End the page before a recovery point for which there was no time."""
        waiting, self._waiting = self._waiting, None
        if waiting and (any(waiting.before) or waiting.unreadable_before or any(waiting.read_before)):
            # What was not compared is read again with the next page.
            self.next_page = waiting.begin
            del self.unreadable[waiting.unreadable_before :]
            for found, kept in zip(self.versions, waiting.before, strict=True):
                del found[kept:]
            self.full_backups, self.increments = waiting.read_before
            return
        self.next_page = self.next_page or token
        if waiting:
            why = "time ran out before an older full backup was read, so 'changed' is null: ask for fewer keys"
            self._warn("", [why])

    @property
    def warnings(self) -> tuple[str, ...]:
        more = self._warned - len(self._warnings)
        return (*self._warnings, *([f"{more} more warnings of older recovery points"] if more else []))

    def _take(self, point: Point, reading: Reading) -> dict[int, Version]:
        if reading.end < len(self.request.keys):
            self.next_page = point.token(reading.end)
        versions = reading.versions
        for place, version in versions.items():
            self.versions[place].append(version)
        self._rows += len(versions)
        self._size += reading.size
        self._warn(point.date, reading.warnings)
        return versions

    def _settle(self, date: str, older: Reading) -> None:
        if self._waiting is None:
            return
        for place, (number, version) in self._waiting.versions.items():
            changed = self._waiting.digests.get(place) != older.digests.get(place)
            self.versions[place][number] = replace(version, changed=changed, compared_with=date)
        self._waiting = None

    def _warn(self, date: str, warnings: list[str]) -> None:
        self._warned += len(warnings)
        fitting = warnings[: MOST_WARNINGS - len(self._warnings)]
        self._warnings += [f"{date}: {warning}"[:LONGEST_TEXT] if date else warning for warning in fitting]
