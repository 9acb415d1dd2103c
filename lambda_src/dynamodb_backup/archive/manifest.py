"""Our own manifest.json: for each table of one date the newest COMPLETED backup, and beside it what failed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dynamodb_backup.archive.seal import check_seal, is_sealed, sealed
from dynamodb_backup.errors import BackupDamaged
from dynamodb_backup.naming import is_table_name
from dynamodb_backup.strict_json import read_json

__all__ = ["BackupManifest", "ManifestEntry"]


@dataclass(frozen=True)
class ManifestEntry:
    """One table of a manifest. ``fields`` is the JSON object as stored, with whatever else it holds."""

    table_name: str
    status: str
    fields: Mapping[str, Any]

    @property
    def completed(self) -> bool:
        return self.status == "COMPLETED"

    @property
    def incremental(self) -> bool:
        """Tell whether it is of an incremental export, which only manifests of other tools hold."""
        return self.fields.get("export_type") == "INCREMENTAL_EXPORT"

    def text(self, name: str) -> str | None:
        value = self.fields.get(name)
        return value if isinstance(value, str) and value else None

    def number(self, name: str) -> int:
        """Return a count or size in bytes; 0 where it is missing or, as another tool may have it, no integer."""
        value = self.fields.get(name)
        return value if isinstance(value, int) else 0

    @property
    def warnings(self) -> list[str]:
        """Return what the backup warned of; nothing where another tool has something else under that name."""
        given = self.fields.get("warnings")
        return [one for one in given if isinstance(one, str)] if isinstance(given, list) else []

    @property
    def recorded_item_count(self) -> int | None:
        """Items that the export must hold; ``None`` where a tool whose counts prove nothing, or none, recorded them.

        Such tools write neither what verification found nor which manifest they have the count from.
        """
        count = self.fields.get("item_count")
        trusted = "verification" in self.fields or self.text("export_manifest") is not None
        return count if trusted and isinstance(count, int) and not isinstance(count, bool) else None

    @property
    def verified_files(self) -> str | None:
        """Return the ``files_digest`` of what was verified; ``None`` where an earlier version or another tool wrote."""
        verification = self.fields.get("verification")
        digest = verification.get("files_sha256") if isinstance(verification, dict) else None
        return digest if isinstance(digest, str) else None

    @property
    def age(self) -> str:
        """Return what orders two attempts of one day: the run that made it."""
        return self.text("run_id") or ""


@dataclass(frozen=True)
class BackupManifest:
    """The manifest of one date.

    ``failed_attempts`` are attempts that did not complete while an earlier backup of the same day is still good.
    """

    key: str
    backup_date: str
    entries: Mapping[str, ManifestEntry]
    failed_attempts: tuple[ManifestEntry, ...] = ()
    created_at: str | None = None

    @property
    def folder(self) -> str:
        """Return the folder in which the manifest lies, ending with ``/``."""
        return self.key.rpartition("/")[0] + "/"

    @classmethod
    def parse(cls, key: str, backup_date: str, body: bytes) -> BackupManifest:
        """Read a manifest of ours, or one that another tool of the same layout wrote.

        Raises
        ------
        BackupDamaged
            It is not JSON, not a manifest, altered, or that of another date.
        """
        try:
            document = read_json(body)
        except ValueError as error:
            raise BackupDamaged(f"{key} is not JSON: {error}") from error
        exports = document.get("exports") if isinstance(document, dict) else None
        if not isinstance(exports, list):
            raise BackupDamaged(f"{key} is not a backup manifest: it has no array 'exports'")
        check_seal(document, key)
        # Against its place only a manifest is believed that is proven to be as we wrote it.
        if is_sealed(document) and document.get("backup_date") not in {None, backup_date}:
            raise BackupDamaged(f"{key} is the manifest of another date: its backup_date is not {backup_date}")
        entries: dict[str, ManifestEntry] = {}
        for entry in _entries(exports, key):
            earlier = entries.get(entry.table_name)
            # Another tool may have listed a table twice; a good backup is never hidden by a failed one.
            if earlier is None or entry.completed or not earlier.completed:
                entries[entry.table_name] = entry
        attempts = document.get("failed_attempts")
        return cls(
            key=key,
            backup_date=backup_date,
            entries=entries,
            failed_attempts=tuple(_entries(attempts, key)) if isinstance(attempts, list) else (),
            created_at=document.get("created_at"),
        )

    def merged(self, attempts: Iterable[ManifestEntry]) -> BackupManifest:
        """Return the manifest with a run's attempts taken in; a failed or older one never displaces a good backup."""
        entries = dict(self.entries)
        failed = {(entry.table_name, entry.age): entry for entry in self.failed_attempts}
        for attempt in attempts:
            table, standing = attempt.table_name, entries.get(attempt.table_name)
            failed.pop((table, attempt.age), None)
            if standing is None:
                entries[table] = attempt
            elif attempt.age == standing.age:
                entries[table] = _joined(standing, attempt)
            elif attempt.completed and (not standing.completed or attempt.age > standing.age):
                entries[table] = attempt
                if not standing.completed:
                    failed[table, standing.age] = standing
            elif not attempt.completed and standing.completed:
                failed[table, attempt.age] = attempt
            elif not attempt.completed:
                newer, older = (attempt, standing) if attempt.age > standing.age else (standing, attempt)
                entries[table], failed[table, older.age] = newer, older
        ordered = tuple(failed[key] for key in sorted(failed))
        return BackupManifest(self.key, self.backup_date, entries, ordered, self.created_at)

    def with_retention(self, run_id: str, classes: Mapping[str, str]) -> BackupManifest:
        """Return the manifest with the retention classes of a run's attempts, by table."""

        def noted(entry: ManifestEntry) -> ManifestEntry:
            if entry.age != run_id or entry.table_name not in classes:
                return entry
            fields = {**entry.fields, "retention_class": classes[entry.table_name]}
            return ManifestEntry(entry.table_name, entry.status, fields)

        entries = {table: noted(entry) for table, entry in self.entries.items()}
        attempts = tuple(noted(entry) for entry in self.failed_attempts)
        return BackupManifest(self.key, self.backup_date, entries, attempts, self.created_at)

    def to_json(self, *, environment: str, bucket: str, backup_type: str, created_at: str) -> bytes:
        """Return the stored form. Totals count what is restorable: the COMPLETED entries."""
        completed = [entry for entry in self.entries.values() if entry.completed]
        document = {
            "backup_date": self.backup_date,
            "environment": environment,
            "backup_type": backup_type,
            "created_at": created_at,
            "s3_bucket": bucket,
            "total_exports": len(self.entries),
            "successful_exports": len(completed),
            "failed_exports": sum(entry.status == "FAILED" for entry in self.entries.values()),
            "total_items_exported": sum(entry.number("item_count") for entry in completed),
            "total_size_bytes": sum(entry.number("billed_size_bytes") for entry in completed),
            "exports": [dict(self.entries[table].fields) for table in sorted(self.entries)],
            "failed_attempts": [dict(entry.fields) for entry in self.failed_attempts],
        }
        return json.dumps(sealed(document), indent=2).encode("utf-8") + b"\n"


