"""A stored backup that is not whole is FAILED by name, and its target stays as it was."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox import Sandbox, exports
from sandbox.exports.format import gzip_bytes
from tests.scenario.restore.kit import (
    DATE,
    Stage,
    canonicals,
    edit_manifest,
    edit_summary,
    md5,
    restore,
    strings,
    table_writes,
)

ITEMS = strings(40, v={"S": "backup"})
LINES = [exports.full_line(item) for item in ITEMS]
BEFORE = [{"id": {"S": "item-000001"}, "v": {"S": "present"}}, {"id": {"S": "extra"}, "v": {"S": "present"}}]

Edit = Callable[[exports.Export], None]


@dataclass(frozen=True)
class Damage:
    """What happens to a backup, and a word that the error must contain."""

    do: Edit
    word: str


def stored(edit: Callable[[bytes], bytes | None], *, listed: bool = False) -> Edit:
    """Alter the second data file as stored; ``listed``: the manifest gives the altered file's own MD5."""

    def do(export: exports.Export) -> None:
        key = export.data_keys[1]
        body = edit(export.objects[key])
        if body is None:
            del export.objects[key]
            return
        old, export.objects[key] = md5(export.objects[key]), body
        if listed:
            edit_manifest(export, "manifest-files", lambda manifest: manifest.replace(old.encode(), md5(body).encode()))

    return do


def lines(edit: Callable[[list[bytes]], list[bytes]]) -> Edit:
    """Alter the lines of the second data file, whose MD5 in the manifest matches the result; its count does not."""
    return stored(lambda body: gzip_bytes(b"".join(edit(gzip.decompress(body).splitlines(keepends=True)))), listed=True)


def files(edit: Callable[[list[Any]], list[Any]]) -> Edit:
    """Alter the entries of manifest-files.json."""

    def do(export: exports.Export) -> None:
        edit_manifest(
            export,
            "manifest-files",
            lambda body: b"".join(
                json.dumps(entry).encode() + b"\n" for entry in edit([json.loads(line) for line in body.splitlines()])
            ),
        )

    return do


def summary(**fields: Any) -> Edit:
    return lambda export: edit_summary(export, **fields)


def replaced(name: str, body: bytes) -> Edit:
    return lambda export: edit_manifest(export, name, lambda _: body)


def without(*names: str) -> Edit:
    def do(export: exports.Export) -> None:
        for name in names:
            del export.objects[export.request.root + name]

    return do


def contradicted(name: str) -> Edit:
    def do(export: exports.Export) -> None:
        export.objects[f"{export.request.root}{name}.md5"] = md5(b"something else").encode()

    return do


def first(entries: list[Any], **fields: Any) -> list[Any]:
    return [entries[0] | fields, *entries[1:]]


def spliced(line: bytes) -> Edit:
    """Put a crafted line in an honest line's place: the file's MD5 and the number of lines are right."""
    return lines(lambda held: [held[0], line + b"\n", *held[2:]])


