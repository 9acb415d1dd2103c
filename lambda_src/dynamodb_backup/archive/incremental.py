"""One incremental export: the changes of one window, one final state per key.

Its manifests lie in the export's own folder, but its data files in the folder ``AWSDynamoDB/data/`` that all
incremental exports under one prefix share: only ``manifest-files.json`` tells which file belongs to which export.

Fields and lines: docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dynamodb_backup.archive.datafile import text_of
from dynamodb_backup.archive.export_manifests import DataFile, Summary, read_files, read_summary
from dynamodb_backup.archive.layout import EXPORT_FOLDER
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.errors import BackupDamaged, UnsupportedExport
from dynamodb_backup.strict_json import refuse_constant, refuse_depth
from dynamodb_backup.timing import moment_of

__all__ = ["Change", "IncrementalExport", "change_of", "read_incremental"]

DATA_FOLDER = f"{EXPORT_FOLDER}data/"
_MEMBERS = {"Metadata", "Keys", "OldImage", "NewImage"}
_LATEST_MICROS = 253_402_300_799_999_999
_VIEWS = {"NEW_AND_OLD_IMAGES", "NEW_IMAGE"}


@dataclass(frozen=True)
class IncrementalExport:
    """An incremental export: where it lies, its window, and what it must hold. ``root`` ends with ``/``.

    ``from_time`` (inclusive) and ``to_time`` (exclusive) are ISO 8601; ``item_count`` is the number of changes.
    ``output_view`` is NEW_AND_OLD_IMAGES or NEW_IMAGE.
    """

    bucket: str
    root: str
    export_arn: str | None
    table_name: str | None
    table_id: str | None
    item_count: int
    billed_size_bytes: int
    from_time: str
    to_time: str
    output_view: str
    files: tuple[DataFile, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """What became of one key in a window; typed values as JSON has them, binary as base64 text.

    ``new`` is the item at the end of the window, ``None`` if it was deleted. ``old`` is the item before the window,
    ``None`` if there was none, and always ``None`` in an export of the view NEW_IMAGE. ``timestamp_micros`` is when the
    key was last written, in microseconds since 1970.
    """

    keys: dict[str, Any]
    old: dict[str, Any] | None
    new: dict[str, Any] | None
    timestamp_micros: int


def read_incremental(store: ObjectStore, root: str) -> IncrementalExport:
    """Read and check both manifests of the incremental export at ``root`` (``.../AWSDynamoDB/<ExportId>/``).

    The data files themselves are not read. Keys inside the manifests are re-rooted at ``AWSDynamoDB/data/``, so that a
    copied export is read where it lies. An export of a window in which nothing changed may list no file.

    Raises
    ------
    BackupNotFound
        There is no export at this place.
    BackupDamaged
        A manifest is missing, altered, malformed, or the two contradict each other.
    UnsupportedExport
        The export is ION, full or filtered.
    """
    warnings: list[str] = []
    summary = read_summary(store, root, warnings)
    if not summary.incremental:
        raise UnsupportedExport(f"{summary.root} is a FULL_EXPORT; an INCREMENTAL_EXPORT is needed here")
    shared = root.removesuffix("/").rpartition("/")[0] + "/data/"
    files = read_files(store, root, shared, DATA_FOLDER, warnings)
    from_time, to_time = _moment(summary, "exportFromTime"), _moment(summary, "exportToTime")
    if moment_of(from_time) >= moment_of(to_time):
        raise BackupDamaged(f"{summary.root}manifest-summary.json has a window from {from_time} to {to_time}")
    view = summary.text("outputView")
    if view not in _VIEWS:
        raise BackupDamaged(f"{summary.root}manifest-summary.json has no valid outputView")
    return IncrementalExport(
        bucket=store.bucket,
        root=root,
        export_arn=summary.text("exportArn"),
        table_name=summary.table_name,
        table_id=summary.text("tableId"),
        item_count=summary.item_count_of(files),
        billed_size_bytes=summary.billed_size_bytes,
        from_time=from_time,
        to_time=to_time,
        output_view=view,
        files=files,
        warnings=tuple(warnings),
    )


def _moment(summary: Summary, field: str) -> str:
    text = summary.text(field)
    try:
        if text is not None:
            moment_of(text)
            return text
    except ValueError:
        pass
    raise BackupDamaged(f"{summary.root}manifest-summary.json has no valid {field}")


def change_of(line: bytes) -> Change:
    """Parse a line of an incremental export.

    Raises
    ------
    ValueError
        The line is not an object with ``Metadata`` and ``Keys`` and at most the two images beside them, each once.
        The message holds no item data.
    """
    try:
        members = _decode(text_of(line))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON at character {error.pos}") from None
    if not isinstance(members, dict) or not {"Metadata", "Keys"} <= members.keys() <= _MEMBERS:
        raise ValueError('not an object with the members "Metadata" and "Keys" and at most "OldImage" and "NewImage"')
    refuse_depth(members)
    if not isinstance(members["Keys"], dict) or not members["Keys"]:
        raise ValueError('"Keys" is not an object with a key')
    return Change(
        members["Keys"], _image(members, "OldImage"), _image(members, "NewImage"), _micros(members["Metadata"])
    )


def _image(members: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    if name not in members:
        return None
    image = members[name]
    if not isinstance(image, dict) or not image:
        raise ValueError(f'"{name}" is not an item')
    return image


def _micros(metadata: object) -> int:
    number = metadata.get("WriteTimestampMicros") if isinstance(metadata, dict) else None
    text = number.get("N") if isinstance(number, dict) else None
    if not isinstance(text, str) or not text.isascii() or not text.isdigit():
        raise ValueError('"Metadata" has no valid WriteTimestampMicros')
    micros = int(text)
    if micros > _LATEST_MICROS:
        raise ValueError('"Metadata" has a WriteTimestampMicros after the year 9999')
    return micros


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a member stands twice in one object")
    return document


_decode = json.JSONDecoder(object_pairs_hook=_each_once, parse_constant=refuse_constant).decode
