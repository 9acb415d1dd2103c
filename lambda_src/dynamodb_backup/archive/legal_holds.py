"""Which backups have a legal hold: one small record per date, so that lists and retention need not ask every object."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import MOST_WRITE_CONFLICTS, ObjectStore
from dynamodb_backup.errors import BackupDamaged, WriteConflict
from dynamodb_backup.strict_json import read_json
from dynamodb_backup.typed_record import record_of

__all__ = ["OFF", "ON", "PLACING", "RELEASING", "Hold", "HoldRecord", "LegalHolds"]

PLACING, ON, RELEASING, OFF = "PLACING", "ON", "RELEASING", "OFF"
PARALLEL_READS = 16


@dataclass(frozen=True)
class Hold:
    """The hold on one table's backups of one date. ``through`` is the last key that is dealt with while it changes.

    ``objects`` counts those that it was put on or taken from, ``changed_at`` is ISO 8601.
    """

    status: str
    changed_at: str
    through: str | None = None
    objects: int = 0

    @property
    def holds(self) -> bool:
        """Whether some of its objects may be held."""
        return self.status != OFF


@dataclass(frozen=True)
class HoldRecord:
    """All holds of one date, by table."""

    backup_date: str
    tables: Mapping[str, Hold] = field(default_factory=dict)
    etag: str | None = field(default=None, compare=False)

    @property
    def held(self) -> frozenset[str]:
        """Return the tables of which some objects may be held."""
        return frozenset(table for table, hold in self.tables.items() if hold.holds)

    def to_json(self) -> bytes:
        tables = {table: asdict(hold) for table, hold in sorted(self.tables.items())}
        return json.dumps({"backup_date": self.backup_date, "tables": tables}, indent=1).encode() + b"\n"


class LegalHolds:
    """The records of one bucket and prefix."""

    def __init__(self, store: ObjectStore, layout: Layout) -> None:
        self._store = store
        self._layout = layout

    def on(self, backup_date: str) -> HoldRecord:
        """Read the record of a date; an empty one if there is none.

        Raises
        ------
        BackupDamaged
            It is malformed.
        """
        key = self._layout.legal_hold(backup_date)
        stored = self._store.find(key)
        if stored is None:
            return HoldRecord(backup_date)
        try:
            record = record_of(HoldRecord, read_json(stored.body), closed=True)
        except ValueError as error:
            raise BackupDamaged(
                f"{key} is malformed, so it is not known which backups of {backup_date} have a legal hold: {error}"
            ) from error
        return HoldRecord(backup_date, record.tables, stored.etag)

    def dates(self) -> list[str]:
        """Return every date that has a record."""
        folder = self._layout.legal_holds
        return [key.removeprefix(folder).removesuffix(".json") for key in self._store.keys(folder)]

    def of(self, dates: Collection[str]) -> dict[str, HoldRecord]:
        """Read the records of those of the dates that have one.

        Raises
        ------
        BackupDamaged
            One is malformed.
        """
        wanted = [date for date in self.dates() if date in dates]
        with ThreadPoolExecutor(PARALLEL_READS) as pool:
            return dict(zip(wanted, pool.map(self.on, wanted), strict=True))

    def change(self, backup_date: str, change: Callable[[Mapping[str, Hold]], Mapping[str, Hold]]) -> HoldRecord:
        """Write what ``change`` makes of a date's holds, anew on what somebody else wrote meanwhile.

        Raises
        ------
        WriteConflict
            Others write it again and again.
        """
        key = self._layout.legal_hold(backup_date)
        for _ in range(MOST_WRITE_CONFLICTS):
            record = self.on(backup_date)
            changed = HoldRecord(backup_date, {**record.tables, **change(record.tables)})
            try:
                etag = self._store.put_if_unchanged(key, changed.to_json(), record.etag)
            except WriteConflict:
                continue
            return HoldRecord(backup_date, changed.tables, etag)
        raise WriteConflict(f"{key} is written by others again and again, so the legal hold is not recorded in it")
