"""The manifests of many dates, read in parallel. One that cannot be read is said so and stops nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from dynamodb_backup.archive.catalog import Catalog, StoredBackup
from dynamodb_backup.archive.manifest import BackupManifest
from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.catalog.expiry import Expiry
from dynamodb_backup.contract.catalog import RecoveryPoint, UnreadableDate
from dynamodb_backup.errors import BackupDamaged, ReadInterrupted
from dynamodb_backup.timing import iso

__all__ = ["Day", "read_days", "read_manifests"]

PARALLEL_READS = 32
LONGEST_TEXT = 1024
"""Characters of any text in the list: as long as an S3 key may be. Some other tool's manifest may hold anything."""


@dataclass(frozen=True)
class Day:
    """What one date holds: recovery points by table, newest run first; or why that cannot be said."""

    date: str
    points: tuple[RecoveryPoint, ...] = ()
    unreadable: UnreadableDate | None = None


def read_days(catalog: Catalog, dates: Sequence[str], tables: Collection[str] | None, expiry: Expiry) -> Iterator[Day]:
    """Yield the dates in the given order, with the points of the given tables, or of all for ``None``."""
    for date, manifest in read_manifests(catalog, dates):
        if isinstance(manifest, UnreadableDate):
            yield Day(date, unreadable=manifest)
        else:
            yield Day(date, _points(catalog, manifest, tables, expiry))


def read_manifests(catalog: Catalog, dates: Sequence[str]) -> Iterator[tuple[str, BackupManifest | UnreadableDate]]:
    """Yield the dates in the given order, each with its manifest or why it cannot be read.

    The first is read alone: often it is enough.
    """

    def read(date: str) -> tuple[str, BackupManifest | UnreadableDate]:
        return date, _manifest(catalog, date)

    yield from map(read, dates[:1])
    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        for start in range(1, len(dates), PARALLEL_READS):
            yield from pool.map(read, dates[start : start + PARALLEL_READS])


def _manifest(catalog: Catalog, date: str) -> BackupManifest | UnreadableDate:
    try:
        manifest = catalog.manifest(date)
    except BackupDamaged as error:
        status, cause = "DAMAGED", str(error)
    except (ReadInterrupted, *AWS_ERRORS) as error:
        status, cause = "UNREADABLE", explain(error)
    else:
        if manifest:
            return manifest
        status, cause = "NO_MANIFEST", "a backup of this date is going on, or ended before it recorded anything"
    return UnreadableDate(date, status, catalog.manifest_key(date), cause[:LONGEST_TEXT])


def _points(
    catalog: Catalog, manifest: BackupManifest, tables: Collection[str] | None, expiry: Expiry
) -> tuple[RecoveryPoint, ...]:
    attempts = (*manifest.entries.values(), *manifest.failed_attempts)
    wanted = [entry for entry in attempts if tables is None or entry.table_name in tables]
    newest_first = sorted(wanted, key=lambda entry: entry.age, reverse=True)
    by_table = sorted(newest_first, key=lambda entry: entry.table_name)
    return tuple(_point(StoredBackup(manifest, entry), catalog, expiry) for entry in by_table)


def _point(backup: StoredBackup, catalog: Catalog, expiry: Expiry) -> RecoveryPoint:
    entry = backup.entry
    verification = entry.fields.get("verification")
    found: Mapping[str, object] = verification if isinstance(verification, Mapping) else {}
    hold = expiry.hold_of(backup.manifest.backup_date, entry.table_name)
    expires = None if hold else expiry.moment(entry)
    expired = hold is None and expiry.passed(entry)
    return RecoveryPoint(
        table_name=entry.table_name[:LONGEST_TEXT],
        backup_date=backup.manifest.backup_date,
        status="EXPIRED" if expired else entry.status[:LONGEST_TEXT],
        verified=entry.completed and bool(found) and not expired,
        export_time=_text(entry.text("export_time")),
        item_count=_count(entry.fields.get("item_count")),
        billed_size_bytes=_count(entry.fields.get("billed_size_bytes")),
        compressed_bytes=_count(found.get("compressed_bytes")),
        run_id=_text(entry.text("run_id")),
        export_type=_text(entry.text("export_type")),
        export_manifest=_text(catalog.place(backup)),
        retention_class=expiry.class_of(entry),
        expires_at=iso(expires) if expires else None,
        legal_hold=hold,
        error=_text(entry.text("error")),
    )


def _text(value: str | None) -> str | None:
    return value[:LONGEST_TEXT] if value else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
