"""Chain records in S3: finding, beginning and changing them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dynamodb_backup.archive.catalog import StoredBackup
from dynamodb_backup.archive.chain import Chain
from dynamodb_backup.archive.export_manifests import refuse_other_files
from dynamodb_backup.archive.incremental import IncrementalExport, read_incremental
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.manifest import BackupManifest, ManifestEntry
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.errors import BackupDamaged

__all__ = ["Chains", "base_backup", "read_window"]


class Chains:
    """The chain records of one bucket and prefix."""

    def __init__(self, store: ObjectStore, layout: Layout) -> None:
        self._store = store
        self._layout = layout

    def find(self, table: str, chain_id: str) -> Chain | None:
        """Return the chain that begins with the full backup of one run; ``None`` if nothing was ever added to it.

        Raises
        ------
        BackupDamaged
            Its record is malformed.
        """
        key = self._layout.chain(table, chain_id)
        stored = self._store.find(key)
        return Chain.parse(key, stored.body, stored.etag) if stored else None

    def ids(self, table: str) -> list[str]:
        """Return the ids of all chains of a table, newest first. An id begins with its date."""
        folder = self._layout.chains(table)
        names = (key.removeprefix(folder).removesuffix(".json") for key in self._store.keys(folder))
        return sorted((name for name in names if "/" not in name), reverse=True)

    def newest_first(self, table: str, *, until_date: str | None = None) -> Iterator[Chain]:
        """Yield a table's chains, read one by one, from those that began on a date or before it.

        Raises
        ------
        BackupDamaged
            A record is malformed.
        """
        for chain_id in self.ids(table):
            if until_date is None or chain_id[: len(until_date)] <= until_date:
                chain = self.find(table, chain_id)
                if chain:
                    yield chain

    def save(self, chain: Chain) -> Chain:
        """Write a record if nobody else wrote it since it was read, and return it with its new ETag.

        Raises
        ------
        WriteConflict
            Somebody else wrote it in between.
        """
        return replace(chain, etag=self._store.put_if_unchanged(chain.key, chain.to_json(), chain.etag))


def base_backup(layout: Layout, chain: Chain, **fields: str) -> StoredBackup:
    """Return the full backup of a chain, which its date's manifest may no longer name; ``fields`` come on top."""
    base, table = chain.base, chain.table_name
    export_id = layout.rerooted(base.export_manifest).rstrip("/").rpartition("/")[2]
    known = {
        "export_arn": export_id,
        "s3_prefix": layout.export_prefix(base.backup_date, table),
        "run_id": base.run_id,
        "table_definition": layout.table_definition(base.backup_date, base.run_id, table),
    }
    manifest = BackupManifest(layout.manifest(base.backup_date), base.backup_date, {})
    return StoredBackup(manifest, ManifestEntry(table, "COMPLETED", known | fields))


def read_window(
    store: ObjectStore, root: str, table: str, end: str, changes: int, files_sha256: str | None
) -> IncrementalExport:
    """Read both manifests of the increment that a chain names: of this table, up to this time, with so many changes.

    ``files_sha256`` is what the chain says of its files; ``None`` where an earlier version wrote the record.

    Raises
    ------
    BackupNotFound, BackupDamaged, UnsupportedExport
        There is none, it is not whole, or it is another one.
    """
    export = read_incremental(store, root)
    if export.table_name not in {None, table} or (export.to_time, export.item_count) != (end, changes):
        raise BackupDamaged(
            f"the increment s3://{export.bucket}/{export.root} is not the one of table {table} up to {end} with "
            f"{changes} changes that its chain names"
        )
    place = f"s3://{export.bucket}/{export.root}"
    refuse_other_files(place, export.files, files_sha256, f"the chain of table {table}")
    return export
