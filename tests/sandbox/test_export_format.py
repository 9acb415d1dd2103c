"""The writer against an export that AWS wrote."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sandbox.exports import DataFile, Export, ExportRequest, build_full_export, data_file, full_line

_REAL = Path(__file__).parents[3] / "shared" / "real-exports" / "scylla-migrator"
_ROOT = _REAL / "dynamodb-export" / "AWSDynamoDB" / "01715685260608-c488b4e1"


@pytest.fixture
def real_summary() -> dict[str, Any]:
    if not _ROOT.is_dir():
        pytest.skip(f"no real export beside the repository: {_REAL} is absent")
    summary: dict[str, Any] = json.loads((_ROOT / "manifest-summary.json").read_bytes())
    return summary


@pytest.fixture
def real_data() -> Path:
    return next((_ROOT / "data").iterdir())


def rebuilt(summary: dict[str, Any], data: Path) -> Export:
    """Build the export that `summary` describes, from the same data object."""
    request = ExportRequest(
        table_arn=summary["tableArn"],
        bucket=summary["s3Bucket"],
        prefix=summary["s3Prefix"],
        table_id=summary["tableId"],
        start_time=datetime.fromisoformat(summary["startTime"]),
        end_time=datetime.fromisoformat(summary["endTime"]),
        export_time=datetime.fromisoformat(summary["exportTime"]),
        billed_size_bytes=summary["billedSizeBytes"],
        export_id=summary["exportArn"].rpartition("/")[2],
    )
    body = data.read_bytes()
    return build_full_export(request, [DataFile(data.name, body, len(gzip.decompress(body).splitlines()))])


def test_the_summary_is_the_real_one_byte_for_byte(real_summary: dict[str, Any], real_data: Path) -> None:
    export = rebuilt(real_summary, real_data)

    assert export.objects[export.manifest_key] == (_ROOT / "manifest-summary.json").read_bytes()


def test_the_file_listing_is_the_real_one_byte_for_byte(real_summary: dict[str, Any], real_data: Path) -> None:
    export = rebuilt(real_summary, real_data)

    assert export.objects[f"{export.request.root}manifest-files.json"] == (_ROOT / "manifest-files.json").read_bytes()


def test_data_lines_are_the_real_ones_byte_for_byte(real_summary: dict[str, Any], real_data: Path) -> None:
    content = gzip.decompress(real_data.read_bytes())
    items = [json.loads(line)["Item"] for line in content.splitlines()]

    written = data_file([full_line(item) for item in items])

    assert gzip.decompress(written.body) == content
    assert written.body[:10] == real_data.read_bytes()[:10], "the gzip header is not the one that AWS writes"
    assert len(written.name) == len(real_data.name)


def test_an_empty_partition_is_a_gzip_of_20_bytes() -> None:
    empty = data_file([])

    assert len(empty.body) == 20
    assert (gzip.decompress(empty.body), empty.item_count) == (b"", 0)


@pytest.mark.parametrize(
    ("prefix", "base"), [("p", "p/AWSDynamoDB/"), ("p/", "p/AWSDynamoDB/"), (None, "AWSDynamoDB/")]
)
def test_the_prefix_is_joined_with_exactly_one_slash(prefix: str | None, base: str) -> None:
    export = build_full_export(ExportRequest("arn:aws:dynamodb:r:1:table/t", "b", prefix), [data_file([])])

    assert all(key.startswith(base) for key in export.objects)


def test_objects_come_in_the_order_in_which_aws_writes_them() -> None:
    export = build_full_export(ExportRequest("arn:aws:dynamodb:r:1:table/t", "b"), [data_file([], "x.json.gz")])

    names = [key.removeprefix(export.request.root) for key in export.objects]
    assert names == [
        "_started",
        "data/x.json.gz",
        "manifest-files.json",
        "manifest-files.md5",
        "manifest-summary.json",
        "manifest-summary.md5",
    ]