SMUGGLED = b'{"Item":{"id":{"S":"x"}}},{"DeleteRequest":{"Key":{"id":{"S":"extra"}}}'
DAMAGES = {
    "data file missing": Damage(stored(lambda _: None), "missing"),
    "data file truncated": Damage(stored(lambda body: body[:-20]), "truncated"),
    "data file truncated, listed": Damage(stored(lambda body: body[:-20], listed=True), "truncated"),
    "data file cut to its header": Damage(stored(lambda body: body[:10], listed=True), "truncated"),
    "data file empty": Damage(stored(lambda _: b""), "MD5"),
    "data file empty, listed": Damage(stored(lambda _: b"", listed=True), "0 items"),
    "data file altered": Damage(stored(lambda body: body[:100] + bytes([body[100] ^ 1]) + body[101:]), ".json.gz"),
    "data file altered in its header": Damage(stored(lambda body: body[:9] + b"\x03" + body[10:]), "MD5"),
    "data file's checksum altered, listed": Damage(
        stored(lambda body: body[:-8] + bytes([body[-8] ^ 1]) + body[-7:], listed=True), "altered"
    ),
    "data file's length altered, listed": Damage(
        stored(lambda body: body[:-1] + bytes([body[-1] ^ 1]), listed=True), "altered"
    ),
    "data file not gzip": Damage(stored(gzip.decompress), ".json.gz"),
    "data file not gzip, listed": Damage(stored(gzip.decompress, listed=True), "gzip"),
    "data file of another export": Damage(stored(lambda _: gzip_bytes(b"".join(LINES[:20]))), "MD5"),
    "garbage after the gzip": Damage(stored(lambda body: body + b"garbage", listed=True), ".json.gz"),
    "garbage after the gzip, not listed": Damage(stored(lambda body: body + b"\0"), "MD5"),
    "one line short": Damage(lines(lambda held: held[1:]), "19 items"),
    "one line more": Damage(lines(lambda held: [*held, exports.full_line({"id": {"S": "new"}})]), "21 items"),
    "half a line": Damage(lines(lambda held: [*held[:-1], held[-1][:20]]), "line 20"),
    "two items on one line": Damage(lines(lambda held: [held[0].strip() + held[1], *held[2:]]), "line 1"),
    "smuggled delete": Damage(spliced(SMUGGLED), "line 2"),
    "smuggled second member": Damage(spliced(b'{"Item":{"id":{"S":"x"}},"DeleteRequest":{}}'), "line 2"),
    "Item twice": Damage(spliced(b'{"Item":{"id":{"S":"x"}},"Item":{"id":{"S":"y"}}}'), "line 2"),
    "delete instead of an item": Damage(spliced(b'{"DeleteRequest":{"Key":{"id":{"S":"extra"}}}}'), "line 2"),
    "incremental line": Damage(
        spliced(exports.incremental_line(1, {"id": {"S": "x"}}, None, {"id": {"S": "x"}}).strip()), "line 2"
    ),
    "item without envelope": Damage(spliced(b'{"id":{"S":"x"}}'), "line 2"),
    "Item null": Damage(spliced(b'{"Item":null}'), "line 2"),
    "Item array": Damage(spliced(b'{"Item":[]}'), "line 2"),
    "line array": Damage(spliced(b'[{"Item":{"id":{"S":"x"}}}]'), "line 2"),
    "line not UTF-8": Damage(spliced(b'{"Item":{"id":{"S":"\xff"}}}'), "line 2"),
    "line nested too deeply": Damage(spliced(b"[" * 200_000), "line 2"),
    "line of NULs": Damage(spliced(b"\0" * 50), "line 2"),
    "manifest-files missing": Damage(without("manifest-files.json"), "manifest-files.json"),
    "manifest-summary missing": Damage(without("manifest-summary.json"), "AWSDynamoDB/"),
    "both manifests missing": Damage(without("manifest-files.json", "manifest-summary.json"), "AWSDynamoDB/"),
    "manifest-files one line short": Damage(files(lambda entries: entries[:1]), "contradict"),
    "manifest-files with one file twice": Damage(files(lambda entries: [entries[0], entries[0]]), "twice"),
    "manifest-files empty": Damage(replaced("manifest-files", b""), "no data file"),
    "manifest-files not JSON": Damage(replaced("manifest-files", b"<xml/>\n"), "manifest-files.json"),
    "manifest-files an array": Damage(
        lambda export: edit_manifest(
            export, "manifest-files", lambda body: json.dumps([json.loads(line) for line in body.splitlines()]).encode()
        ),
        "manifest-files.json",
    ),
    "itemCount wrong in one file": Damage(files(lambda entries: first(entries, itemCount=21)), "contradict"),
    "itemCounts shifted": Damage(
        files(lambda entries: [entries[0] | {"itemCount": 21}, entries[1] | {"itemCount": 19}]), "20 items"
    ),
    "itemCount negative": Damage(
        files(lambda entries: [entries[0] | {"itemCount": -1}, entries[1] | {"itemCount": 41}]), "itemCount"
    ),
    "itemCount text": Damage(files(lambda entries: first(entries, itemCount="20")), "itemCount"),
    "itemCount absent": Damage(files(lambda entries: first(entries, itemCount=None)), "itemCount"),
    "md5Checksum wrong": Damage(files(lambda entries: first(entries, md5Checksum=md5(b"other"))), "MD5"),
    "md5Checksum absent": Damage(files(lambda entries: first(entries, md5Checksum=None)), "md5Checksum"),
    "md5Checksum not base64": Damage(files(lambda entries: first(entries, md5Checksum="é" * 24)), "md5Checksum"),
    "dataFileS3Key absent": Damage(files(lambda entries: first(entries, dataFileS3Key=None)), "dataFileS3Key"),
    "dataFileS3Key elsewhere": Damage(
        files(lambda entries: first(entries, dataFileS3Key="elsewhere/data/a.json.gz")), "elsewhere"
    ),
    "summary's itemCount wrong": Damage(summary(itemCount=39), "contradict"),
    "summary's itemCount absent": Damage(summary(itemCount=None), "itemCount"),
    "summary's itemCount text": Damage(summary(itemCount="40"), "itemCount"),
    "summary not JSON": Damage(replaced("manifest-summary", b"{"), "manifest-summary.json"),
    "summary an array": Damage(replaced("manifest-summary", b"[]"), "manifest-summary.json"),
    "summary not UTF-8": Damage(replaced("manifest-summary", b'{"a":"\xff"}'), "manifest-summary.json"),
    "manifest-summary.md5 contradicts": Damage(contradicted("manifest-summary"), "manifest-summary"),
    "manifest-files.md5 contradicts": Damage(contradicted("manifest-files"), "manifest-files"),
    "ION export": Damage(summary(outputFormat="ION"), "ION"),
    "ION data files": Damage(
        files(
            lambda entries: [entry | {"dataFileS3Key": f"{entry['dataFileS3Key'][:-8]}.ion.gz"} for entry in entries]
        ),
        "ION",
    ),
    "incremental export": Damage(
        summary(exportType="INCREMENTAL_EXPORT", outputView="NEW_AND_OLD_IMAGES"), "INCREMENTAL_EXPORT"
    ),
    "incremental window": Damage(
        summary(exportFromTime="2026-01-30T00:00:00.000Z", exportToTime="2026-01-31T00:00:00.000Z"),
        "INCREMENTAL_EXPORT",
    ),
    "filtered export": Damage(summary(filterSpecification={"expression": "a = :a"}), "filtered"),
    "export of another table": Damage(
        summary(tableArn="arn:aws:dynamodb:us-east-1:123456789012:table/customers"), "customers"
    ),
}
TABLES = {name: f"table-{number:02d}" for number, name in enumerate(DAMAGES)}


