"""Backups by scan: of tables without point-in-time recovery, laid out as a native export, and exactly restorable."""

from __future__ import annotations

import gzip
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import md5, sha256
from typing import Any

import pytest

from dynamodb_backup.archive.export import read_export
from dynamodb_backup.archive.store import ObjectStore
from sandbox.exports import DataFile, ExportRequest, build_full_export
from tests.scenario.backup.conftest import Configure
from tests.scenario.backup.kit import BUCKET, PREFIX, Answer, Stage, back_up, back_up_in_turns, some_items
from tests.scenario.restore.kit import canonicals, decoded, encoded, restore
from tests.scenario.restore.test_values import VALUES

KEY = "arn:aws:kms:us-east-1:123456789012:key/"

Scan = Callable[..., None]


@pytest.fixture
def scanned(configure: Configure) -> Scan:
    """Configure tables to be backed up by scan; ``how`` is what the module's user writes beside the method."""

    def choose(*tables: str, native: tuple[str, ...] = (), **how: Any) -> None:
        methods = {table: {"method": "scan", **how} for table in tables}
        configure(*sorted((*tables, *native)), BACKUP_METHODS=json.dumps(methods))

    return choose


def root_of(stage: Stage, table: str) -> str:
    return str(stage.recorded(table)["export_manifest"]).removesuffix("manifest-summary.json")


def listing(stage: Stage, table: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stage.read(f"{root_of(stage, table)}manifest-files.json").splitlines()]


def backed_up(stage: Stage, table: str) -> list[dict[str, Any]]:
    """Return the items of a backup, in wire JSON, as its manifest lists them."""
    lines = [
        line
        for file in listing(stage, table)
        for line in gzip.decompress(stage.read(file["dataFileS3Key"])).splitlines()
    ]
    return [json.loads(line)["Item"] for line in lines]


def in_table(stage: Stage, table: str) -> list[str]:
    pages = stage.dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return canonicals(encoded(item) for page in pages for item in page["Items"])


def assert_whole(stage: Stage, table: str, answer: Answer) -> None:
    assert answer.statuses[table] == "COMPLETED", answer.of(table)
    assert canonicals(backed_up(stage, table)) == in_table(stage, table)


def test_a_table_without_recovery_is_backed_up_and_restored_exactly(stage: Stage, scanned: Scan) -> None:
    items = [{"id": {"S": case}, **value} for case, value in VALUES.items()]
    stage.create_table("orders", [decoded(item) for item in items], recovery=False)
    scanned("orders", segments=2)

    answer = back_up()

    assert answer.code == 200
    assert answer.of("orders")["item_count"] == len(items)
    assert stage.exports_started() == 0
    assert canonicals(backed_up(stage, "orders")) == canonicals(items)
    for item in items[:5]:
        stage.dynamodb.delete_item(TableName="orders", Key={"id": item["id"]})
    stage.dynamodb.put_item(TableName="orders", Item={"id": {"S": "new"}})
    restored = restore({"clear_existing_data": True})
    assert restored.code == 200, restored.body
    assert in_table(stage, "orders") == canonicals(items)


def test_it_is_listed_and_restored_by_its_place_like_a_native_export(stage: Stage, scanned: Scan) -> None:
    stage.create_table("orders", some_items(30), recovery=False)
    scanned("orders")
    assert back_up().code == 200
    before = in_table(stage, "orders")

    point = Answer(200, {"export_results": [], **_list()}).body["tables"][0]["newest_verified"]
    assert point["verified"] is True
    assert point["item_count"] == 30
    stage.dynamodb.delete_item(TableName="orders", Key={"id": {"S": "item-7"}})
    place = f"s3://{BUCKET}/{root_of(stage, 'orders')}"
    assert restore({"export": place, "tables": ["orders"]}).code == 200
    assert in_table(stage, "orders") == before


