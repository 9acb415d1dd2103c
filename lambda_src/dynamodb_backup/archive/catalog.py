"""Finding backups: which dates there are, what each holds, where each table's export lies."""

from __future__ import annotations

import bisect
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

from dynamodb_backup.archive.export import NativeExport, read_export
from dynamodb_backup.archive.export_manifests import refuse_other_files
from dynamodb_backup.archive.layout import EXPORT_FOLDER, Layout, export_id_of
from dynamodb_backup.archive.manifest import BackupManifest
from dynamodb_backup.archive.newest import Newest, StoredBackup, newest_of
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.errors import BackupDamaged, BackupNotFound

__all__ = ["Catalog", "StoredBackup"]

PARALLEL_READS = 32


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

    def newest(self, tables: Collection[str]) -> Newest:
        """Return each table's newest COMPLETED full backup, however far back it lies.

        Raises
        ------
        BackupDamaged
            The newest manifest is not one. What an older one may hide is told table by table.
        """
        manifests = self._manifests()
        return newest_of(tables, next(manifests, None), manifests)

    def newest_and_manifest(self, tables: Collection[str]) -> tuple[Newest, BackupManifest]:
        """Return the same for these tables and all that the newest manifest names, and that manifest.

        Raises
        ------
        BackupNotFound
            There is no manifest at all.
        BackupDamaged
            The newest one is not one.
        """
        manifests = self._manifests()
        manifest = next(manifests, None)
        if manifest is None:
            raise BackupNotFound(f"there is no backup under s3://{self._store.bucket}/{self._layout.root}")
        return newest_of({*tables, *manifest.entries}, manifest, manifests), manifest

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
        expected = backup.entry.recorded_item_count
        if expected is not None and expected != export.item_count:
            raise BackupDamaged(
                f"{backup.manifest.key} recorded {expected} items of table {backup.entry.table_name}, "
                f"but the export's own manifest counts {export.item_count}"
            )
        place = f"s3://{export.bucket}/{export.root}"
        refuse_other_files(place, export.files, backup.entry.verified_files, backup.manifest.key)
        warnings = [*backup.warnings, *export.warnings]
        if backup.entry.number("item_count") not in {0, export.item_count}:
            warnings.append(
                f"{backup.manifest.key}, of another tool, counts {backup.entry.number('item_count')} items of table "
                f"{backup.entry.table_name}, the export itself {export.item_count}: the export's own count is taken"
            )
        return replace(export, warnings=tuple(warnings))

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
            export_id = export_id_of(arn) if arn else _export_id_in(entry.text("export_manifest"), prefix)
            if export_id:
                yield f"{prefix}/{EXPORT_FOLDER}{export_id}/"
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


def _export_id_in(export_manifest: str | None, prefix: str) -> str | None:
    """Return the ExportId of a recorded key of manifest-summary.json, if that lies in a folder of the prefix's name.

    Only the ExportId is taken from it, so that a copied backup is read where it lies.
    """
    folder, _, tail = (export_manifest or "").rpartition(f"/{EXPORT_FOLDER}")
    export_id, _, name = tail.partition("/")
    same = folder.rpartition("/")[2] == prefix.rpartition("/")[2]
    return export_id if same and name == "manifest-summary.json" and export_id not in {"", ".", ".."} else None
