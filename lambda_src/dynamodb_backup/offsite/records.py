"""What is known of the copies in one off-site store, kept in our own bucket: the store need not be trusted for it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TypeVar

from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.errors import BackupDamaged
from dynamodb_backup.offsite.transfer import Upload
from dynamodb_backup.strict_json import read_json
from dynamodb_backup.timing import moment_of
from dynamodb_backup.typed_record import record_of

__all__ = ["COPIED", "FAILED", "IN_PROGRESS", "PARTIAL", "CopyStatus", "ExportRecord", "Records", "UnitRecord"]

IN_PROGRESS, COPIED, PARTIAL, FAILED = "IN_PROGRESS", "COPIED", "PARTIAL", "FAILED"


@dataclass
class ExportRecord:
    """How far the data files of one export are.

    ``settled`` files from the first are copied without a gap, and those of ``beyond``; ``listing`` tells whether the
    manifest still lists the same files. ``uploads`` are under way, by target key.
    """

    status: str = IN_PROGRESS
    listing: str = ""
    export_time: str | None = None
    settled: int = 0
    beyond: list[int] = field(default_factory=list)
    bytes: int = 0
    uploads: dict[str, Upload] = field(default_factory=dict)
    etag: str | None = field(default=None, compare=False)

    def is_done(self, number: int) -> bool:
        return number < self.settled or number in self.beyond

    def done(self, number: int, size: int) -> None:
        """Note a data file, counted from 0, that is copied."""
        self.bytes += size
        beyond = {*self.beyond, number}
        while self.settled in beyond:
            beyond.remove(self.settled)
            self.settled += 1
        self.beyond = sorted(beyond)


@dataclass
class UnitRecord:
    """What was copied of one date's manifest, or of one chain. ``source_etag`` is that of the object then read.

    ``written_md5`` is of the manifest that was written, which is a shorter one where tables failed; ``errors`` say why,
    by table.
    """

    status: str = IN_PROGRESS
    source_etag: str | None = None
    written_md5: str | None = None
    copied_at: str | None = None
    errors: dict[str, str] = field(default_factory=dict)
    etag: str | None = field(default=None, compare=False)


@dataclass
class CopyStatus:
    """Each table's newest copied moment, ISO 8601; ``watched_since`` counts for a table that was never copied."""

    watched_since: str
    tables: dict[str, str] = field(default_factory=dict)
    etag: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        moment_of(self.watched_since)


Record = TypeVar("Record", ExportRecord, UnitRecord, CopyStatus)


class Records:
    """The records under one folder, which ends with ``/``."""

    def __init__(self, store: ObjectStore, folder: str) -> None:
        self.store = store
        self.folder = folder

    def export(self, export_manifest: str, prefix: str) -> tuple[str, ExportRecord]:
        """Return the key of an export's record, and the record, a new one if there is none."""
        place = export_manifest.removeprefix(f"{prefix}/").rpartition("/")[0]
        key = f"{self.folder}exports/{place}.json"
        return key, self._read(key, ExportRecord) or ExportRecord()

    def unit(self, name: str) -> tuple[str, UnitRecord]:
        """Return the same for a date (``days/2026-01-31``) or a chain (``chains/orders/2026-01-31-0001``)."""
        key = f"{self.folder}{name}.json"
        return key, self._read(key, UnitRecord) or UnitRecord()

    def status(self, now: str) -> tuple[str, CopyStatus]:
        key = f"{self.folder}status.json"
        return key, self._read(key, CopyStatus) or CopyStatus(now)

    def save(self, key: str, record: Record) -> None:
        """Write a record if nobody else wrote it since it was read.

        Raises
        ------
        WriteConflict
            Somebody else wrote it in between.
        """
        document = {name: one for name, one in asdict(record).items() if name != "etag"}
        record.etag = self.store.put_own(key, json.dumps(document).encode(), record.etag)

    def _read(self, key: str, kind: type[Record]) -> Record | None:
        stored = self.store.find(key)
        if stored is None:
            return None
        try:
            record = record_of(kind, read_json(stored.body), closed=True)
        except ValueError as error:
            raise BackupDamaged(f"the record of an off-site copy {key} is malformed: {error}; delete it") from error
        record.etag = stored.etag
        return record
