"""Each table's newest COMPLETED backup, found among the manifests, and what keeps one from being known."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from dynamodb_backup.archive.manifest import BackupManifest, ManifestEntry
from dynamodb_backup.errors import BackupDamaged, BackupNotFound

__all__ = ["Newest", "StoredBackup", "newest_of"]


@dataclass(frozen=True)
class StoredBackup:
    """One table's entry together with the manifest that holds it. ``warnings`` are about how it was chosen."""

    manifest: BackupManifest
    entry: ManifestEntry
    warnings: tuple[str, ...] = ()

    @property
    def definition_key(self) -> str | None:
        """Return where the captured table definition lies; a copied backup's lies beside its manifest."""
        recorded = self.entry.text("table_definition")
        if not recorded:
            return None
        return self.manifest.folder + recorded.rpartition(f"/{self.manifest.backup_date}/")[2]

    @property
    def definition_sha256(self) -> str | None:
        """Return the SHA-256 of the captured definition; ``None`` where an earlier version recorded none."""
        return self.entry.text("table_definition_sha256")


@dataclass
class Newest:
    """What was found of some tables. ``damage`` is the newest manifest that could not be read behind the newest."""

    found: dict[str, StoredBackup] = field(default_factory=dict)
    damage: BackupDamaged | None = None

    def get(self, table: str) -> StoredBackup | None:
        """Return a table's backup; ``None`` if no manifest names a COMPLETED one.

        Raises
        ------
        BackupDamaged
            None was found above a manifest that is damaged, and so may name it.
        """
        if table not in self.found and self.damage:
            raise self.damage
        return self.found.get(table)

    def backup_or_cause(self, table: str) -> StoredBackup | BackupDamaged | BackupNotFound:
        """Return a table's backup, or why there is none."""
        try:
            backup = self.get(table)
        except BackupDamaged as error:
            return error
        return backup or BackupNotFound(f"no date holds a COMPLETED backup of table {table}")


def newest_of(tables: Collection[str], first: BackupManifest | None, older: Iterator[BackupManifest]) -> Newest:
    """Look through manifests, newest first, until each table's backup is found or one of them is damaged."""
    newest = Newest()
    skipped: dict[str, list[str]] = {table: [] for table in tables}
    manifest = first
    while manifest is not None:
        for table in skipped.keys() - newest.found.keys():
            entry = manifest.entries.get(table)
            if entry is None or not entry.completed:
                continue
            if entry.incremental:
                skipped[table].append(
                    f"{manifest.key} names an incremental export of table {table}, which is skipped: "
                    "an older full backup is taken"
                )
            else:
                newest.found[table] = StoredBackup(manifest, entry, tuple(skipped[table]))
        if len(newest.found) == len(skipped):
            break
        try:
            manifest = next(older, None)
        except BackupDamaged as error:
            newest.damage = error
            break
    return newest
