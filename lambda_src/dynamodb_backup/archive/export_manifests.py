"""DynamoDB's own two manifests, which full and incremental exports have alike: read, checked, re-rooted.

Layout and fields: docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html; the checksum
companions are named ``.md5`` in every real export.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.errors import BackupDamaged, BackupNotFound, ObjectMissing, UnsupportedExport
from dynamodb_backup.strict_json import read_json

__all__ = ["DataFile", "Summary", "files_digest", "listing_digest", "read_files", "read_summary", "refuse_other_files"]


@dataclass(frozen=True)
class DataFile:
    """One data file as the manifest lists it. ``md5`` is base64 of the compressed object's MD5."""

    key: str
    item_count: int
    md5: str
    etag: str | None


@dataclass(frozen=True)
class Summary:
    """``manifest-summary.json`` of one export. ``root`` is the export's ``s3://`` address."""

    root: str
    fields: Mapping[str, Any]

    @property
    def incremental(self) -> bool:
        kind = self.fields.get("exportType")
        return kind == "INCREMENTAL_EXPORT" or bool(self.fields.get("outputView") or self.fields.get("exportFromTime"))

    @property
    def table_name(self) -> str | None:
        table_arn = self.text("tableArn") or ""
        return table_arn.partition(":table/")[2].partition("/")[0] or None

    @property
    def billed_size_bytes(self) -> int:
        return self._count("billedSizeBytes") if self.fields.get("billedSizeBytes") else 0

    def text(self, field: str) -> str | None:
        value = self.fields.get(field)
        return value if isinstance(value, str) else None

    def item_count_of(self, files: Iterable[DataFile]) -> int:
        """Return how many items the export holds, which both manifests must say alike.

        Raises
        ------
        BackupDamaged
            They contradict each other.
        """
        item_count = self._count("itemCount")
        listed = sum(file.item_count for file in files)
        if listed != item_count:
            raise BackupDamaged(
                f"the manifests of {self.root} contradict each other: manifest-summary.json counts "
                f"{item_count} items, the files in manifest-files.json {listed}"
            )
        return item_count

    def _count(self, field: str) -> int:
        return _count(self.fields, field, f"{self.root}manifest-summary.json")


def listing_digest(files: Iterable[DataFile]) -> str:
    """Return what tells whether an export's manifest lists the same files as in an earlier turn."""
    listing = "\n".join(f"{file.key} {file.md5} {file.item_count}" for file in files)
    return hashlib.sha256(listing.encode()).hexdigest()


def files_digest(files: Iterable[DataFile]) -> str:
    """Return what tells whether an export is the one that was verified, wherever it lies: its files, by content."""
    listing = sorted(f"{file.key.rpartition('/')[2]} {file.md5} {file.item_count}" for file in files)
    return hashlib.sha256("\n".join(listing).encode()).hexdigest()


def refuse_other_files(place: str, files: Iterable[DataFile], recorded: object, whose: str) -> None:
    """Compare an export's files with those that were verified when the backup was made.

    Every checksum of an export lies beside it, so another export in its place, or one that was written again, is told
    only by what was recorded elsewhere.

    Parameters
    ----------
    place
        The export's ``s3://`` address.
    recorded
        The ``files_digest`` of then; anything but a text, as earlier versions and other tools have it, says nothing.
    whose
        What recorded it.

    Raises
    ------
    BackupDamaged
        They are other files.
    """
    if isinstance(recorded, str) and recorded != files_digest(files):
        raise BackupDamaged(
            f"the data files that the manifest of {place} lists are not the ones that {whose} recorded when the backup "
            "was verified"
        )


def read_summary(store: ObjectStore, root: str, warnings: list[str]) -> Summary:
    """Read the summary of the export at ``root`` (``.../AWSDynamoDB/<ExportId>/``), and refuse what cannot be restored.

    A missing ``.md5`` companion is added to ``warnings``.

    Raises
    ------
    BackupNotFound
        There is no export at this place.
    BackupDamaged
        The manifest is altered or malformed.
    UnsupportedExport
        The export is ION or filtered.
    """
    place = f"s3://{store.bucket}/{root}"
    try:
        body = _checked(store, root, "manifest-summary", warnings)
    except ObjectMissing as error:
        raise BackupNotFound(f"there is no export at {place}: {error}") from error
    fields = _json(body, f"{place}manifest-summary.json")
    if not isinstance(fields, dict):
        raise BackupDamaged(f"{place}manifest-summary.json is not a JSON object")
    output_format = fields.get("outputFormat", "DYNAMODB_JSON")
    if output_format != "DYNAMODB_JSON":
        raise UnsupportedExport(f"{place} has the output format {output_format}; only DYNAMODB_JSON can be restored")
    if any(field.lower().startswith("filter") and value for field, value in fields.items()):
        raise UnsupportedExport(f"{place} is a filtered export, which holds only a part of its table")
    return Summary(place, fields)


def read_files(store: ObjectStore, root: str, home: str, folder: str, warnings: list[str]) -> tuple[DataFile, ...]:
    """Read the list of an export's data files, each with the key at which it lies now.

    Parameters
    ----------
    home, folder
        Listed keys are re-rooted: what follows the last ``folder`` in them is looked for under ``home``, so that a
        copied export is read where it lies.

    Raises
    ------
    BackupDamaged
        The manifest is missing, altered or malformed, lists a file twice or one that lies elsewhere.
    UnsupportedExport
        It lists ION files.
    """
    name = f"s3://{store.bucket}/{root}manifest-files.json"
    try:
        body = _checked(store, root, "manifest-files", warnings)
    except ObjectMissing as error:
        raise BackupDamaged(str(error)) from error
    files = tuple(
        _data_file(_json(line, f"line {number} of {name}"), home, folder, f"line {number} of {name}")
        for number, line in enumerate(body.split(b"\n"), start=1)
        if line.strip()
    )
    if len({file.key for file in files}) != len(files):
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


def _data_file(entry: Any, home: str, folder: str, name: str) -> DataFile:
    if not isinstance(entry, dict):
        raise BackupDamaged(f"{name} is not a JSON object")
    key, md5, etag = entry.get("dataFileS3Key"), entry.get("md5Checksum"), entry.get("etag")
    if not isinstance(key, str) or not isinstance(md5, str) or not _is_md5(md5):
        raise BackupDamaged(f"{name} has no dataFileS3Key or no valid md5Checksum")
    if key.endswith((".ion.gz", ".ion")):
        raise UnsupportedExport(f"{name} lists the ION file {key}; only DYNAMODB_JSON exports can be restored")
    _, found, tail = key.rpartition(folder)
    if not found or not tail:
        raise BackupDamaged(f"{name} lists {key}, which does not lie in this export ({folder})")
    return DataFile(home + tail, _count(entry, "itemCount", name), md5, etag or None)


def _json(body: bytes, name: str) -> Any:
    try:
        return read_json(body)
    except ValueError as error:
        raise BackupDamaged(f"{name} is not JSON: {error}") from error


def _count(document: Mapping[str, Any], field: str, name: str) -> int:
    value = document.get(field)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BackupDamaged(f"{name} has no valid {field}")
    return value


def _is_md5(text: str) -> bool:
    try:
        return len(b64decode(text, validate=True)) == hashlib.md5(usedforsecurity=False).digest_size
    except ValueError:
        return False