@pytest.mark.parametrize("clear", [False, True], ids=["write", "clear"])
def test_damaged_backups_are_refused_by_name_and_leave_their_targets_untouched(
    aws: Sandbox, stage: Stage, subtests: pytest.Subtests, *, clear: bool
) -> None:
    """One event restores a backup that holds a table for every damage, and one that is whole."""
    entries = []
    # Verification is the same in both modes, so the second is shown with every fourth damage.
    tables = dict(list(TABLES.items())[:: 4 if clear else 1])
    for name, table in [*tables.items(), ("whole", "whole")]:
        stage.create_table(table)
        stage.fill(table, BEFORE)
        export = stage.export(table, ITEMS, file_count=2)
        if name in DAMAGES:
            DAMAGES[name].do(export)
        stage.upload(export)
        entries.append(stage.entry(export, table))
    stage.record(entries)
    aws.requests.clear()

    answer = restore({"backup_date": DATE, "clear_existing_data": clear})

    for name, table in tables.items():
        with subtests.test(name):
            result = answer.of(table)
            assert result["status"] == "FAILED"
            assert DAMAGES[name].word in result["error"]
            assert (result["items_written"], result["items_deleted"], result["items_failed"]) == (0, 0, 0)
            assert stage.items(table) == canonicals(BEFORE)
    assert answer.code == 207
    assert (answer.body["successful_restores"], answer.body["failed_restores"]) == (1, len(tables))
    assert {table for write in table_writes(aws) for table in write.resources} == {"whole"}
    assert stage.items("whole") == canonicals(ITEMS if clear else [*ITEMS, BEFORE[1]])


@pytest.mark.parametrize("name", ["data file missing", "manifest-files missing", "ION export", "one line short"])
def test_the_only_table_damaged_is_a_500(aws: Sandbox, stage: Stage, name: str) -> None:
    stage.create_table("orders")
    export = stage.export("orders", ITEMS, file_count=2)
    DAMAGES[name].do(export)
    stage.back_up_damaged("orders", export)

    answer = restore({"backup_date": DATE})

    assert (answer.code, answer.result["status"]) == (500, "FAILED")
    assert table_writes(aws) == []


def test_missing_checksum_companions_are_a_warning(stage: Stage) -> None:
    stage.create_table("orders")
    export = stage.export("orders", ITEMS)
    without("manifest-files.md5", "manifest-summary.md5")(export)
    stage.back_up_damaged("orders", export)

    answer = restore()

    assert answer.code == 200
    assert {warning for warning in answer.result["warnings"] if ".md5" in warning} == set(answer.result["warnings"])
    assert len(answer.result["warnings"]) == 2
    assert stage.items("orders") == canonicals(ITEMS)


@pytest.mark.parametrize("field", [{"verification": {"data_files": 1}}, {"export_manifest": "x/manifest-summary.json"}])
@pytest.mark.parametrize("event", [{}, {"dry_run": True}], ids=["restore", "dry run"])
def test_a_manifest_that_counts_otherwise_than_the_export_is_refused(
    stage: Stage, field: dict[str, Any], event: dict[str, Any]
) -> None:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, entry={"item_count": 41, **field})

    answer = restore(event)

    assert (answer.code, answer.result["status"]) == (500, "FAILED")
    assert "41" in answer.errors
    assert stage.items("orders") == []


@pytest.mark.parametrize("fields", [{"item_count": None}, {"item_count": "40"}, {"item_count": True}])
def test_a_manifest_that_records_no_count_is_restorable(stage: Stage, fields: dict[str, Any]) -> None:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, entry={"export_manifest": "x/manifest-summary.json", **fields})

    assert restore({"dry_run": True}).code == 200


def test_a_full_export_whose_summary_has_empty_incremental_fields_is_one(stage: Stage) -> None:
    stage.create_table("orders")
    export = stage.export("orders", ITEMS)

    def edit(body: bytes) -> bytes:
        return json.dumps(json.loads(body) | {"outputView": None, "exportFromTime": None}).encode()

    edit_manifest(export, "manifest-summary", edit)
    stage.back_up_damaged("orders", export)

    assert restore({"dry_run": True}).code == 200


def test_a_count_of_another_tool_that_is_not_the_exports_is_a_warning(stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, entry={"item_count": 41})

    answer = restore({"dry_run": True})

    assert answer.code == 200
    assert any("counts 41 items of table orders" in one for one in answer.result["warnings"])
