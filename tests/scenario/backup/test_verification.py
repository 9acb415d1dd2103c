"""A backup is what has been verified: whatever happens to an export before that makes its table FAILED, never 200."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Callable
from hashlib import md5
from typing import Any

from sandbox.exports import data_file
from tests.scenario.backup.conftest import Configure
from tests.scenario.backup.kit import BUCKET, Stage, back_up, some_items

Damage = Callable[[Stage, str], None]


def data_keys(stage: Stage, root: str) -> list[str]:
    """Return the data files that hold items."""
    return [key for key in stage.all_keys(f"{root}data/") if gzip.decompress(stage.read(key))]


def listing(stage: Stage, root: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stage.read(f"{root}manifest-files.json").splitlines()]


def write_with_md5(stage: Stage, root: str, manifest: str, body: bytes) -> None:
    """Write a manifest so that its checksum companion agrees: only its content is wrong then."""
    stage.write(f"{root}{manifest}.json", body)
    stage.write(f"{root}{manifest}.md5", b64encode(md5(body).digest()))


def relist(stage: Stage, root: str, entries: list[dict[str, Any]]) -> None:
    write_with_md5(stage, root, "manifest-files", b"".join(json.dumps(entry).encode() + b"\n" for entry in entries))


def data_file_missing(stage: Stage, root: str) -> None:
    stage.s3.delete_object(Bucket=BUCKET, Key=data_keys(stage, root)[0])


def data_file_truncated(stage: Stage, root: str) -> None:
    key = data_keys(stage, root)[0]
    stage.write(key, stage.read(key)[:-9])


def data_file_altered(stage: Stage, root: str) -> None:
    key = data_keys(stage, root)[0]
    body = bytearray(stage.read(key))
    body[-1] ^= 1
    stage.write(key, bytes(body))


def data_file_emptied(stage: Stage, root: str) -> None:
    stage.write(data_keys(stage, root)[0], b"")


def one_line_short(stage: Stage, root: str) -> None:
    key = data_keys(stage, root)[0]
    lines = gzip.decompress(stage.read(key)).splitlines(keepends=True)
    stage.write(key, gzip.compress(b"".join(lines[:-1])))


def replaced_consistently(stage: Stage, root: str, lines: Callable[[list[bytes]], list[bytes]]) -> None:
    """Replace a data file so that checksum and ETag agree with the manifest again: only the lines give it away."""
    key = data_keys(stage, root)[0]
    file = data_file(lines(gzip.decompress(stage.read(key)).splitlines(keepends=True)), key.rpartition("/")[2])
    stage.write(key, file.body)
    entries = listing(stage, root)
    for entry in entries:
        if entry["dataFileS3Key"] == key:
            entry["md5Checksum"], entry["etag"] = file.md5_checksum, file.etag
    relist(stage, root, entries)


def one_line_short_with_right_checksums(stage: Stage, root: str) -> None:
    replaced_consistently(stage, root, lambda lines: lines[:-1])


def one_line_more_with_right_checksums(stage: Stage, root: str) -> None:
    replaced_consistently(stage, root, lambda lines: [*lines, lines[0]])


def a_line_that_is_no_item(stage: Stage, root: str) -> None:
    replaced_consistently(stage, root, lambda lines: [b'{"Item":{},"x":1}\n', *lines[1:]])


def a_file_less_listed(stage: Stage, root: str) -> None:
    key = data_keys(stage, root)[0]
    relist(stage, root, [entry for entry in listing(stage, root) if entry["dataFileS3Key"] != key])


def a_file_listed_twice(stage: Stage, root: str) -> None:
    first, *others = listing(stage, root)
    relist(stage, root, [first, first, *others])


def nothing_listed(stage: Stage, root: str) -> None:
    relist(stage, root, [])


def listing_altered(stage: Stage, root: str) -> None:
    stage.write(f"{root}manifest-files.json", stage.read(f"{root}manifest-files.json") + b"\n")


def listing_missing(stage: Stage, root: str) -> None:
    stage.s3.delete_object(Bucket=BUCKET, Key=f"{root}manifest-files.json")


def listing_is_not_json(stage: Stage, root: str) -> None:
    write_with_md5(stage, root, "manifest-files", b"{]\n")


def summary_altered(stage: Stage, root: str) -> None:
    stage.write(f"{root}manifest-summary.json", stage.read(f"{root}manifest-summary.json") + b" ")


def summary_missing(stage: Stage, root: str) -> None:
    stage.s3.delete_object(Bucket=BUCKET, Key=f"{root}manifest-summary.json")


def summary_is_not_json(stage: Stage, root: str) -> None:
    write_with_md5(stage, root, "manifest-summary", b"[")


def with_summary(**changes: Any) -> Damage:
    def damage(stage: Stage, root: str) -> None:
        summary = json.loads(stage.read(f"{root}manifest-summary.json")) | changes
        write_with_md5(stage, root, "manifest-summary", json.dumps(summary).encode())

    damage.__name__ = "summary_says_" + "_".join(changes)
    return damage


def both_manifests_count_one_item_less(stage: Stage, root: str) -> None:
    # Only DescribeExport still knows the true count.
    one_line_short_with_right_checksums(stage, root)
    entries = listing(stage, root)
    key = data_keys(stage, root)[0]
    for entry in entries:
        if entry["dataFileS3Key"] == key:
            entry["itemCount"] -= 1
    relist(stage, root, entries)
    with_summary(itemCount=sum(entry["itemCount"] for entry in entries))(stage, root)


DAMAGES: list[Damage] = [
    data_file_missing,
    data_file_truncated,
    data_file_altered,
    data_file_emptied,
    one_line_short,
    one_line_short_with_right_checksums,
    one_line_more_with_right_checksums,
    a_line_that_is_no_item,
    a_file_less_listed,
    a_file_listed_twice,
    nothing_listed,
    listing_altered,
    listing_missing,
    listing_is_not_json,
    summary_altered,
    summary_missing,
    summary_is_not_json,
    with_summary(itemCount=99),
    with_summary(itemCount="12"),
    with_summary(outputFormat="ION"),
    with_summary(exportType="INCREMENTAL_EXPORT"),
    with_summary(filterSpecification={"expression": "x = :y"}),
    with_summary(tableArn="arn:aws:dynamodb:us-east-1:123456789012:table/another"),
    with_summary(exportArn="arn:aws:dynamodb:us-east-1:123456789012:table/orders/export/01700000000000-00000000"),
    both_manifests_count_one_item_less,
]


def test_a_damaged_export_is_never_a_backup(stage: Stage, configure: Configure) -> None:
    damages = {f"{damage.__name__}-{number}": damage for number, damage in enumerate(DAMAGES)}
    for table in damages:
        stage.create_table(table, some_items(12))
    configure(*damages)
    roots = stage.start_only()
    for table, damage in damages.items():
        damage(stage, roots[table])

    answer = back_up()

    assert answer.code == 500, "every table's backup is damaged"
    assert answer.statuses == dict.fromkeys(damages, "FAILED")
    assert "secret-content" not in json.dumps(answer.body)
    manifest = {entry["table_name"]: entry for entry in stage.manifest()["exports"]}
    for table in damages:
        error = answer.of(table)["error"]
        assert roots[table].rstrip("/") in error or table in error
        assert (manifest[table]["status"], manifest[table]["error"]) == ("FAILED", error)
    assert stage.exports_started() == len(damages)


def test_one_damaged_export_does_not_touch_the_others(stage: Stage, configure: Configure) -> None:
    stage.create_table("orders", some_items(12))
    stage.create_table("customers", some_items(3))
    configure("orders", "customers")
    data_file_altered(stage, stage.start_only()["orders"])
    answer = back_up()
    assert answer.code == 207
    assert answer.statuses == {"orders": "FAILED", "customers": "COMPLETED"}


def test_a_checksum_companion_that_is_missing_is_a_warning(stage: Stage, configure: Configure) -> None:
    stage.create_table("orders", some_items(3))
    configure("orders")
    root = stage.start_only()["orders"]
    stage.s3.delete_object(Bucket=BUCKET, Key=f"{root}manifest-files.md5")
    answer = back_up()
    assert answer.code == 200
    assert "manifest-files.md5" in str(answer.of("orders")["warnings"])


def test_a_byte_that_changes_on_its_way_is_found(stage: Stage, configure: Configure) -> None:
    stage.create_table("orders", some_items(12))
    configure("orders")
    root = stage.start_only()["orders"]
    with stage.aws.faults.corrupt(f"{BUCKET}/{root}data/*.json.gz"):
        assert back_up().code == 500


def test_a_connection_that_breaks_once_is_read_again(stage: Stage, configure: Configure) -> None:
    stage.create_table("orders", some_items(12))
    configure("orders")
    root = stage.start_only()["orders"]
    with stage.aws.faults.truncate(f"{BUCKET}/{root}data/*.json.gz", keep=10, times=1):
        assert back_up().code == 200