def _list() -> dict[str, Any]:
    from dynamodb_backup.handlers.backup import lambda_handler  # noqa: PLC0415

    body: dict[str, Any] = lambda_handler({"action": "list"}, None)["body"]
    return body


def test_the_manifests_are_those_of_a_native_export(stage: Stage, scanned: Scan) -> None:
    stage.create_table("orders", some_items(50), recovery=False)
    scanned("orders", segments=3)
    assert back_up().code == 200
    root = root_of(stage, "orders")
    entry = stage.recorded("orders")
    summary = json.loads(stage.read(f"{root}manifest-summary.json"))
    files = listing(stage, "orders")

    assert entry["method"] == "scan"
    assert entry["export_type"] == "FULL_EXPORT"
    assert summary["exportArn"] == entry["export_arn"]
    assert "/scan/" in entry["export_arn"], "nobody must take it for an export that DynamoDB knows"
    # What the sandbox writes is pinned to an export of AWS byte for byte.
    pinned = build_full_export(
        ExportRequest(summary["tableArn"], BUCKET, summary["s3Prefix"], export_id=root.rstrip("/").rpartition("/")[2]),
        [
            DataFile(one["dataFileS3Key"].rpartition("/")[2], stage.read(one["dataFileS3Key"]), one["itemCount"])
            for one in files
        ],
    )
    assert set(stage.all_keys(f"{root}")) == set(pinned.objects)
    same = json.loads(pinned.objects[f"{root}manifest-summary.json"])
    assert list(summary) == list(same)
    for member in set(same) - {"exportArn", "startTime", "endTime", "exportTime", "tableId", "billedSizeBytes"}:
        assert summary[member] == same[member], member
    theirs = [json.loads(line) for line in pinned.objects[f"{root}manifest-files.json"].splitlines()]
    assert [{**one, "etag": None} for one in files] == [{**one, "etag": None} for one in theirs]
    assert [list(one) for one in files] == [list(one) for one in theirs]
    for name in ("manifest-summary", "manifest-files"):
        body = stage.read(f"{root}{name}.json")
        assert body.endswith(b"}\n")
        assert stage.read(f"{root}{name}.md5") == b64encode(md5(body).digest())
    assert read_export(ObjectStore(stage.s3, BUCKET), root).warnings == ()


def test_each_file_carries_what_it_holds(stage: Stage, scanned: Scan) -> None:
    stage.create_table("orders", some_items(20), recovery=False)
    scanned("orders", segments=2)
    assert back_up().code == 200
    for file in listing(stage, "orders"):
        head = stage.s3.head_object(Bucket=BUCKET, Key=file["dataFileS3Key"])
        body = stage.read(file["dataFileS3Key"])
        assert head["ServerSideEncryption"] == "AES256"
        assert head["ETag"].strip('"') == file["etag"] == md5(body).hexdigest()
        described = head["Metadata"]
        assert described["table-name"] == "orders"
        assert described["version"] == "1"
        assert described["item-count"] == str(file["itemCount"])
        assert b64decode(described["sha256"]) == sha256(body).digest()


def test_an_empty_table_is_files_of_nothing(stage: Stage, scanned: Scan) -> None:
    stage.create_table("orders", recovery=False)
    scanned("orders", segments=1)
    answer = back_up()
    assert answer.code == 200
    assert answer.of("orders")["item_count"] == 0
    (file,) = listing(stage, "orders")
    assert file["itemCount"] == 0
    assert len(stage.read(file["dataFileS3Key"])) == 20
    stage.dynamodb.put_item(TableName="orders", Item={"id": {"S": "new"}})
    assert restore({"clear_existing_data": True}).code == 200
    assert in_table(stage, "orders") == []


def test_large_items_and_many_pages(stage: Stage, scanned: Scan) -> None:
    stage.create_table("orders", items_of(400 * 1024 - 40, 6), recovery=False)
    scanned("orders", segments=1)
    answer = back_up()
    assert stage.aws.requests.count("dynamodb", "Scan") >= 3, "pages of 1 MB hold two"
    assert_whole(stage, "orders", answer)


