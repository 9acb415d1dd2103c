"""Single items and partitions: exactly they come back, from verified data files, and a missing key is said."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from dynamodb_backup.archive.export import read_export
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.timing import Deadline
from dynamodb_backup.verify.key_index import IndexMaker
from dynamodb_backup.verify.stored_backup import FileProgress, verify_file
from sandbox import Sandbox, exports
from tests.scenario.restore.kit import (
    BUCKET,
    DATE,
    PREFIX,
    Stage,
    all_writes,
    canonicals,
    restore,
    restore_in_turns,
    strings,
    table_writes,
)

TABLES = ["orders"]
WITH_SORT_KEY = (("pk", "S"), ("sk", "N"))


def key(name: str) -> dict[str, Any]:
    return {"id": {"S": name}}


def index(stage: Stage, export: exports.Export, keys: tuple[tuple[str, str], ...] = (("id", "S"),)) -> None:
    """Make the export's key index, as the backup function does while it verifies."""
    store = ObjectStore(stage.s3, BUCKET)
    stored = read_export(store, export.request.root)
    maker = IndexMaker(store, stored, KeySchema(keys))
    progress = {number: FileProgress() for number in range(len(stored.files))}
    for number, file in enumerate(stored.files):
        verify_file(store, file, progress[number], Deadline(60), maker.on_item(number, progress[number]))
    maker.save(progress)


@pytest.fixture
def orders(stage: Stage) -> exports.Export:
    """A backup of 40 items in 8 data files, and a table in which all of them have changed since."""
    stage.create_table("orders")
    stage.fill("orders", strings(40, v={"S": "today"}))
    return stage.back_up("orders", strings(40, v={"S": "yesterday"}), file_count=8)


def test_one_item_comes_back_and_nothing_else_changes(aws: Sandbox, stage: Stage, orders: exports.Export) -> None:
    index(stage, orders)
    aws.requests.clear()

    answer = restore({"tables": TABLES, "keys": [key("item-000007")]})

    assert (answer.code, answer.result["status"]) == (200, "COMPLETED")
    counts = [answer.result[name] for name in ("items_expected", "items_written", "files_read", "keys_not_found")]
    assert counts == [1, 1, 1, []]
    changed = [*strings(7, v={"S": "today"}), *strings(1, 7, v={"S": "yesterday"}), *strings(32, 8, v={"S": "today"})]
    assert stage.items("orders") == canonicals(changed)
    assert [request.operation for request in table_writes(aws)] == ["BatchWriteItem"]