def _entries(documents: list[Any], key: str) -> Iterable[ManifestEntry]:
    for number, document in enumerate(documents):
        name = document.get("table_name") if isinstance(document, dict) else None
        status = document.get("status") if isinstance(document, dict) else None
        if not isinstance(name, str) or not isinstance(status, str):
            raise BackupDamaged(f"{key} is not a backup manifest: entry {number} has no table_name or no status")
        if not is_table_name(name):
            # Keys are made of it, and DynamoDB would take an ARN for a table of another account.
            raise BackupDamaged(f"{key} is damaged: entry {number} has a table_name that no DynamoDB table can have")
        yield ManifestEntry(name, status, document)


def _joined(standing: ManifestEntry, attempt: ManifestEntry) -> ManifestEntry:
    """Join two views of one attempt; what one of two equal ones warns of is never lost."""
    if _knowledge(standing) != _knowledge(attempt):
        return max(standing, attempt, key=_knowledge)
    if standing.warnings == attempt.warnings:
        return standing
    joined = list(dict.fromkeys([*standing.warnings, *attempt.warnings]))
    return ManifestEntry(standing.table_name, standing.status, {**standing.fields, "warnings": joined})


def _knowledge(entry: ManifestEntry) -> tuple[bool, bool, bool]:
    """Order two views of one attempt: who has seen its export knows more than who could not start one."""
    return entry.completed, entry.text("export_arn") is not None, entry.status == "FAILED"
