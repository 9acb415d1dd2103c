"""Incremental exports: manifests of the export's own folder, data of the shared one, and lines that are changes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from dynamodb_backup.archive.export import read_export
from dynamodb_backup.archive.incremental import Change, IncrementalExport, change_of, read_incremental
from dynamodb_backup.errors import BackupDamaged, BackupNotFound, ToolError, UnsupportedExport
from sandbox import exports
from sandbox.exports.format import base64_md5
from tests.unit.restore.fake_s3 import FakeS3

ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/orders"
FROM, TO = datetime(2026, 1, 31, 2, tzinfo=UTC), datetime(2026, 1, 31, 3, tzinfo=UTC)
KEYS = {"id": {"S": "a"}}
OLD, NEW = KEYS | {"n": {"N": "1"}}, KEYS | {"n": {"N": "2"}, "b": {"B": "aGVsbG8="}}
REQUEST = exports.ExportRequest(
    ARN, "backups", "native-exports/2026-01-31/orders", export_id="01769824800000-c488b4e1", from_time=FROM, to_time=TO
)


def built(*lines: bytes) -> exports.Export:
    return exports.build_incremental_export(REQUEST, [exports.data_file(lines), exports.data_file([])])


def read(export: exports.Export, objects: dict[str, bytes] | None = None) -> IncrementalExport:
    return read_incremental(FakeS3(objects or export.objects).store(), export.request.root)


def edited(export: exports.Export, manifest: str, body: bytes) -> exports.Export:
    """Replace one manifest, with a matching ``.md5``."""
    name = f"{export.request.root}{manifest}"
    objects = export.objects | {f"{name}.json": body, f"{name}.md5": base64_md5(body).encode()}
    return replace(export, objects=objects)


def with_summary(export: exports.Export, **fields: Any) -> exports.Export:
    summary = json.loads(export.objects[export.manifest_key]) | fields
    kept = {name: value for name, value in summary.items() if value is not None}
    return edited(export, "manifest-summary", json.dumps(kept).encode())


def test_an_export_is_read_with_its_window_and_the_files_of_the_shared_folder() -> None:
    export = built(exports.incremental_line(1, KEYS, OLD, NEW))
    found = read(export)
    assert (found.from_time, found.to_time) == ("2026-01-31T02:00:00.000Z", "2026-01-31T03:00:00.000Z")
    assert (found.table_name, found.item_count, found.output_view) == ("orders", 1, "NEW_AND_OLD_IMAGES")
    assert (found.table_id, found.export_arn) == (REQUEST.table_id, REQUEST.export_arn)
    assert [file.key for file in found.files] == list(export.data_keys)
    assert all(file.key.startswith("native-exports/2026-01-31/orders/AWSDynamoDB/data/") for file in found.files)
    assert found.warnings == ()


def test_a_copied_export_is_read_where_it_lies() -> None:
    export = built(exports.incremental_line(1, KEYS, None, NEW))
    moved = {f"copies/{key}": body for key, body in export.objects.items()}
    found = read_incremental(FakeS3(moved).store(), f"copies/{export.request.root}")
    assert [file.key for file in found.files] == [f"copies/{key}" for key in export.data_keys]


def test_a_missing_companion_is_a_warning() -> None:
    export = built()
    objects = {key: body for key, body in export.objects.items() if not key.endswith("manifest-files.md5")}
    (warning,) = read(export, objects).warnings
    assert "manifest-files.md5 is missing" in warning


def test_a_window_without_changes_may_list_no_file() -> None:
    assert read(exports.build_incremental_export(REQUEST, [])).files == ()


def test_listed_items_without_a_file_are_damage() -> None:
    export = with_summary(exports.build_incremental_export(REQUEST, []), itemCount=3)
    with pytest.raises(BackupDamaged, match="contradict each other"):
        read(export)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"outputFormat": "ION"}, UnsupportedExport, "output format ION"),
        ({"filterExpression": "a = b"}, UnsupportedExport, "filtered"),
        ({"exportFromTime": None}, BackupDamaged, "no valid exportFromTime"),
        ({"exportToTime": "yesterday"}, BackupDamaged, "no valid exportToTime"),
        ({"exportToTime": "2026-01-31T03:00:00"}, BackupDamaged, "no valid exportToTime"),
        ({"exportToTime": "2026-01-31T02:00:00.000Z"}, BackupDamaged, "has a window from"),
        ({"outputView": "KEYS_ONLY"}, BackupDamaged, "no valid outputView"),
        ({"itemCount": "2"}, BackupDamaged, "no valid itemCount"),
    ],
)
def test_a_summary_that_cannot_be_trusted_is_refused(
    fields: dict[str, Any], error: type[ToolError], message: str
) -> None:
    with pytest.raises(error, match=message):
        read(with_summary(built(), **fields))


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        ("x/AWSDynamoDB/data/a.ion.gz", UnsupportedExport, "ION file"),
        (f"x/AWSDynamoDB/{REQUEST.export_id}/data/a.json.gz", BackupDamaged, "does not lie in this export"),
        ("x/AWSDynamoDB/data/", BackupDamaged, "does not lie in this export"),
    ],
)
def test_a_data_file_elsewhere_is_refused(key: str, error: type[ToolError], message: str) -> None:
    entry = {"itemCount": 0, "md5Checksum": "1B2M2Y8AsgTpgAmY7PhCfg==", "etag": None, "dataFileS3Key": key}
    with pytest.raises(error, match=message):
        read(edited(built(), "manifest-files", json.dumps(entry).encode()))


def test_an_altered_manifest_is_damage() -> None:
    export = built()
    with pytest.raises(BackupDamaged, match="is altered"):
        read(export, export.objects | {export.manifest_key: export.objects[export.manifest_key] + b" "})


def test_a_full_export_is_not_an_increment_and_the_other_way_round() -> None:
    full = exports.build_full_export(REQUEST, [exports.data_file([])])
    with pytest.raises(UnsupportedExport, match="is a FULL_EXPORT"):
        read(full)
    with pytest.raises(UnsupportedExport, match="is an INCREMENTAL_EXPORT"):
        read_export(FakeS3(built().objects).store(), REQUEST.root)


def test_an_export_that_is_not_there_is_not_found() -> None:
    with pytest.raises(BackupNotFound, match="there is no export at"):
        read_incremental(FakeS3({}).store(), REQUEST.root)


@pytest.mark.parametrize(
    ("line", "change"),
    [
        (exports.incremental_line(7, KEYS, OLD, NEW), Change(KEYS, OLD, NEW, 7)),
        (exports.incremental_line(7, KEYS, None, NEW), Change(KEYS, None, NEW, 7)),
        (exports.incremental_line(7, KEYS, OLD), Change(KEYS, OLD, None, 7)),
        (exports.incremental_line(7, KEYS), Change(KEYS, None, None, 7)),
    ],
    ids=["update", "insert", "delete", "delete in the view NEW_IMAGE"],
)
def test_a_line_is_the_final_state_of_one_key(line: bytes, change: Change) -> None:
    assert change_of(line) == change


MICROS = '"Metadata":{"WriteTimestampMicros":{"N":"7"}}'


@pytest.mark.parametrize(
    "line",
    [
        b'{"Item":{"id":{"S":"secret"}}}',
        b"[]",
        b'{"Keys":{"id":{"S":"secret"}}}',
        f'{{{MICROS},"Keys":{{}}}}'.encode(),
        f'{{{MICROS},"Keys":{{"id":{{"S":"secret"}}}},"NewImage":null}}'.encode(),
        f'{{{MICROS},"Keys":{{"id":{{"S":"secret"}}}},"Extra":{{}}}}'.encode(),
        f'{{{MICROS},"Keys":{{"id":{{"S":"secret"}}}},"Keys":{{"id":{{"S":"other"}}}}}}'.encode(),
        f'{{{MICROS},"Keys":{{"id":{{"S":"secret"}}}}'.encode(),
        f'{{{MICROS},"Keys":{{"id":{{"S":"secret"}}}}}} {{}}'.encode(),
        b'{"Metadata":{},"Keys":{"id":{"S":"secret"}}}',
        b'{"Metadata":{"WriteTimestampMicros":{"N":"-1"}},"Keys":{"id":{"S":"secret"}}}',
        b'{"Metadata":{"WriteTimestampMicros":{"N":"7"}},"Keys":{"id":{"S":"\xff"}}}',
        b'{"Keys":' + b"[" * 100_000,
    ],
)
def test_a_line_that_is_no_change_is_refused_without_its_data(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"not |nested|stands twice|no valid|codec") as refusal:
        change_of(line)
    assert "secret" not in str(refusal.value)
