"""How far superseded backups are handed to S3's lifecycle rules, in one small S3 object.

Without it every run would look through all dates again. It is only a short cut: where it is lost or malformed, the work
begins at the oldest date again, and giving an object the tag that it has changes nothing.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace

from dynamodb_backup.archive.store import MOST_WRITE_CONFLICTS, ObjectStore
from dynamodb_backup.errors import WriteConflict
from dynamodb_backup.strict_json import read_json
from dynamodb_backup.telemetry import logger
from dynamodb_backup.typed_record import record_of

__all__ = ["Progress", "ProgressRecord", "TableProgress"]


@dataclass(frozen=True)
class TableProgress:
    """``done_through`` is the newest run whose backup of the table is dealt with, as are all before it.

    Of the run ``going_on`` the objects up to the key ``tagged_through`` have their tag.
    """

    done_through: str
    going_on: str | None = None
    tagged_through: str | None = None

    @property
    def order(self) -> tuple[str, str, str]:
        return self.done_through, self.going_on or "", self.tagged_through or ""


@dataclass
class Progress:
    """``scanned_through``: every table that was in a run up to this date is among ``tables``."""

    scanned_through: str = ""
    tables: dict[str, TableProgress] = field(default_factory=dict)
    etag: str | None = None

    def first_day(self, table: str) -> str:
        """Return the first date whose runs have to be looked at for a table."""
        known = self.tables.get(table)
        return known.done_through[:10] if known else self.scanned_through

    def saw(self, table: str, day: str) -> None:
        """Remember when a table first had a run, so that it never has to be looked for before."""
        self.tables.setdefault(table, TableProgress(f"{day}-0000"))

    def join(self, other: Progress) -> None:
        """Take from another invocation's view whatever is further there."""
        self.scanned_through = max(self.scanned_through, other.scanned_through)
        for table, theirs in other.tables.items():
            ours = self.tables.get(table)
            if ours is None or theirs.order > ours.order:
                self.tables[table] = theirs
        self.etag = other.etag

    def to_json(self) -> bytes:
        tables = {table: asdict(progress) for table, progress in sorted(self.tables.items())}
        return json.dumps({"scanned_through": self.scanned_through, "tables": tables}, indent=1).encode() + b"\n"

    @classmethod
    def parse(cls, body: bytes, etag: str) -> Progress:
        """Read a stored record; a malformed one is as good as none."""
        try:
            return replace(record_of(cls, read_json(body)), etag=etag)
        except ValueError as error:
            logger.warning("the record of retention is malformed and is made anew", error=str(error))
            return cls(etag=etag)


class ProgressRecord:
    """The record in its bucket."""

    def __init__(self, store: ObjectStore, key: str) -> None:
        self._store = store
        self._key = key

    def load(self) -> Progress:
        stored = self._store.find(self._key)
        return Progress.parse(stored.body, stored.etag) if stored else Progress()

    def save(self, progress: Progress) -> None:
        """Write the record; where another invocation wrote it meanwhile, join the two first.

        Raises
        ------
        WriteConflict
            Others write it again and again.
        """
        for _ in range(MOST_WRITE_CONFLICTS):
            try:
                progress.etag = self._store.put_if_unchanged(self._key, progress.to_json(), progress.etag)
            except WriteConflict:
                progress.join(self.load())
            else:
                return
        raise WriteConflict(f"{self._key} is written by others again and again")
