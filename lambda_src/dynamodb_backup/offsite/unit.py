"""What is copied as a whole: a date with its manifest, or a chain with its record. Its own object goes last."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from dynamodb_backup.archive.plain_store import md5_of
from dynamodb_backup.archive.store import StoredObject
from dynamodb_backup.errors import ToolError
from dynamodb_backup.offsite.export import FoundExport, is_held
from dynamodb_backup.offsite.records import COPIED, FAILED, PARTIAL, UnitRecord
from dynamodb_backup.offsite.work import Work
from dynamodb_backup.timing import iso

__all__ = ["Outcome", "Unit"]


@dataclass
class Outcome:
    """What became of a unit. ``moments`` are those that the target now holds of each table, ISO 8601."""

    body: bytes | None
    """What its own object holds in the target: as in the source, or less; ``None``: nothing is worth it."""
    errors: dict[str, str] = field(default_factory=dict)
    moments: dict[str, str] = field(default_factory=dict)


class Unit(ABC):
    """One date or one chain. ``name`` is that of its record, ``key`` that of its own object in the source."""

    def __init__(self, work: Work, name: str, key: str) -> None:
        self.work = work
        self.name = name
        self.key = key
        self.moments: dict[str, str] = {}

    @cached_property
    def stored(self) -> StoredObject:
        """Return its own object as it was when it was first asked for."""
        return self.work.source.store.get(self.key)

    def forget(self) -> None:
        """Let its own object go until somebody asks for it again: all dates' manifests take GBs."""
        self.__dict__.pop("stored", None)

    def needed(self) -> bool | None:
        """Tell whether its own object is another one than that which was copied; ``None``: there is nothing to copy."""
        _, record = self.work.records.unit(self.name)
        if record.status != COPIED or record.source_etag != self.stored.etag:
            return True
        return not self.work.transfer.overwrite and not self._is_held()

    def execute(self) -> UnitRecord:
        """Copy it, and return its record.

        Raises
        ------
        ToolError, ClientError, BotoCoreError
            As ``copy_export`` does, where it is not about one table of several.
        TimeIsUp
            The same call goes on later.
        """
        key, record = self.work.records.unit(self.name)
        outcome = self.copy(self.stored)
        if outcome.body is not None:
            self._write(outcome.body, record)
        record.status = FAILED if outcome.body is None else PARTIAL if outcome.errors else COPIED
        record.source_etag = self.stored.etag
        record.errors = outcome.errors
        record.copied_at = iso(self.work.clock())
        self.work.records.save(key, record)
        self.moments = outcome.moments
        return record

    def _is_held(self) -> bool:
        """Tell whether the target still has all that was fetched: who fetches it again misses something."""
        if self.work.target.plain.head(self.work.target_key(self.key)) is None:
            return False
        try:
            return all(is_held(self.work, find()) for find in self.exports())
        except ToolError:
            return False  # so that it is told

    @abstractmethod
    def tables(self) -> set[str]:
        """Return the tables of which it holds a backup."""

    @abstractmethod
    def exports(self) -> Iterator[Callable[[], FoundExport]]:
        """Yield what reads the manifests of each of its exports."""

    @abstractmethod
    def copy(self, stored: StoredObject) -> Outcome:
        """Copy everything but its own object."""

    def _write(self, body: bytes, record: UnitRecord) -> None:
        to = self.work.target_key(self.key)
        there = self.work.target.plain.head(to)
        ours = there is not None and record.written_md5 is not None
        if ours and there is not None and self.work.target.plain.md5(to, there) == record.written_md5:
            self.work.target.plain.put(to, body)  # it is what we wrote: perhaps a part only, or older
        else:
            self.work.transfer.write(to, body)
        record.written_md5 = md5_of(body)
