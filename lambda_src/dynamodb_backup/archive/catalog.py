"""Finding backups: which dates there are, what each holds, where each table's newest COMPLETED backup lies."""

from __future__ import annotations

import bisect
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

from dynamodb_backup.archive.export import NativeExport, read_export
from dynamodb_backup.archive.layout import EXPORT_FOLDER, Layout, export_id_of
from dynamodb_backup.archive.manifest import BackupManifest, ManifestEntry
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.errors import BackupDamaged, BackupNotFound

__all__ = ["Catalog", "StoredBackup"]

PARALLEL_READS = 32


@dataclass(frozen=True)
class StoredBackup:
    """One table's entry together with the manifest that holds it."""

    manifest: BackupManifest
    entry: ManifestEntry

    @property
    def definition_key(self) -> str | None:
        """Return where the captured table definition lies; a copied backup's lies beside its manifest."""
        recorded = self.entry.text("table_definition")
        if not recorded:
            return None
        return self.manifest.folder + recorded.rpartition(f"/{self.manifest.backup_date}/")[2]


class Catalog:
    """The backups under one prefix of one bucket."""

    def __init__(self, store: ObjectStore, layout: Layout) -> None:
        self._store = store
        self._layout = layout

    def dates(self) -> list[str]:
        """Return every date that has a folder, newest first."""
        folders = self._store.folders(self._layout.root)
        return sorted((date for folder in folders if (date := self._layout.date_of(folder))), reverse=True)

    def manifest(self, date: str) -> BackupManifest | None:
        """Read one date's manifest; ``None`` where a run left none (it is going on, or died).

        Raises
        ------
        BackupDamaged
            It is there but is not a manifest.
        """
        key = self._layout.manifest(date)
        stored = self._store.find(key)
        return BackupManifest.parse(key, date, stored.body) if stored else None

    def manifest_key(self, date: str) -> str:
        return self._layout.manifest(date)

    def on(self, date: str) -> BackupManifest:
        """Read one date's manifest.

        Raises
        ------
        BackupNotFound
            That date has none; the message names the nearest dates that have a folder.
        """
        manifest = self.manifest(date)
        if manifest is None:
            place = f"s3://{self._store.bucket}/{self._layout.manifest(date)}"
            raise BackupNotFound(f"there is no backup of {date} ({place} does not exist); {self._near(date)}")
        return manifest

    def newest(self, tables: Collection[str]) -> dict[str, StoredBackup]:
        """Return each table's newest COMPLETED backup, however far back it lies; tables without one are left out."""
        return _newest(tables, self._manifests())

    def newest_and_manifest(self, tables: Collection[str]) -> tuple[dict[str, StoredBackup], BackupManifest]:
        """Return the same for these tables and all that the newest manifest names, and that manifest.

        Raises
        ------
        BackupNotFound
            There is no manifest at all.
        """
        manifests = self._manifests()
        manifest = next(manifests, None)
        if manifest is None:
            raise BackupNotFound(f"there is no backup under s3://{self._store.bucket}/{self._layout.root}")
        return _newest({*tables, *manifest.entries}, chain([manifest], manifests)), manifest

    def open(self, backup: StoredBackup) -> NativeExport:
        """Read the AWS manifests of a backup, at the place where its own manifest lies.

        A copied backup may name the bucket or prefix that it came from; it is never followed there.

        Raises
        ------
        BackupNotFound
            No export lies where it should.
        BackupDamaged
            Its manifests are not whole, or contradict our own.
        """
        export = self._first_export(backup)
        if export.table_name not in {None, backup.entry.table_name}:
            raise BackupDamaged(
                f"{backup.manifest.key} names s3://{export.bucket}/{export.root} as the export of table "
                f"{backup.entry.table_name}, but it is one of table {export.table_name}"
            )
        expected = backup.entry.verified_item_count
        if expected is not None and expected != export.item_count:
            raise BackupDamaged(
                f"{backup.manifest.key} recorded {expected} verified items of table {backup.entry.table_name}, "
                f"but the export's own manifest counts {export.item_count}"
            )
        return export

    def _first_export(self, backup: StoredBackup) -> NativeExport:
        roots = list(dict.fromkeys(self._roots(backup)))
        for root in roots:
            with suppress(BackupNotFound):
                return read_export(self._store, root)
        places = ", ".join(f"s3://{self._store.bucket}/{root}" for root in roots) or "any expected place"
        raise BackupNotFound(f"the export of table {backup.entry.table_name} does not lie at {places}")

    def place(self, backup: StoredBackup) -> str | None:
        """Return the key at which the export's manifest-summary.json should lie, without asking S3.

        ``None`` where the manifest does not say which export it is.
        """
        if backup.entry.text("export_arn") is None:
            return None
        return f"{next(self._roots(backup))}manifest-summary.json"

    def _roots(self, backup: StoredBackup) -> Iterator[str]:
        """Yield the places where the export may lie, all of them below the manifest's own folder."""
        folder, entry = backup.manifest.folder, backup.entry
        recorded = entry.text("s3_prefix")
        arn = entry.text("export_arn")
        prefixes = []
        if recorded:
            recorded = recorded.strip("/")
            if f"{recorded}/".startswith(folder):
                prefixes.append(recorded)
            prefixes.append(folder + recorded.rpartition(f"/{backup.manifest.backup_date}/")[2])
        prefixes.append(folder + entry.table_name)
        for prefix in prefixes:
            if arn:
                yield f"{prefix}/{EXPORT_FOLDER}{export_id_of(arn)}/"
            else:
                yield from self._only_export(f"{prefix}/{EXPORT_FOLDER}")

    def _only_export(self, folder: str) -> Iterator[str]:
        """Yield the one export in a folder, for manifests that recorded no export ARN."""
        exports = [root for root in self._store.folders(folder) if not root.endswith("/data/")]
        if len(exports) > 1:
            raise BackupDamaged(
                f"s3://{self._store.bucket}/{folder} holds {len(exports)} exports and the manifest does not say which; "
                "restore one of them by its place, with the field 'export'"
            )
        yield from exports

    def _manifests(self) -> Iterator[BackupManifest]:
        """Yield the manifests, newest first. The first is read alone: mostly it is enough."""
        dates = self.dates()
        yield from self._read(dates[:1])
        for start in range(1, len(dates), PARALLEL_READS):
            yield from self._read(dates[start : start + PARALLEL_READS])

    def _read(self, dates: list[str]) -> Iterator[BackupManifest]:
        """Yield some manifests in order; a damaged one raises only when its turn comes, so not if it is not needed."""
        with ThreadPoolExecutor(PARALLEL_READS) as pool:
            yield from (manifest for manifest in pool.map(self.manifest, dates) if manifest)

    def _near(self, date: str) -> str:
        dates = sorted(self.dates())
        if not dates:
            return "there are no backups under this prefix at all"
        place = bisect.bisect(dates, date)
        return f"the nearest dates are {', '.join(dates[max(0, place - 2) : place + 2])}"


def _newest(tables: Collection[str], manifests: Iterable[BackupManifest]) -> dict[str, StoredBackup]:
    """Look through manifests, newest first, until every table's COMPLETED backup is found."""
    found: dict[str, StoredBackup] = {}
    for manifest in manifests:
        for table in tables:
            entry = manifest.entries.get(table)
            if table not in found and entry is not None and entry.completed:
                found[table] = StoredBackup(manifest, entry)
        if len(found) == len(set(tables)):
            break
    return found
