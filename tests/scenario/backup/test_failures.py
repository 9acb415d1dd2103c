"""What DynamoDB, S3 or the account refuse: the right code, the cause by name, and the other tables unharmed."""

from __future__ import annotations

import json

import pytest

from tests.scenario.backup.conftest import Configure
from tests.scenario.backup.kit import BUCKET, PREFIX, Stage, back_up, back_up_in_turns, some_items, today


@pytest.fixture
def two_tables(stage: Stage, configure: Configure) -> Stage:
    stage.create_table("orders", some_items(10))
    stage.create_table("customers", some_items(3))
    configure("orders", "customers")
    return stage


def test_recovery_that_is_off_fails_its_table_with_the_command_that_turns_it_on(
    stage: Stage, configure: Configure
) -> None:
    stage.create_table("orders", some_items(3))
    stage.create_table("unprotected", some_items(3), recovery=False)
    configure("orders", "unprotected")
    answer = back_up()
    assert answer.code == 207
    assert answer.statuses == {"orders": "COMPLETED", "unprotected": "FAILED"}
    assert answer.body["successful_exports"] == 1
    assert answer.body["failed_exports"] == 1
    assert answer.body["total_items_exported"] == 3
    error = answer.of("unprotected")["error"]
    assert "unprotected" in error
    assert "aws dynamodb update-continuous-backups --table-name unprotected" in error
    assert "PointInTimeRecoveryEnabled=true" in error
    assert answer.of("unprotected")["export_arn"] is None
    entry = stage.recorded("unprotected")
    assert entry["status"] == "FAILED"
    assert entry["error"] == error
    assert stage.manifest()["failed_exports"] == 1
    assert stage.manifest()["total_exports"] == 2


def test_a_missing_table_fails_alone(stage: Stage, configure: Configure) -> None:
    stage.create_table("orders")
    configure("orders", "no-such-table")
    answer = back_up()
    assert answer.code == 207
    assert "no-such-table does not exist" in answer.of("no-such-table")["error"]
    assert stage.recorded("orders")["status"] == "COMPLETED"


def test_no_success_at_all_is_500_with_every_table_and_its_cause(stage: Stage, configure: Configure) -> None:
    configure("no-such-table", "nor-this-one")
    answer = back_up()
    assert answer.code == 500
    assert answer.statuses == {"no-such-table": "FAILED", "nor-this-one": "FAILED"}
    assert answer.body["failed_exports"] == 2
    assert all(one["error"] for one in answer.body["export_results"])
    assert {entry["status"] for entry in stage.manifest()["exports"]} == {"FAILED"}


# The code is DynamoDB's word, which is passed on as it is.
@pytest.mark.parametrize("code", ["S3AccessDenied", pytest.param("KmsNotFoundException", marks=pytest.mark.long)])
def test_an_export_that_turns_failed_later_is_a_failure_with_dynamodbs_words(two_tables: Stage, code: str) -> None:
    two_tables.aws.exports.configure(seconds=0.5, fail_with=code)
    first = back_up(seconds=0.2)
    assert first.code == 202
    answer = back_up()
    assert answer.code == 500
    assert code in answer.of("orders")["error"]
    assert code in two_tables.recorded("orders")["error"]
    assert answer.of("orders")["export_arn"] is not None
    assert two_tables.exports_started("orders") == 1


def test_an_export_that_is_refused_is_named_with_dynamodbs_code(two_tables: Stage) -> None:
    two_tables.aws.faults.deny("dynamodb", "ExportTableToPointInTime", resource="orders")
    answer = back_up()
    assert answer.code == 207
    assert "AccessDenied" in answer.of("orders")["error"]
    assert answer.statuses == {"orders": "FAILED", "customers": "COMPLETED"}


OPTIONAL = ["DescribeTimeToLive", "ListTagsOfResource", "DescribeContinuousBackups"]


def test_a_part_of_the_definition_that_cannot_be_read_is_a_warning(two_tables: Stage) -> None:
    for operation in OPTIONAL:
        two_tables.aws.faults.deny("dynamodb", operation, resource="orders")
    answer = back_up()
    assert answer.code == 200
    assert "warnings" not in answer.of("customers")
    for operation in OPTIONAL:
        assert operation in str(answer.of("orders")["warnings"])
        assert operation in str(two_tables.recorded("orders")["warnings"])
        assert operation in str(answer.body["warnings"])


def test_a_key_that_may_not_be_used_to_read_what_was_exported_is_a_failure_by_name(two_tables: Stage) -> None:
    two_tables.aws.faults.deny("s3", "GetObject", resource=f"{BUCKET}/{PREFIX}/*/orders/AWSDynamoDB/*")
    answer = back_up()
    assert (answer.code, answer.statuses) == (207, {"orders": "FAILED", "customers": "COMPLETED"})
    assert "AccessDenied" in answer.of("orders")["error"]
    assert "GetObject" in answer.of("orders")["error"]