def test_under_a_kms_key(stage: Stage, scanned: Scan, configure: Configure) -> None:
    key = stage.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    stage.create_table("orders", some_items(5), recovery=False)
    configure("orders", BACKUP_METHODS='{"orders": {"method": "scan"}}', EXPORT_KMS_KEY_ID=key)
    answer = back_up()
    assert_whole(stage, "orders", answer)
    for one in stage.all_keys(root_of(stage, "orders")):
        head = stage.s3.head_object(Bucket=BUCKET, Key=one)
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key), one
    summary = json.loads(stage.read(f"{root_of(stage, 'orders')}manifest-summary.json"))
    assert (summary["s3SseAlgorithm"], summary["s3SseKmsKeyId"]) == ("KMS", key)


def test_beside_a_native_export_in_one_run(stage: Stage, scanned: Scan) -> None:
    stage.create_table("customers", some_items(5))
    stage.create_table("orders", some_items(40), recovery=False)
    scanned("orders", native=("customers",))
    answer = back_up()
    assert answer.code == 200
    assert stage.recorded("customers")["method"] == "native_export"
    assert_whole(stage, "orders", answer)


def many_pages(stage: Stage, count: int) -> None:
    """Fill a table so that a page holds five items."""
    stage.aws.tables.configure(page_bytes=10_400)
    stage.create_table("orders", items_of(2_000, count), recovery=False)


def items_of(size: int, count: int) -> list[dict[str, Any]]:
    return [{"id": {"S": f"item-{number}"}, "b": {"B": bytes([number % 256]) * size}} for number in range(count)]


def test_tiny_turns_reach_the_end_without_losing_or_doubling_an_item(stage: Stage, scanned: Scan) -> None:
    many_pages(stage, 40)
    scanned("orders", segments=2)
    stage.aws.faults.delay("dynamodb", "Scan", seconds=0.15)
    answers = back_up_in_turns(seconds=0.2)
    assert len(answers) > 3
    assert len({answer.body["run_id"] for answer in answers}) == 1
    # 40 items in pages of 5, and in each segment perhaps one that is not full.
    assert stage.aws.requests.count("dynamodb", "Scan") <= 10, "pages were read twice"
    assert_whole(stage, "orders", answers[-1])


def test_two_invocations_at_once_are_one_backup(stage: Stage, scanned: Scan) -> None:
    many_pages(stage, 30)
    scanned("orders", segments=2)
    stage.aws.faults.delay("dynamodb", "Scan", seconds=0.05)
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda seconds: back_up(seconds=seconds), (0.8, 20, 20)))
    assert len({answer.body["run_id"] for answer in answers}) == 1
    assert {answer.code for answer in answers} <= {200, 202}
    assert_whole(stage, "orders", back_up({"run_id": answers[0].body["run_id"]}))


def test_throttling_is_waited_for(stage: Stage, scanned: Scan) -> None:
    stage.create_table("orders", some_items(100), recovery=False)
    scanned("orders")
    stage.aws.faults.error("dynamodb", "Scan", code="ProvisionedThroughputExceededException", status=400, times=9)
    answer = back_up()
    assert answer.code == 200
    assert_whole(stage, "orders", answer)


def test_a_table_that_stays_throttled_is_in_progress_and_says_why(stage: Stage, scanned: Scan) -> None:
    stage.create_table("orders", some_items(10), recovery=False)
    scanned("orders")
    with stage.aws.faults.error("dynamodb", "Scan", code="ProvisionedThroughputExceededException", status=400):
        answer = back_up(seconds=1)
    assert answer.code == 202
    assert "ProvisionedThroughputExceededException" in answer.of("orders")["error"]
    assert_whole(stage, "orders", back_up())


