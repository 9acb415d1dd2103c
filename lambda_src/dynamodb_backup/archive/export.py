"""One native export as DynamoDB's own manifests describe it.

Layout and fields: docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html; the checksum
companions are named ``.md5`` in every real export.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any

from dynamodb_backup.archive.layout import EXPORT_FOLDER
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.errors import BackupDamaged, BackupNotFound, ObjectMissing, UnsupportedExport

__all__ = ["DataFile", "NativeExport", "read_export"]


@dataclass(frozen=True)
class DataFile:
    """One data file as the manifest lists it. ``md5`` is base64 of the compressed object's MD5."""

    key: str
    item_count: int
    md5: str
    etag: str | None


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
    summary = _summary(store, root, warnings)
    _refuse_unrestorable(summary, f"s3://{store.bucket}/{root}")
    files = _data_files(store, root, warnings)
    name = f"s3://{store.bucket}/{root}manifest-summary.json"
    item_count = _count(summary, "itemCount", name)
    listed = sum(file.item_count for file in files)
    if listed != item_count:
        raise BackupDamaged(
            f"the manifests of s3://{store.bucket}/{root} contradict each other: manifest-summary.json counts "
            f"{item_count} items, the files in manifest-files.json {listed}"
        )
    table_arn = _text(summary, "tableArn") or ""
    return NativeExport(
        bucket=store.bucket,
        root=root,
        export_arn=_text(summary, "exportArn"),
        table_name=table_arn.partition(":table/")[2].partition("/")[0] or None,
        item_count=item_count,
        billed_size_bytes=_count(summary, "billedSizeBytes", name) if summary.get("billedSizeBytes") else 0,
        export_time=_text(summary, "exportTime"),
        files=files,
        warnings=tuple(warnings),
    )


def _summary(store: ObjectStore, root: str, warnings: list[str]) -> dict[str, Any]:
    try:
        body = _checked(store, root, "manifest-summary", warnings)
    except ObjectMissing as error:
        raise BackupNotFound(f"there is no export at s3://{store.bucket}/{root}: {error}") from error
    summary = _json(body, f"s3://{store.bucket}/{root}manifest-summary.json")
    if not isinstance(summary, dict):
        raise BackupDamaged(f"s3://{store.bucket}/{root}manifest-summary.json is not a JSON object")
    return summary


def _data_files(store: ObjectStore, root: str, warnings: list[str]) -> tuple[DataFile, ...]:
    name = f"s3://{store.bucket}/{root}manifest-files.json"
    try:
        body = _checked(store, root, "manifest-files", warnings)
    except ObjectMissing as error:
        raise BackupDamaged(str(error)) from error
    files = tuple(
        _data_file(_json(line, f"line {number} of {name}"), root, f"line {number} of {name}")
        for number, line in enumerate(body.split(b"\n"), start=1)
        if line.strip()
    )
    if not files:
        raise BackupDamaged(f"{name} lists no data file, but even an empty table's export has one")
    keys = {file.key for file in files}
    if len(keys) != len(files):
        raise BackupDamaged(f"{name} lists a data file twice")
    return files


def _checked(store: ObjectStore, root: str, manifest: str, warnings: list[str]) -> bytes:
    """Read a manifest and compare it with its ``.md5`` companion, which copies often drop."""
    body = store.get(f"{root}{manifest}.json").body
    companion = store.find(f"{root}{manifest}.md5")
    if companion is None:
        warnings.append(f"s3://{store.bucket}/{root}{manifest}.md5 is missing, so {manifest}.json is unchecked by it")
        return body
    actual = b64encode(hashlib.md5(body, usedforsecurity=False).digest())
    if companion.body.strip() != actual:
        raise BackupDamaged(
            f"s3://{store.bucket}/{root}{manifest}.json is altered: its MD5 is {actual.decode()}, "
            f"but {manifest}.md5 says otherwise"
        )
    return body


def _data_file(entry: Any, root: str, name: str) -> DataFile:
    if not isinstance(entry, dict):
        raise BackupDamaged(f"{name} is not a JSON object")
    key, md5, etag = entry.get("dataFileS3Key"), entry.get("md5Checksum"), entry.get("etag")
    if not isinstance(key, str) or not isinstance(md5, str) or not _is_md5(md5):
        raise BackupDamaged(f"{name} has no dataFileS3Key or no valid md5Checksum")
    return DataFile(_rerooted(key, root, name), _count(entry, "itemCount", name), md5, etag or None)


def _rerooted(key: str, root: str, name: str) -> str:
    """Return where a data file lies now: the same tail below ``AWSDynamoDB/<ExportId>/``, under this export's root."""
    if key.endswith((".ion.gz", ".ion")):
        raise UnsupportedExport(f"{name} lists the ION file {key}; only DYNAMODB_JSON exports can be restored")
    folder = EXPORT_FOLDER + root.removesuffix("/").rpartition("/")[2] + "/"
    _, found, tail = key.rpartition(folder)
    if not found or not tail:
        raise BackupDamaged(f"{name} lists {key}, which does not lie in this export ({folder})")
    return root + tail


def _refuse_unrestorable(summary: dict[str, Any], name: str) -> None:
    kind = summary.get("exportType")
    if kind == "INCREMENTAL_EXPORT" or "outputView" in summary or "exportFromTime" in summary:
        raise UnsupportedExport(f"{name} is an INCREMENTAL_EXPORT; name a FULL_EXPORT")
    output_format = summary.get("outputFormat", "DYNAMODB_JSON")
    if output_format != "DYNAMODB_JSON":
        raise UnsupportedExport(f"{name} has the output format {output_format}; only DYNAMODB_JSON can be restored")
    if any(field.lower().startswith("filter") and value for field, value in summary.items()):
        raise UnsupportedExport(f"{name} is a filtered export, which holds only a part of its table")


def _json(body: bytes, name: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BackupDamaged(f"{name} is not JSON: {error}") from error


def _count(document: dict[str, Any], field: str, name: str) -> int:
    value = document.get(field)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BackupDamaged(f"{name} has no valid {field}")
    return value


def _text(document: dict[str, Any], field: str) -> str | None:
    value = document.get(field)
    return value if isinstance(value, str) else None


def _is_md5(text: str) -> bool:
    try:
        return len(b64decode(text, validate=True)) == hashlib.md5(usedforsecurity=False).digest_size
    except ValueError:
        return False
