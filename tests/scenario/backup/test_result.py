"""What a backup answers and what it leaves in the bucket."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from dynamodb_backup.archive.seal import resealed
from tests.scenario.backup.conftest import Configure, metrics
from tests.scenario.backup.kit import BUCKET, PREFIX, Stage, back_up, scheduled_event, some_items, today

BODY_FIELDS = {
    "backup_date",
    "environment",
    "backup_type",
    "total_tables_processed",
    "successful_exports",
    "failed_exports",
    "total_items_exported",
    "total_size_mb",
    "manifest_s3_key",
    "s3_bucket",
    "export_results",
}
RESULT_FIELDS = {"table_name", "status", "export_arn", "item_count", "error"}
MANIFEST_FIELDS = {
    "backup_date",
    "environment",
    "backup_type",
    "created_at",
    "s3_bucket",
    "total_exports",
    "successful_exports",
    "failed_exports",
    "total_items_exported",
    "total_size_bytes",
    "exports",
}
EXPORT_FIELDS = {
    "table_name",
    "status",
    "export_arn",
    "export_type",
    "export_time",
    "start_time",
    "end_time",
    "s3_prefix",
    "export_manifest",
    "item_count",
    "billed_size_bytes",
    "error",
}


@pytest.fixture
def three_tables(stage: Stage, configure: Configure) -> Stage:
    stage.create_table("orders", some_items(60))
    stage.create_table("customers", some_items(5))
    stage.create_table("empty", [])
    configure("orders", "customers", "empty")
    return stage


def test_several_tables_are_backed_up(three_tables: Stage) -> None:
    answer = back_up()
    assert answer.code == 200
    body = answer.body
    assert body.keys() >= BODY_FIELDS
    assert body["backup_date"] == today()
    assert body["environment"] == "test"
    assert body["backup_type"] == "DYNAMODB_NATIVE_EXPORT"
    assert body["total_tables_processed"] == 3
    assert body["successful_exports"] == 3
    assert body["failed_exports"] == 0
    assert body["total_items_exported"] == 65
    assert isinstance(body["total_size_mb"], int | float)
    assert body["manifest_s3_key"] == f"{PREFIX}/{today()}/manifest.json"
    assert body["s3_bucket"] == BUCKET
    assert [one["table_name"] for one in body["export_results"]] == ["orders", "customers", "empty"]
    for one, count in zip(body["export_results"], (60, 5, 0), strict=True):
        assert one.keys() >= RESULT_FIELDS
        assert one["status"] == "COMPLETED"
        assert one["item_count"] == count
        assert one["error"] is None
        assert f":table/{one['table_name']}/export/" in one["export_arn"]


def test_the_manifest_says_everything(three_tables: Stage) -> None:
    three_tables.aws.exports.configure(partitions=2)
    back_up()
    manifest = three_tables.manifest()
    assert manifest.keys() >= MANIFEST_FIELDS
    assert manifest["backup_date"] == today()
    assert manifest["environment"] == "test"
    assert manifest["backup_type"] == "DYNAMODB_NATIVE_EXPORT"
    assert manifest["s3_bucket"] == BUCKET
    assert manifest["total_exports"] == 3
    assert manifest["successful_exports"] == 3
    assert manifest["failed_exports"] == 0
    assert manifest["total_items_exported"] == 65
    assert manifest["total_size_bytes"] == sum(entry["billed_size_bytes"] for entry in manifest["exports"]) > 0
    assert_utc(manifest["created_at"])
    for entry in manifest["exports"]:
        assert entry.keys() >= EXPORT_FIELDS
        table, export_id = entry["table_name"], entry["export_arn"].rpartition("/")[2]
        assert entry["status"] == "COMPLETED"
        assert entry["export_type"] == "FULL_EXPORT"
        assert entry["s3_prefix"] == f"{PREFIX}/{today()}/{table}"
        assert entry["export_manifest"] == f"{entry['s3_prefix']}/AWSDynamoDB/{export_id}/manifest-summary.json"
        summary = json.loads(three_tables.read(entry["export_manifest"]))
        assert entry["item_count"] == summary["itemCount"]
        assert entry["billed_size_bytes"] == summary["billedSizeBytes"]
        for name in ("export_time", "start_time", "end_time"):
            assert_utc(entry[name])
        assert entry["verification"]["files"] == 2
        assert entry["error"] is None


def assert_utc(text: str) -> None:
    assert text.endswith("Z")
    datetime.fromisoformat(text)


def test_nothing_lies_outside_the_date_of_the_run(three_tables: Stage) -> None:
    back_up()
    assert all(key.startswith(f"{PREFIX}/{today()}/") for key in three_tables.all_keys())


def test_the_captured_definition_is_enough_to_create_the_table_again(stage: Stage, configure: Configure) -> None:
    wanted: dict[str, Any] = {
        "TableName": "complex",
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind} for name, kind in (("pk", "S"), ("sk", "N"), ("owner", "B"))
        ],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "by-owner",
                "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
                "ProvisionedThroughput": {"ReadCapacityUnits": 3, "WriteCapacityUnits": 4},
            }
        ],
        "BillingMode": "PROVISIONED",
        "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 2},
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    }
    stage.dynamodb.create_table(**wanted, Tags=[{"Key": "team", "Value": "payments"}])
    stage.turn_on_recovery("complex")
    ttl = {"Enabled": True, "AttributeName": "expires"}
    stage.dynamodb.update_time_to_live(TableName="complex", TimeToLiveSpecification=ttl)
    configure("complex")
    assert back_up().code == 200
    definition = json.loads(stage.read(stage.recorded("complex")["table_definition"]))
    table = definition["Table"]
    assert table["KeySchema"] == wanted["KeySchema"]
    assert sorted(map(str, table["AttributeDefinitions"])) == sorted(map(str, wanted["AttributeDefinitions"]))
    assert table["ProvisionedThroughput"].items() >= wanted["ProvisionedThroughput"].items()
    assert table["StreamSpecification"] == wanted["StreamSpecification"]
    (index,) = table["GlobalSecondaryIndexes"]
    assert {"IndexName", "KeySchema", "Projection", "ProvisionedThroughput"} <= index.keys()
    assert definition["TimeToLiveDescription"]["AttributeName"] == "expires"
    assert definition["Tags"] == [{"Key": "team", "Value": "payments"}]
    recovery = definition["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"


ODD_NAMES = ["A_1-2.3", "runs", "manifest.json", "AWSDynamoDB", "...", "x" * 255]


def test_every_name_that_dynamodb_allows_is_backed_up(stage: Stage, configure: Configure) -> None:
    for name in ODD_NAMES:
        stage.create_table(name, some_items(2))
    configure(*ODD_NAMES)
    answer = back_up()
    assert answer.statuses == dict.fromkeys(ODD_NAMES, "COMPLETED")
    assert answer.body["total_items_exported"] == 2 * len(ODD_NAMES)
    # Names may not disturb what later runs read.
    assert back_up().code == 200


def test_a_subset_is_backed_up_and_the_others_stay_in_the_manifest(three_tables: Stage) -> None:
    assert back_up().code == 200
    before = three_tables.recorded("orders")
    answer = back_up({"tables": ["customers", "customers"]})
    assert answer.code == 200
    assert answer.statuses == {"customers": "COMPLETED"}
    assert answer.body["total_tables_processed"] == 1
    assert three_tables.recorded("orders") == before
    assert three_tables.manifest()["total_exports"] == 3
    assert three_tables.exports_billed("orders") == 1
    assert three_tables.exports_billed("customers") == 2


SCHEDULER_EVENT = {
    "version": "0",
    "id": "d32c5kddcf5bb8c3",
    "detail-type": "Scheduled Event",
    "source": "aws.scheduler",
    "account": "123456789012",
    "time": "2026-01-31T03:00:00Z",
    "region": "us-east-1",
    "resources": ["arn:aws:scheduler:us-east-1:123456789012:schedule/default/daily"],
    "detail": "{}",
}
ANY_EVENT = {**scheduled_event(), "source": "my.app", "detail-type": "deployed", "detail": {"x": 1}, "more": True}
MODULE_EVENT = {name: SCHEDULER_EVENT[name] for name in ("source", "detail-type", "id", "time")}


@pytest.mark.parametrize(
    "event",
    [{}, scheduled_event(), SCHEDULER_EVENT, ANY_EVENT, MODULE_EVENT, {"export_type": "FULL_EXPORT"}],
    ids=["empty", "rule", "scheduler", "any", "module", "export_type"],
)
def test_all_tables_are_backed_up_for(event: dict[str, Any], stage: Stage, configure: Configure) -> None:
    stage.create_table("orders")
    configure("orders")
    answer = back_up(event)
    assert answer.code == 200
    assert answer.statuses == {"orders": "COMPLETED"}


def test_another_prefix_is_used_for_everything(stage: Stage, configure: Configure) -> None:
    stage.create_table("orders", some_items(3))
    configure("orders", S3_EXPORTS_PREFIX="/team/backups/")
    answer = back_up()
    assert answer.code == 200
    assert answer.body["manifest_s3_key"] == f"team/backups/{today()}/manifest.json"
    assert all(key.startswith("team/backups/") for key in stage.all_keys())


def test_exports_are_started_side_by_side(stage: Stage, configure: Configure) -> None:
    names = [f"table-{number}" for number in range(6)]
    for name in names:
        stage.create_table(name, some_items(1))
    configure(*names)
    stage.aws.faults.delay("dynamodb", "ExportTableToPointInTime", seconds=0.5)
    assert back_up().code == 200
    started = [call.time for call in stage.aws.requests.list("dynamodb", "ExportTableToPointInTime")]
    assert len(started) == 6
    assert max(started) - min(started) < 1.5, "one after the other takes 3 s"


def test_the_log_and_the_metrics_tell_each_table_once_and_no_item(
    three_tables: Stage, configure: Configure, log: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    three_tables.create_table("unprotected", some_items(4), recovery=False)
    configure("orders", "customers", "empty", "unprotected")
    answer = back_up()
    printed = capfd.readouterr().out
    assert "secret-content" not in log.getvalue() + printed
    assert "item-1" not in log.getvalue() + printed
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    verified = [line["table"] for line in lines if line["message"] == "export verified"]
    assert sorted(verified) == ["customers", "empty", "orders"]
    emitted: dict[str | None, dict[str, object]] = {}
    for document in metrics(printed):
        of_table = emitted.setdefault(document.get("table"), {})
        told = {one["Name"] for one in document["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
        assert not told & of_table.keys(), "each is told once"
        of_table |= document
    assert emitted.keys() == {"orders", "customers", "empty", "unprotected", None}
    assert emitted["orders"]["BackupSucceeded"] == [1]
    assert emitted["orders"]["BackupFailed"] == [0]
    assert emitted["orders"]["ItemsBackedUp"] == [60]
    assert emitted["orders"]["environment"] == "test"
    assert emitted["unprotected"]["BackupFailed"] == [1]
    assert emitted["unprotected"]["BackupSucceeded"] == [0]
    age = emitted["orders"]["NewestBackupAgeHours"]
    assert isinstance(age, list)
    assert 0 <= age[0] < 0.1
    assert "NewestBackupAgeHours" not in emitted["unprotected"]
    assert "no verified backup was ever made of unprotected" in answer.body["warnings"]
    assert emitted[None]["TablesProcessed"] == [4]
    assert emitted[None]["BackupSuccessRate"] == [75]
    assert "BackupDuration" in emitted[None]
    assert "BackupDuration" in emitted["orders"]
    assert "BackupDuration" not in emitted["unprotected"]


def test_a_failed_table_tells_the_age_of_its_earlier_backup(
    stage: Stage, configure: Configure, capfd: pytest.CaptureFixture[str]
) -> None:
    stage.create_table("orders", some_items(3))
    stage.create_table("customers", some_items(3))
    configure("orders", "customers")
    assert back_up().code == 200
    manifest = stage.manifest()
    for entry in manifest["exports"]:
        entry["export_time"] = "2026-01-01T00:00:00.000Z"
    stage.write(f"{PREFIX}/{today()}/manifest.json", json.dumps(resealed(manifest)).encode())
    stage.aws.exports.configure(fail_with="S3AccessDenied")
    capfd.readouterr()
    answer = back_up({"tables": ["orders"]})
    assert answer.code == 500
    documents = [one for one in metrics(capfd.readouterr().out) if "NewestBackupAgeHours" in one]
    ages = {one["table"]: one["NewestBackupAgeHours"][0] for one in documents}
    hours = (datetime.now(UTC) - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds() / 3600
    assert ages == {"orders": pytest.approx(hours, abs=0.1), "customers": pytest.approx(hours, abs=0.1)}
