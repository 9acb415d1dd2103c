"""What was found in one recovery point, as far as it fits on a page."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from dynamodb_backup.contract.history import ItemVersion, Version, WrittenVersion
from dynamodb_backup.errors import BackupDamaged

__all__ = ["VERSION_BYTES", "Reading", "Room"]

VERSION_BYTES = 250
"""JSON of a version without its items."""
LARGEST_PAIR = 4_000_000
"""JSON of an item together with what was before it, so that both fit in an answer of 6 MB: an item of 400 KB may have
3 MB of JSON, where it is made of control characters or of very many very small attributes."""


@dataclass(frozen=True)
class Room:
    """What still fits on a page: so many versions, so many bytes of JSON; the first version fits in any case."""

    versions: int
    size: int
    empty: bool = False


@dataclass
class Reading:
    """The versions of one recovery point by the key's place in the request, those from ``start`` and before ``end``.

    ``digests`` has those of all keys that were found, whether they fit or not. Safe for threads.
    """

    start: int
    end: int
    room: Room
    absent: ItemVersion | None = None
    warnings: list[str] = field(default_factory=list)
    digests: dict[int, int] = field(default_factory=dict)
    _found: dict[int, Version] = field(default_factory=dict)
    _sizes: dict[int, int] = field(default_factory=dict)
    _adding: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of_all(cls, start: int, keys: int, room: Room, absent: ItemVersion, warnings: Iterable[str]) -> Reading:
        """Begin a reading in which every key has a version, ``absent`` where nothing is found."""
        return cls(start, min(keys, start + max(room.versions, room.empty)), room, absent, list(warnings))

    def add(self, place: int, version: Version, digest: int) -> None:
        """Take a version that was found.

        Raises
        ------
        BackupDamaged
            The recovery point holds two different ones of this key.
        """
        size = _size(version)
        with self._adding:
            if self.digests.setdefault(place, digest) != digest:
                raise BackupDamaged("the export holds two different items of one key")
            if place in self._found:
                return
            if isinstance(version, WrittenVersion) and size > LARGEST_PAIR and version.old_item is not None:
                version = replace(version, old_item=None)
                self.warnings.append(
                    f"one item and what was before it are too large for one answer, so the latter is left out: key "
                    f"{place + 1} of the request, increment up to {version.end}"
                )
                size = _size(version)
            if self.start <= place < self.end:
                self._found[place], self._sizes[place] = version, size
                self._drop_what_is_too_much()

    @property
    def versions(self) -> dict[int, Version]:
        """The versions that fit."""
        if self.absent is None:
            return dict(self._found)
        return {place: self._found.get(place, self.absent) for place in range(self.start, self.end)}

    @property
    def size(self) -> int:
        """Bytes of JSON of the versions that fit."""
        return sum(self._sizes.values()) + VERSION_BYTES * (len(self.versions) - len(self._found))

    def _drop_what_is_too_much(self) -> None:
        """Leave the last versions to the next page, so that memory holds no more than a page."""
        least = 1 if self.room.empty else 0
        while len(self._found) > least and (
            sum(self._sizes.values()) > self.room.size or len(self._found) > self.room.versions
        ):
            self.end = max(self._found)
            del self._found[self.end], self._sizes[self.end]


def _size(version: Version) -> int:
    return VERSION_BYTES + sum(
        len(json.dumps(item)) for item in (version.item, getattr(version, "old_item", None)) if item is not None
    )
