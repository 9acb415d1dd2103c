"""Taking a run into its date's manifest.json, also when several runs do so at the same time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dynamodb_backup.archive.layout import EXPORT_FOLDER, Layout, export_id_of
from dynamodb_backup.archive.manifest import BackupManifest, ManifestEntry
from dynamodb_backup.archive.store import MOST_WRITE_CONFLICTS, ObjectStore
from dynamodb_backup.backup.record import RunRecord, TableRun
from dynamodb_backup.contract.backup import BACKUP_TYPE
from dynamodb_backup.errors import WriteConflict
from dynamodb_backup.settings import Settings
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import Clock, iso

__all__ = ["Manifests"]


class Manifests:
    """The manifests of one bucket and prefix."""

    def __init__(self, store: ObjectStore, layout: Layout, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._layout = layout
        self._settings = settings
        self._clock = clock

    def take_in(self, run: RunRecord) -> None:
        """Merge a run's full backups into the manifest of its date.

        Raises
        ------
        BackupDamaged
            The manifest that is there cannot be read, so nothing can be merged into it.
        WriteConflict
            Others write it again and again.
        """
        attempts = [self._entry(run, table) for table in run.tables.values() if run.makes_full(table)]
        if not attempts:
            return  # increments are recorded in their chains
        unwritten = f"is written by others again and again, so run {run.run_id} is not in it"
        self._change(run.backup_date, lambda manifest: manifest.merged(attempts), unwritten)

    def note_retention(self, backup_date: str, run_id: str, classes: Mapping[str, str]) -> None:
        """Note in a date's manifest which retention class the backups of a run were given, by table.

        Raises
        ------
        BackupDamaged
            The manifest that is there cannot be read.
        WriteConflict
            Others write it again and again.
        """
        unwritten = f"is written by others again and again, so the retention classes of run {run_id} are not in it"
        self._change(backup_date, lambda manifest: manifest.with_retention(run_id, classes), unwritten)

    def _change(self, date: str, change: Callable[[BackupManifest], BackupManifest], unwritten: str) -> None:
        """Write a date's manifest as ``change`` makes it, anew on what somebody else wrote meanwhile."""
        key = self._layout.manifest(date)
        for _ in range(MOST_WRITE_CONFLICTS):
            stored = self._store.find(key)
            manifest = BackupManifest.parse(key, date, stored.body) if stored else BackupManifest(key, date, {})
            changed = change(manifest)
            if changed == manifest:
                return
            body = changed.to_json(
                environment=self._settings.environment,
                bucket=self._settings.bucket,
                backup_type=BACKUP_TYPE,
                created_at=manifest.created_at or iso(self._clock()),
            )
            try:
                self._store.put_if_unchanged(key, body, stored.etag if stored else None)
            except WriteConflict:
                logger.info("the manifest was written by another run at the same time; merging again", key=key)
            else:
                return
        raise WriteConflict(f"{key} {unwritten}")

    def _entry(self, run: RunRecord, table: TableRun) -> ManifestEntry:
        prefix = self._layout.export_prefix(run.backup_date, table.table_name)
        folder = f"{prefix}/{EXPORT_FOLDER}{export_id_of(table.export_arn)}/" if table.export_arn else None
        fields = {
            "table_name": table.table_name,
            "status": table.shown_status,
            "run_id": run.run_id,
            "method": table.method,
            "export_arn": table.export_arn,
            "export_type": "FULL_EXPORT",
            "export_time": table.export_time,
            "start_time": table.start_time,
            "end_time": table.end_time,
            "s3_prefix": prefix,
            "export_manifest": f"{folder}manifest-summary.json" if folder else None,
            "item_count": table.item_count,
            "billed_size_bytes": table.billed_size_bytes,
            "table_definition": table.definition_key,
            "table_definition_sha256": table.definition_sha256,
            "verification": table.verification,
            "warnings": list(table.all_warnings),
            "error": table.error,
        }
        return ManifestEntry(table.table_name, table.shown_status, fields)