@pytest.mark.parametrize("times", [pytest.param(1, marks=pytest.mark.long), 3])  # once is among three times
def test_broken_connections_and_server_errors_are_repeated(stage: Stage, scanned: Scan, times: int) -> None:
    many_pages(stage, 20)
    scanned("orders", segments=2)
    stage.aws.faults.reset_connection("dynamodb", "Scan", after=True, times=times)
    stage.aws.faults.server_error("dynamodb", "Scan", skip=2, times=times)
    stage.aws.faults.server_error("s3", "PutObject", resource="*.json.gz", times=times)
    assert_whole(stage, "orders", back_up_in_turns(seconds=20)[-1])


def test_the_read_rate_is_kept(stage: Stage, scanned: Scan) -> None:
    # 40 items of 20 KB: 5 read units each, 200 in all.
    stage.create_table("orders", items_of(20_000, 40), recovery=False)
    scanned("orders", segments=2, max_read_units_per_second=50)
    began = time.monotonic()
    answers = back_up_in_turns(seconds=2)
    took = time.monotonic() - began
    assert_whole(stage, "orders", answers[-1])
    units = stage.recorded("orders")["billed_size_bytes"] / 4096
    assert 150 <= units <= 250
    assert took > units / 50 - 1.5, "it read faster than it may"


def test_a_provisioned_table_keeps_half_of_its_capacity(stage: Stage, scanned: Scan) -> None:
    stage.dynamodb.create_table(
        TableName="orders",
        ProvisionedThroughput={"ReadCapacityUnits": 40, "WriteCapacityUnits": 40},
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    scanned("orders")
    assert back_up().code == 200
    (plan,) = [key for key in stage.all_keys(PREFIX) if key.endswith("/scans/orders/plan.json")]
    assert json.loads(stage.read(plan))["default_units_per_second"] == 20


@pytest.mark.parametrize("damage", ["corrupt", "truncate"])
def test_a_file_that_is_damaged_after_its_upload_fails_the_backup(stage: Stage, scanned: Scan, damage: str) -> None:
    stage.create_table("orders", some_items(200), recovery=False)
    scanned("orders", segments=1)
    if damage == "corrupt":
        stage.aws.faults.corrupt(f"{BUCKET}/*.json.gz", offset=-20)
    else:
        stage.aws.faults.truncate(f"{BUCKET}/*.json.gz", keep=100)
    answer = back_up(seconds=20)
    assert answer.code != 200
    assert answer.statuses["orders"] != "COMPLETED"
    if damage == "corrupt":
        assert answer.statuses["orders"] == "FAILED"
        assert ".json.gz" in answer.of("orders")["error"]


def test_a_table_that_is_created_again_meanwhile_is_no_backup(stage: Stage, scanned: Scan) -> None:
    many_pages(stage, 30)
    scanned("orders", segments=1)
    stage.aws.faults.delay("dynamodb", "Scan", seconds=0.3)
    assert back_up(seconds=0.4).code == 202
    stage.dynamodb.delete_table(TableName="orders")
    stage.create_table("orders", some_items(3), recovery=False)
    answer = back_up()
    assert answer.code == 500
    assert "deleted and created again" in answer.of("orders")["error"]


def test_a_table_that_is_gone_meanwhile_fails(stage: Stage, scanned: Scan) -> None:
    many_pages(stage, 30)
    scanned("orders", segments=1)
    stage.aws.faults.delay("dynamodb", "Scan", seconds=0.3)
    assert back_up(seconds=0.4).code == 202
    stage.dynamodb.delete_table(TableName="orders")
    answer = back_up()
    assert answer.code == 500
    assert "ResourceNotFoundException" in answer.of("orders")["error"]


def test_the_role_may_not_scan(stage: Stage, scanned: Scan) -> None:
    stage.create_table("orders", some_items(3), recovery=False)
    scanned("orders")
    stage.aws.faults.deny("dynamodb", "Scan")
    answer = back_up()
    assert answer.code == 500
    assert "AccessDenied" in answer.of("orders")["error"]