@pytest.mark.parametrize("key", ["manifest.json", "runs/*"])
def test_a_manifest_or_record_that_cannot_be_written_is_500_and_costs_no_second_export(
    two_tables: Stage, key: str
) -> None:
    fault = two_tables.aws.faults.deny("s3", "PutObject", resource=f"{BUCKET}/{PREFIX}/*/{key}")
    answer = back_up()
    assert answer.code == 500
    assert "AccessDenied" in answer.body["error"]
    assert "PutObject" in answer.body["error"]
    fault.clear()
    assert back_up().code == 200
    assert two_tables.exports_billed("orders") == 1
    assert two_tables.recorded("orders")["status"] == "COMPLETED"


@pytest.mark.parametrize("operation", ["ListObjectsV2", "GetObject", "PutObject"])
def test_a_bucket_that_denies_access_is_500_before_anything_is_billed(two_tables: Stage, operation: str) -> None:
    two_tables.aws.faults.deny("s3", operation)
    answer = back_up()
    assert answer.code == 500
    assert "AccessDenied" in answer.body["error"]
    assert two_tables.exports_started() == 0 or operation == "GetObject"


def test_a_missing_bucket_is_500_by_name_and_nothing_is_billed(two_tables: Stage, configure: Configure) -> None:
    configure("orders", BACKUP_BUCKET="no-such-bucket")
    answer = back_up()
    assert answer.code == 500
    assert "NoSuchBucket" in answer.body["error"]
    assert answer.body["s3_bucket"] == "no-such-bucket"
    assert two_tables.exports_started() == 0


def test_a_manifest_of_today_that_is_not_json_is_500_by_name_and_costs_one_export(two_tables: Stage) -> None:
    key = f"{PREFIX}/{today()}/manifest.json"
    two_tables.write(key, b"not json")
    for _ in range(2):
        answer = back_up()
        assert answer.code == 500
        assert key in answer.body["error"]
        assert two_tables.read(key) == b"not json"
    two_tables.s3.delete_object(Bucket=BUCKET, Key=key)
    assert back_up().code == 200
    assert two_tables.exports_billed("orders") == 1


def test_a_manifest_that_another_tool_wrote_today_is_kept_and_joined(two_tables: Stage) -> None:
    theirs = [
        {
            "table_name": name,
            "s3_prefix": f"x/{name}",
            "status": "COMPLETED",
            "export_arn": "arn:a",
            "item_count": count,
        }
        for name, count in (("orders", 1), ("theirs", 2), ("counted-as-text", "3"))
    ]
    two_tables.write(f"{PREFIX}/{today()}/manifest.json", json.dumps({"exports": theirs}).encode())
    answer = back_up()
    assert answer.code == 200, answer.body
    assert two_tables.recorded("theirs") == theirs[1]
    assert two_tables.recorded("orders")["item_count"] == 10
    assert two_tables.manifest()["total_exports"] == 4


def test_kms_key_and_bucket_owner_go_to_the_export(two_tables: Stage, configure: Configure) -> None:
    key = two_tables.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    configure("orders", EXPORT_KMS_KEY_ID=key, BACKUP_BUCKET_OWNER="123456789012")
    answer = back_up()
    assert answer.code == 200
    export = two_tables.dynamodb.describe_export(ExportArn=answer.of("orders")["export_arn"])["ExportDescription"]
    assert export["S3SseAlgorithm"] == "KMS"
    assert export["S3SseKmsKeyId"] == key
    assert export["S3BucketOwner"] == "123456789012"
    assert export["ExportType"] == "FULL_EXPORT"
    assert export["S3Prefix"] == f"{PREFIX}/{today()}/orders"
    assert export["ClientToken"]


def test_without_a_key_the_export_uses_the_default_encryption(two_tables: Stage) -> None:
    export = two_tables.dynamodb.describe_export(ExportArn=back_up().of("orders")["export_arn"])["ExportDescription"]
    assert export.get("S3SseAlgorithm", "AES256") == "AES256"
    assert "S3SseKmsKeyId" not in export
    assert "S3BucketOwner" not in export


def test_throttling_for_a_while_costs_time_only(two_tables: Stage) -> None:
    throttled = [
        two_tables.aws.faults.error("dynamodb", operation, code="ThrottlingException", times=3)
        for operation in ("DescribeTable", "ExportTableToPointInTime", "DescribeExport")
    ]
    assert back_up_in_turns(seconds=20)[-1].code == 200
    assert [fault.hits for fault in throttled] == [3, 3, 3]
    assert two_tables.exports_billed("orders") == 1


def test_more_exports_at_once_than_allowed_wait_for_each_other(two_tables: Stage) -> None:
    two_tables.aws.exports.configure(seconds=0.5, concurrent_exports=1)
    assert back_up_in_turns(seconds=20)[-1].code == 200
    assert two_tables.exports_billed("orders") == two_tables.exports_billed("customers") == 1
