"""One date: the exports that its manifest names, what is recorded of its runs, and last the manifest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from dynamodb_backup.archive.catalog import StoredBackup
from dynamodb_backup.archive.manifest import BackupManifest, ManifestEntry
from dynamodb_backup.archive.seal import resealed
from dynamodb_backup.archive.store import StoredObject
from dynamodb_backup.aws_errors import AWS_ERRORS, explain, is_transient
from dynamodb_backup.errors import BackupDamaged, ObjectMissing, TimeIsUp, ToolError, WriteConflict
from dynamodb_backup.offsite.export import FoundExport, copy_export
from dynamodb_backup.offsite.unit import Outcome, Unit
from dynamodb_backup.offsite.work import Work
from dynamodb_backup.strict_json import read_json
from dynamodb_backup.telemetry import logger

__all__ = ["Day", "without"]


LEFT_OUT = "the backup was not copied here"
"""How the error begins, in a copied manifest, of a table whose backup is at home and not in the copy."""


class Day(Unit):
    """The backups of one date. A table whose backup cannot be copied does not keep the others from it."""

    def __init__(self, work: Work, day: str) -> None:
        super().__init__(work, f"days/{day}", work.source.layout.manifest(day))
        self.day = day

    def needed(self) -> bool | None:
        try:
            entries = BackupManifest.parse(self.key, self.day, self.stored.body).entries.values()
        except BackupDamaged:
            return True  # so that it is told
        except ObjectMissing:
            return None
        return super().needed() if any(entry.completed for entry in entries) else None

    def copy(self, stored: StoredObject) -> Outcome:
        manifest = BackupManifest.parse(self.key, self.day, stored.body)
        outcome = Outcome(stored.body)
        wanted = _full_backups(manifest)
        for entry in wanted:
            try:
                moment = self._copy_table(manifest, entry)
            except (TimeIsUp, WriteConflict):
                raise
            except (ToolError, *AWS_ERRORS) as error:
                if is_transient(error):
                    raise
                logger.error("off-site copy failed", table=entry.table_name, day=self.day, error=explain(error))
                outcome.errors[entry.table_name] = explain(error)
            else:
                outcome.moments[entry.table_name] = moment
        if wanted and len(outcome.errors) == len(wanted):
            outcome.body = None
            return outcome
        if outcome.errors:
            outcome.body = without(stored.body, outcome.errors)
        self._copy_runs()
        if not self.work.transfer.overwrite:
            outcome.errors |= {
                one.table_name: one.text("error") or "" for one in manifest.entries.values() if _left_out(one)
            }
        return outcome

    def tables(self) -> set[str]:
        manifest = BackupManifest.parse(self.key, self.day, self.stored.body)
        return {entry.table_name for entry in _full_backups(manifest)}

    def exports(self) -> Iterator[Callable[[], FoundExport]]:
        manifest = BackupManifest.parse(self.key, self.day, self.stored.body)
        for entry in _full_backups(manifest):
            yield partial(self._found, StoredBackup(manifest, entry))

    def _found(self, backup: StoredBackup) -> FoundExport:
        export = self.work.source.catalog.open(backup)
        return FoundExport(export.root, export.files, export.export_time)

    def _copy_table(self, manifest: BackupManifest, entry: ManifestEntry) -> str:
        """Copy a table's export, and return the moment that it holds."""
        backup = StoredBackup(manifest, entry)
        find = partial(self._found, backup)
        place = self.work.source.catalog.place(backup) or f"{find().root}manifest-summary.json"
        record = copy_export(self.work, place, find)
        return entry.text("export_time") or record.export_time or f"{self.day}T00:00:00Z"

    def _copy_runs(self) -> None:
        """Copy the runs' records and the tables' definitions, but not how far scans are."""
        for key in self.work.source.store.keys(self.work.source.layout.runs(self.day)):
            if key.endswith("/run.json") or key.rpartition("/")[0].endswith("/definitions"):
                self.work.copy_small(key, keep_existing=not self.work.transfer.overwrite)


def _full_backups(manifest: BackupManifest) -> list[ManifestEntry]:
    return [one for one in manifest.entries.values() if one.completed and not one.incremental]


def _left_out(entry: ManifestEntry) -> bool:
    return not entry.completed and (entry.text("error") or "").startswith(LEFT_OUT)


def without(body: bytes, errors: Mapping[str, str]) -> bytes:
    """Return a manifest in which some tables' backups count as failed, so that nobody takes them for whole."""
    document = read_json(body)
    for entry in document["exports"]:
        error = errors.get(entry["table_name"])
        if error is not None:
            entry |= {"status": "FAILED", "error": f"the backup was not copied here: {error}"}
    completed = [
        ManifestEntry(entry["table_name"], "COMPLETED", entry)
        for entry in document["exports"]
        if entry["status"] == "COMPLETED"
    ]
    counts = {
        "successful_exports": len(completed),
        "failed_exports": sum(entry["status"] == "FAILED" for entry in document["exports"]),
        "total_items_exported": sum(entry.number("item_count") for entry in completed),
        "total_size_bytes": sum(entry.number("billed_size_bytes") for entry in completed),
    }
    document |= {name: count for name, count in counts.items() if name in document}
    return json.dumps(resealed(document), indent=2).encode() + b"\n"
