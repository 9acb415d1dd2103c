"""One native export as DynamoDB's own manifests describe it.

Layout and fields: docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html; the checksum
companions are named ``.md5`` in every real export.
"""

from __future__ import annotations

from dataclasses import dataclass

from dynamodb_backup.archive.export_manifests import DataFile, read_files, read_summary
from dynamodb_backup.archive.layout import EXPORT_FOLDER
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.errors import BackupDamaged, UnsupportedExport

__all__ = ["DataFile", "NativeExport", "read_export"]


@dataclass(frozen=True)
class NativeExport:
    """A full export: where it lies and what it must hold. ``root`` ends with ``/``."""

    bucket: str
    root: str
    export_arn: str | None
    table_name: str | None
    item_count: int
    billed_size_bytes: int
    export_time: str | None
    files: tuple[DataFile, ...]
    warnings: tuple[str, ...]
    table_id: str | None = None


def read_export(store: ObjectStore, root: str) -> NativeExport:
    """Read and check both manifests of the full export at ``root`` (``.../AWSDynamoDB/<ExportId>/``).

    The data files themselves are not read. Keys inside the manifests are re-rooted at ``AWSDynamoDB/``, so that a
    copied export is read where it lies.

    Raises
    ------
    BackupNotFound
        There is no export at this place.
    BackupDamaged
        A manifest is missing, altered, malformed, or the two contradict each other.
    UnsupportedExport
        The export is ION, incremental or filtered.
    """
    warnings: list[str] = []
    summary = read_summary(store, root, warnings)
    if summary.incremental:
        raise UnsupportedExport(f"{summary.root} is an INCREMENTAL_EXPORT; name a FULL_EXPORT")
    own_folder = f"{EXPORT_FOLDER}{root.removesuffix('/').rpartition('/')[2]}/"
    files = read_files(store, root, root, own_folder, warnings)
    if not files:
        name = f"{summary.root}manifest-files.json"
        raise BackupDamaged(f"{name} lists no data file, but even an empty table's export has one")
    return NativeExport(
        bucket=store.bucket,
        root=root,
        export_arn=summary.text("exportArn"),
        table_name=summary.table_name,
        item_count=summary.item_count_of(files),
        billed_size_bytes=summary.billed_size_bytes,
        export_time=summary.text("exportTime"),
        files=files,
        warnings=tuple(warnings),
        table_id=summary.text("tableId"),
    )
