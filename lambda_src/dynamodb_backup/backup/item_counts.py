"""How many items each table's backups held: the newest count, and the last one before most of them were gone.

One small S3 object for all tables. It is written under the condition that nobody else wrote it, and a run that is
judged twice changes nothing the second time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

from dynamodb_backup.archive.store import MOST_WRITE_CONFLICTS, ObjectStore
from dynamodb_backup.errors import BackupDamaged, WriteConflict
from dynamodb_backup.strict_json import read_json
from dynamodb_backup.typed_record import record_of

__all__ = ["Count", "ItemCounts", "Standing", "Standings"]


@dataclass(frozen=True)
class Count:
    """How many items a run's verified full backup of a table held."""

    run_id: str
    item_count: int


@dataclass(frozen=True)
class Standing:
    """Where a table stands.

    ``collapsed_in`` is the run whose count collapsed, until a later one or a person settles it. ``good`` is the last
    backup before that, or else the newest.
    """

    good: Count
    newest: Count
    collapsed_in: str | None = None

    @classmethod
    def of_first(cls, count: Count) -> Standing:
        return cls(count, count)

    def after(self, count: Count, collapsed: Callable[[int, int], bool]) -> Standing:
        """Return where the table stands after a backup; ``collapsed`` compares a count before with one now."""
        if count.run_id <= self.newest.run_id:
            return self  # judged before, or overtaken by a newer run
        if collapsed(self.good.item_count, count.item_count):
            return Standing(self.good, count, self.collapsed_in or count.run_id)
        return Standing(count, count)

    def accepted(self) -> Standing:
        return Standing(self.newest, self.newest)


Standings = Mapping[str, Standing]


@dataclass(frozen=True)
class _Record:
    tables: dict[str, Standing]


@dataclass
class ItemCounts:
    """The record in its bucket."""

    store: ObjectStore
    key: str
    _etag: str | None = field(default=None, init=False)

    def load(self) -> dict[str, Standing]:
        """Read every table's standing.

        Raises
        ------
        BackupDamaged
            The record is malformed.
        """
        stored = self.store.find(self.key)
        self._etag = stored.etag if stored else None
        if stored is None:
            return {}
        try:
            return record_of(_Record, read_json(stored.body)).tables
        except ValueError as error:
            raise BackupDamaged(
                f"the record of item counts {self.key} is malformed: {error}; bring back an earlier version, or delete "
                "it, and the next backups are counted anew"
            ) from error

    def change(self, change: Callable[[Standings], Standings]) -> dict[str, Standing]:
        """Write what ``change`` makes of the tables, anew on what somebody else wrote meanwhile; return all.

        Raises
        ------
        BackupDamaged
            The record is malformed.
        WriteConflict
            Others write it again and again.
        """
        for _ in range(MOST_WRITE_CONFLICTS):
            standings = self.load()
            changed = {**standings, **change(standings)}
            if changed == standings:
                return standings
            tables = {table: asdict(one) for table, one in sorted(changed.items())}
            try:
                self.store.put_if_unchanged(self.key, json.dumps({"tables": tables}, indent=1).encode(), self._etag)
            except WriteConflict:
                continue
            return changed
        raise WriteConflict(f"{self.key} is written by others again and again, so the item counts are not in it")