def test_reads_of_one_item_in_forty_files(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("orders")
    export = stage.back_up("orders", strings(400), file_count=40)
    index(stage, export)
    aws.requests.clear()

    answer = restore({"backup_date": DATE, "tables": TABLES, "keys": [key("item-000200")]})

    assert answer.code == 200
    data = [aws.requests.count("s3", "GetObject", f"{BUCKET}/{one}") for one in export.data_keys]
    assert sorted(data)[-2:] == [0, 1]
    # The date's manifest, the index, DynamoDB's manifests, and what was found: as many for 10,000 files.
    assert aws.requests.count("s3", "GetObject") <= 24


def test_without_an_index_every_file_is_read_and_said(aws: Sandbox, stage: Stage, orders: exports.Export) -> None:
    aws.requests.clear()
    answer = restore({"tables": TABLES, "keys": [key("item-000007")]})
    assert answer.code == 200
    assert answer.result["files_read"] == 8
    assert "has no key index, so all 8 data files with items are read" in " ".join(answer.body["warnings"])
    assert all(aws.requests.count("s3", "GetObject", f"{BUCKET}/{one}") == 1 for one in orders.data_keys)


@pytest.mark.parametrize("indexed", [True, False])
def test_a_missing_key_is_never_a_success(stage: Stage, orders: exports.Export, indexed: bool) -> None:
    if indexed:
        index(stage, orders)
    answer = restore({"tables": TABLES, "keys": [key("nobody"), key("item-000007")]})
    assert (answer.code, answer.result["status"], answer.result["items_written"]) == (207, "PARTIAL_SUCCESS", 1)
    assert answer.result["keys_not_found"] == [key("nobody")]
    assert "holds nothing for 1 of the keys" in answer.result["error"]

    answer = restore({"tables": TABLES, "keys": [key("nobody")]})
    assert (answer.code, answer.result["status"], answer.result["items_written"]) == (500, "FAILED", 0)
    assert answer.result["keys_not_found"] == [key("nobody")]


@pytest.mark.parametrize(
    ("names", "code", "status"),
    [(["item-000003"], 200, "READY"), (["item-000003", "no"], 207, "PARTIAL_SUCCESS"), (["no"], 500, "FAILED")],
)
def test_a_dry_run_writes_nothing_and_says_what_is_missing(
    aws: Sandbox, stage: Stage, orders: exports.Export, names: list[str], code: int, status: str
) -> None:
    index(stage, orders)
    aws.requests.clear()
    answer = restore({"tables": TABLES, "keys": [key(name) for name in names], "dry_run": True})
    assert (answer.code, answer.result["status"]) == (code, status)
    assert answer.result["items_expected"] == names.count("item-000003")
    assert all_writes(aws) == []


def test_a_partition_comes_back_whole(stage: Stage) -> None:
    stage.create_table("orders", WITH_SORT_KEY)
    items = [{"pk": {"S": f"p{number % 3}"}, "sk": {"N": str(number)}, "v": {"S": "x" * 100}} for number in range(90)]
    index(stage, stage.back_up("orders", items, file_count=3), WITH_SORT_KEY)

    answer = restore({"tables": TABLES, "partition_keys": [{"pk": {"S": "p1"}}]})

    assert (answer.code, answer.result["items_written"], answer.result["files_read"]) == (200, 30, 1)
    assert stage.items("orders") == canonicals(item for item in items if item["pk"] == {"S": "p1"})


def test_numbers_and_binary_keys_are_found_in_any_spelling(stage: Stage) -> None:
    stage.create_table("orders", (("pk", "N"), ("sk", "B")))
    binary = base64.b64encode(bytes(range(250, 256))).decode()
    items = [{"pk": {"N": number}, "sk": {"B": binary}} for number in ("1", "100", "0.5")]
    index(stage, stage.back_up("orders", items, file_count=3), (("pk", "N"), ("sk", "B")))

    wanted = [{"pk": {"N": number}, "sk": {"B": binary}} for number in ("1.0", "1E2", "5e-1")]
    answer = restore({"tables": TABLES, "keys": wanted})

    assert (answer.code, answer.result["items_written"]) == (200, 3)
    assert stage.items("orders") == canonicals(items)


@pytest.mark.parametrize(
    ("event", "named"),
    [
        ({"keys": [{"id": {"N": "1"}}]}, "holds as entry 1 the attributes id (N), but the primary key is id (S)"),
        ({"keys": [key("a"), {"other": {"S": "a"}}]}, "holds as entry 2 the attributes other (S)"),
        ({"partition_keys": [{"id": {"S": "a"}, "sk": {"S": "a"}}]}, "the partition key is id (S)"),
    ],
)
@pytest.mark.parametrize("captured", [True, False])
def test_keys_of_another_schema_are_refused_by_name(
    aws: Sandbox, stage: Stage, event: dict[str, Any], named: str, captured: bool
) -> None:
    stage.create_table("orders")
    definition = f"{PREFIX}/{DATE}/runs/{DATE}-0001/definitions/orders.json"
    stage.put(
        definition, json.dumps({"Table": stage.dynamodb.describe_table(TableName="orders")["Table"]}, default=str)
    )
    stage.back_up("orders", strings(3), entry={"table_definition": definition} if captured else None)
    aws.requests.clear()
    answer = restore({"tables": TABLES, **event})
    assert answer.code == 500
    assert answer.body["error_type"] == "RequestRefused"
    assert named in answer.body["error"]
    assert all_writes(aws) == []


def test_a_stale_index_is_passed_over(stage: Stage, orders: exports.Export) -> None:
    other = stage.export("orders", strings(40, 1000), file_count=8)
    stage.upload(other)
    index(stage, other)
    place = Layout.key_index(other.request.root)
    stage.put(Layout.key_index(orders.request.root), stage.get(place))

    answer = restore({"tables": TABLES, "keys": [key("item-000007")]})

    assert (answer.code, answer.result["items_written"], answer.result["files_read"]) == (200, 1, 8)
    assert "does not cover 8 of its 8 data files" in " ".join(answer.body["warnings"])


def test_an_altered_index_is_passed_over(stage: Stage, orders: exports.Export) -> None:
    index(stage, orders)
    place = Layout.key_index(orders.request.root)
    body = bytearray(stage.get(place))
    body[-40] ^= 1
    stage.put(place, bytes(body))

    answer = restore({"tables": TABLES, "keys": [key("item-000007")]})

    assert (answer.code, answer.result["items_written"], answer.result["files_read"]) == (200, 1, 8)
    assert "is altered, or of another version" in " ".join(answer.body["warnings"])


def test_a_damaged_file_among_those_needed_fails_before_anything_is_written(
    aws: Sandbox, stage: Stage, orders: exports.Export
) -> None:
    index(stage, orders)
    (holding,) = (one for one in orders.data_keys if b"item-000007" in gzip.decompress(stage.get(one)))
    stage.put(holding, exports.data_file([exports.full_line(item) for item in strings(10)]).body)
    aws.requests.clear()

    answer = restore({"tables": TABLES, "keys": [key("item-000007")]})

    assert (answer.code, answer.result["status"]) == (500, "FAILED")
    assert "is altered" in answer.errors
    assert all_writes(aws) == []


def test_turns_without_any_time_find_and_write_each_item_once(stage: Stage) -> None:
    stage.create_table("orders", WITH_SORT_KEY)
    items = [{"pk": {"S": "p"}, "sk": {"N": str(number)}} for number in range(60)]
    stage.back_up("orders", items, file_count=4)

    answers = restore_in_turns(
        {"tables": TABLES, "partition_keys": [{"pk": {"S": "p"}}, {"pk": {"S": "q"}}], "max_workers": 2}, seconds=0
    )

    assert len(answers) > 3
    last = answers[-1]
    assert (last.code, last.result["items_written"], last.result["items_expected"]) == (207, 60, 60)
    assert last.result["keys_not_found"] == [{"pk": {"S": "q"}}]
    assert stage.items("orders") == canonicals(items)


def test_into_another_table_and_from_an_export_by_its_place(stage: Stage) -> None:
    stage.create_table("orders-copy")
    export = stage.export("orders", strings(30), file_count=3)
    stage.upload(export)
    place = f"s3://{BUCKET}/{export.request.root}"

    answer = restore({"export": place, "target_tables": {"orders": "orders-copy"}, "keys": [key("item-000029")]})

    assert (answer.code, answer.result["items_written"]) == (200, 1)
    assert stage.items("orders-copy") == canonicals(strings(1, 29))


def test_keys_are_not_logged(stage: Stage, orders: exports.Export, capsys: pytest.CaptureFixture[str]) -> None:
    restore({"tables": TABLES, "keys": [key("very-secret-name")]})
    restore({"tables": TABLES, "keys": [{"id": {"N": "very-secret-name"}}]})
    assert "very-secret-name" not in capsys.readouterr().out


@pytest.mark.parametrize("mode", ["overwrite", "only_missing", "diff"])
def test_write_modes_concern_only_what_was_found(stage: Stage, orders: exports.Export, mode: str) -> None:
    index(stage, orders)
    stage.dynamodb.delete_item(TableName="orders", Key=key("item-000001"))
    wanted = [key(f"item-{number:06d}") for number in (1, 2)]

    answer = restore({"tables": TABLES, "keys": wanted, "write_mode": mode, "prove": True})

    assert (answer.code, answer.result["status"], answer.result["proven"]) == (200, "COMPLETED", True)
    second = "today" if mode == "only_missing" else "yesterday"
    held = [*strings(1, v={"S": "today"}), *strings(1, 1, v={"S": "yesterday"}), *strings(1, 2, v={"S": second})]
    assert stage.items("orders") == canonicals([*held, *strings(37, 3, v={"S": "today"})])
