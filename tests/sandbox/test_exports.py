"""ExportTableToPointInTime, DescribeExport and ListExports of the sandbox behave as DynamoDB's."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox import Sandbox
from tests.sandbox.tables import create_table, export, put, wait


@pytest.fixture
def table_arn(aws: Sandbox) -> str:
    aws.exports.configure(seconds=0)
    aws.client("s3").create_bucket(Bucket="backups")
    return create_table(aws, "users")


def read(aws: Sandbox, key: str) -> bytes:
    body: bytes = aws.client("s3").get_object(Bucket="backups", Key=key)["Body"].read()
    return body


def listing(aws: Sandbox, description: dict[str, Any]) -> list[dict[str, Any]]:
    files = read(aws, description["ExportManifest"].replace("summary", "files"))
    return [json.loads(line) for line in files.splitlines()]


def exported(aws: Sandbox, description: dict[str, Any]) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for file in listing(aws, description):
        lines += [json.loads(line) for line in gzip.decompress(read(aws, file["dataFileS3Key"])).splitlines()]
    return lines


def ids(lines: list[dict[str, Any]]) -> set[str]:
    return {line["Item"]["id"]["S"] for line in lines}


def refused(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_every_listed_checksum_etag_and_count_is_true(aws: Sandbox, table_arn: str) -> None:
    put(aws, "users", *(f"u{number}" for number in range(40)))

    description = export(aws, table_arn)

    files = listing(aws, description)
    assert len(files) == 4
    for file in files:
        body = read(aws, file["dataFileS3Key"])
        head = aws.client("s3").head_object(Bucket="backups", Key=file["dataFileS3Key"])
        assert file["md5Checksum"] == base64.b64encode(hashlib.md5(body).digest()).decode()
        assert head["ETag"] == f'"{file["etag"]}"'
        assert file["itemCount"] == len(gzip.decompress(body).splitlines())
    assert description["ItemCount"] == sum(file["itemCount"] for file in files) == 40


def test_md5_companions_match_their_manifests(aws: Sandbox, table_arn: str) -> None:
    key = export(aws, table_arn)["ExportManifest"]

    for manifest in (key, key.replace("summary", "files")):
        digest = base64.b64encode(hashlib.md5(read(aws, manifest)).digest())
        assert read(aws, manifest.replace(".json", ".md5")) == digest


def test_an_empty_table_has_data_files(aws: Sandbox, table_arn: str) -> None:
    assert [file["itemCount"] for file in listing(aws, export(aws, table_arn))] == [0, 0, 0, 0]


def test_binary_values_stay_base64_and_numbers_strings(aws: Sandbox, table_arn: str) -> None:
    item = {
        "id": {"S": "a"},
        "b": {"B": b"hello"},
        "bs": {"BS": [b"x"]},
        "n": {"N": "1.50"},
        "m": {"M": {"B": {"S": ""}}},
    }
    aws.client("dynamodb").put_item(TableName="users", Item=item)

    (line,) = exported(aws, export(aws, table_arn))

    wire = {
        "id": {"S": "a"},
        "b": {"B": "aGVsbG8="},
        "bs": {"BS": ["eA=="]},
        "n": {"N": "1.5"},
        "m": {"M": {"B": {"S": ""}}},
    }
    assert line == {"Item": wire}


def test_every_way_of_writing_is_exported(aws: Sandbox, table_arn: str) -> None:
    dynamodb = aws.client("dynamodb")
    put(aws, "users", "put", "deleted")
    dynamodb.update_item(
        TableName="users",
        Key={"id": {"S": "updated"}},
        UpdateExpression="SET v = :v",
        ExpressionAttributeValues={":v": {"S": "1"}},
    )
    dynamodb.batch_write_item(RequestItems={"users": [{"PutRequest": {"Item": {"id": {"S": "batch"}}}}]})
    dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": "users", "Item": {"id": {"S": "transact"}}}}])
    dynamodb.execute_statement(Statement="INSERT INTO \"users\" VALUE {'id': 'partiql'}")
    dynamodb.delete_item(TableName="users", Key={"id": {"S": "deleted"}})

    lines = exported(aws, export(aws, table_arn))

    assert ids(lines) == {"put", "updated", "batch", "transact", "partiql"}


def test_the_data_are_those_of_the_call(aws: Sandbox, table_arn: str) -> None:
    aws.exports.configure(seconds=0.5)
    put(aws, "users", "before")
    arn = aws.client("dynamodb").export_table_to_point_in_time(TableArn=table_arn, S3Bucket="backups")
    put(aws, "users", "after")

    assert ids(exported(aws, wait(aws, arn["ExportDescription"]["ExportArn"]))) == {"before"}


def test_an_export_time_in_the_past_shows_the_table_of_then(aws: Sandbox, table_arn: str) -> None:
    aws.exports.configure(restorable_lag_seconds=0)
    put(aws, "users", "kept", "deleted later")
    moment = (datetime.now(UTC) + timedelta(seconds=1)).replace(microsecond=0)
    time.sleep(1.1)
    aws.client("dynamodb").delete_item(TableName="users", Key={"id": {"S": "deleted later"}})
    put(aws, "users", "added later")

    assert ids(exported(aws, export(aws, table_arn, ExportTime=moment))) == {"kept", "deleted later"}


def test_an_incremental_export_holds_one_final_state_per_key(aws: Sandbox, table_arn: str) -> None:
    aws.exports.configure(minimum_window_seconds=0, pitr_age_seconds=60)
    put(aws, "users", "updated", "deleted", "untouched")
    time.sleep(1.1)
    start = datetime.now(UTC).replace(microsecond=0)
    dynamodb = aws.client("dynamodb")
    dynamodb.put_item(TableName="users", Item={"id": {"S": "updated"}, "v": {"N": "1"}})
    dynamodb.put_item(TableName="users", Item={"id": {"S": "updated"}, "v": {"N": "2"}})
    dynamodb.delete_item(TableName="users", Key={"id": {"S": "deleted"}})
    put(aws, "users", "inserted", "came and went")
    dynamodb.delete_item(TableName="users", Key={"id": {"S": "came and went"}})
    time.sleep(1.1)
    end = datetime.now(UTC).replace(microsecond=0)

    description = export(
        aws,
        table_arn,
        ExportType="INCREMENTAL_EXPORT",
        IncrementalExportSpecification={"ExportFromTime": start, "ExportToTime": end},
    )

    changes = {line["Keys"]["id"]["S"]: line for line in exported(aws, description)}
    assert set(changes) == {"updated", "deleted", "inserted"}
    assert "OldImage" not in changes["inserted"]
    assert "NewImage" not in changes["deleted"]
    assert changes["updated"]["OldImage"] == {"id": {"S": "updated"}}
    assert changes["updated"]["NewImage"] == {"id": {"S": "updated"}, "v": {"N": "2"}}
    summary = json.loads(read(aws, description["ExportManifest"]))
    assert (summary["version"], summary["exportType"]) == ("2023-08-01", "INCREMENTAL_EXPORT")
    assert all(file["dataFileS3Key"].startswith("exports/AWSDynamoDB/data/") for file in listing(aws, description))


def test_counts_and_manifest_appear_only_at_the_end(aws: Sandbox, table_arn: str) -> None:
    aws.exports.configure(seconds=30)

    started = aws.client("dynamodb").export_table_to_point_in_time(TableArn=table_arn, S3Bucket="backups")

    description = started["ExportDescription"]
    assert description["ExportStatus"] == "IN_PROGRESS"
    assert not {"ItemCount", "BilledSizeBytes", "ExportManifest", "EndTime"} & set(description)


def test_the_same_client_token_is_the_same_export(aws: Sandbox, table_arn: str) -> None:
    first = export(aws, table_arn, ClientToken="token")

    assert export(aws, table_arn, ClientToken="token")["ExportArn"] == first["ExportArn"]


def test_a_client_token_with_other_parameters_is_a_conflict(aws: Sandbox, table_arn: str) -> None:
    export(aws, table_arn, ClientToken="token")

    with pytest.raises(ClientError) as error:
        export(aws, table_arn, ClientToken="token", S3Prefix="elsewhere")
    assert refused(error) == "ExportConflictException"


def test_an_export_needs_point_in_time_recovery(aws: Sandbox, table_arn: str) -> None:
    without = create_table(aws, "without", pitr=False)

    with pytest.raises(ClientError) as error:
        export(aws, without)
    assert refused(error) == "PointInTimeRecoveryUnavailableException"


def test_a_missing_table_is_named(aws: Sandbox, table_arn: str) -> None:
    with pytest.raises(ClientError) as error:
        export(aws, table_arn + "x")
    assert refused(error) == "TableNotFoundException"


@pytest.mark.parametrize("minutes", [-60, 60])
def test_an_export_time_outside_the_window_is_refused(aws: Sandbox, table_arn: str, minutes: int) -> None:
    with pytest.raises(ClientError) as error:
        export(aws, table_arn, ExportTime=datetime.now(UTC) + timedelta(minutes=minutes))
    assert refused(error) == "InvalidExportTimeException"


def test_a_short_incremental_window_is_refused(aws: Sandbox, table_arn: str) -> None:
    aws.exports.configure(pitr_age_seconds=3600)
    now = datetime.now(UTC)
    window = {"ExportFromTime": now - timedelta(minutes=14), "ExportToTime": now}

    with pytest.raises(ClientError) as error:
        export(aws, table_arn, ExportType="INCREMENTAL_EXPORT", IncrementalExportSpecification=window)
    assert refused(error) == "InvalidExportTimeException"


def test_too_many_exports_at_once_are_refused(aws: Sandbox, table_arn: str) -> None:
    aws.exports.configure(seconds=30, concurrent_exports=1)
    aws.client("dynamodb").export_table_to_point_in_time(TableArn=table_arn, S3Bucket="backups")

    with pytest.raises(ClientError) as error:
        aws.client("dynamodb").export_table_to_point_in_time(TableArn=table_arn, S3Bucket="backups")
    assert refused(error) == "LimitExceededException"


def test_a_missing_bucket_is_accepted_and_fails_later(aws: Sandbox, table_arn: str) -> None:
    description = export(aws, table_arn, S3Bucket="nowhere")

    assert (description["ExportStatus"], description["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
    assert "ExportManifest" not in description


def test_an_export_is_encrypted_with_the_key_that_it_names(aws: Sandbox, table_arn: str) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]

    description = export(aws, table_arn, S3SseAlgorithm="KMS", S3SseKmsKeyId=key)

    head = aws.client("s3").head_object(Bucket="backups", Key=description["ExportManifest"])
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)
    summary = json.loads(read(aws, description["ExportManifest"]))
    assert (summary["s3SseAlgorithm"], summary["s3SseKmsKeyId"]) == ("KMS", key)


def test_a_missing_key_fails_the_export_later(aws: Sandbox, table_arn: str) -> None:
    missing = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"

    assert export(aws, table_arn, S3SseAlgorithm="KMS", S3SseKmsKeyId=missing)["FailureCode"] == "KmsNotFoundException"


def test_an_export_can_be_imported_into_a_new_table(aws: Sandbox, table_arn: str) -> None:
    put(aws, "users", "a", "b")
    prefix = export(aws, table_arn)["ExportManifest"].replace("manifest-summary.json", "data/")
    dynamodb = aws.client("dynamodb")
    imported = dynamodb.import_table(
        S3BucketSource={"S3Bucket": "backups", "S3KeyPrefix": prefix},
        InputFormat="DYNAMODB_JSON",
        InputCompressionType="GZIP",
        TableCreationParameters={
            "TableName": "copy",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
    )["ImportTableDescription"]["ImportArn"]

    deadline = time.monotonic() + 10
    while dynamodb.describe_import(ImportArn=imported)["ImportTableDescription"]["ImportStatus"] == "IN_PROGRESS":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert {item["id"]["S"] for item in dynamodb.scan(TableName="copy")["Items"]} == {"a", "b"}


def test_an_export_fails_as_it_is_told_to(aws: Sandbox, table_arn: str) -> None:
    aws.exports.configure(fail_with="S3AccessDenied")

    assert export(aws, table_arn)["FailureCode"] == "S3AccessDenied"


def test_an_export_is_described_after_its_table_is_gone_but_no_longer_listed(aws: Sandbox, table_arn: str) -> None:
    dynamodb = aws.client("dynamodb")
    arn = export(aws, table_arn)["ExportArn"]
    assert [summary["ExportArn"] for summary in dynamodb.list_exports()["ExportSummaries"]] == [arn]

    dynamodb.delete_table(TableName="users")

    assert dynamodb.list_exports()["ExportSummaries"] == []
    assert dynamodb.describe_export(ExportArn=arn)["ExportDescription"]["ExportStatus"] == "COMPLETED"


def test_an_unknown_setting_is_refused(aws: Sandbox) -> None:
    with pytest.raises(ValueError, match="unknown settings"):
        aws.exports.configure(second=1)


def test_large_partitions_have_several_files(aws: Sandbox, table_arn: str) -> None:
    aws.exports.configure(partitions=1, items_per_file=3)
    put(aws, "users", *"abcdefg")

    assert [file["itemCount"] for file in listing(aws, export(aws, table_arn))] == [3, 3, 1]


def test_items_of_one_partition_key_share_a_file(aws: Sandbox, table_arn: str) -> None:
    arn = create_table(aws, "events", sort_key=True)
    for number in range(12):
        item = {"id": {"S": "abc"[number % 3]}, "at": {"N": str(number)}}
        aws.client("dynamodb").put_item(TableName="events", Item=item)

    holders: dict[str, set[str]] = {}
    for file in listing(aws, export(aws, arn)):
        for line in gzip.decompress(read(aws, file["dataFileS3Key"])).splitlines():
            holders.setdefault(json.loads(line)["Item"]["id"]["S"], set()).add(file["dataFileS3Key"])
    assert {key: len(files) for key, files in holders.items()} == {"a": 1, "b": 1, "c": 1}
