"""A target table that does not exist: created from the captured definition, or imported by DynamoDB."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from sandbox import Sandbox
from tests.scenario.restore.kit import (
    ACCOUNT,
    DATE,
    PREFIX,
    Answer,
    Stage,
    canonicals,
    listening,
    restore,
    restore_in_turns,
    table_writes,
)

ITEMS = [
    {"id": {"S": f"{n % 7}"}, "at": {"N": str(n)}, "day": {"S": f"d{n % 3}"}, "blob": {"B": "AAECAw=="}}
    for n in range(20)
]
CREATE = {"create_missing_tables": True}
IMPORT = {"method": "import"}


def definition(**table: Any) -> dict[str, Any]:
    """A definition as the backup function captures it: everything that a table can have."""
    index_keys = [{"AttributeName": "day", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}]
    described = {
        "TableName": "orders",
        "TableArn": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/orders",
        "TableStatus": "ACTIVE",
        "AttributeDefinitions": [
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "at", "AttributeType": "N"},
            {"AttributeName": "day", "AttributeType": "S"},
        ],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
        "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
        "ProvisionedThroughput": {"NumberOfDecreasesToday": 0, "ReadCapacityUnits": 0, "WriteCapacityUnits": 0},
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "by-day",
                "KeySchema": index_keys,
                "Projection": {"ProjectionType": "ALL"},
                "IndexStatus": "ACTIVE",
                "ProvisionedThroughput": {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0},
                "IndexArn": "arn",
                "ItemCount": 20,
            }
        ],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        "DeletionProtectionEnabled": True,
        "CreationDateTime": "2025-01-01T00:00:00.000Z",
        **table,
    }
    return {
        "Table": {name: value for name, value in described.items() if value is not None},
        "TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"},
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "ENABLED"},
        },
        "Tags": [{"Key": "team", "Value": "shop"}, {"Key": "aws:cloudformation:stack-name", "Value": "x"}],
    }


LOCAL_INDEX = [
    {
        "IndexName": "by-day-locally",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "day", "KeyType": "RANGE"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
        "IndexArn": "arn",
    }
]


def back_up(stage: Stage, captured: Mapping[str, Any] | None = None, **how: Any) -> Any:
    """Fabricate a backup of table orders with its captured definition; the table itself does not exist."""
    key = f"{PREFIX}/{DATE}/runs/run-1/definitions/orders.json"
    stage.put(key, json.dumps(captured or definition()))
    return stage.back_up("orders", ITEMS, entry={"table_definition": key}, **how)


def assert_restored(stage: Stage, answer: Answer, table: str = "orders") -> None:
    result = answer.result
    assert (answer.code, result["status"], result["error"]) == (200, "COMPLETED", None)
    assert (result["items_written"], result["items_expected"], result["creates_target"]) == (20, 20, True)
    assert stage.items(table) == canonicals(ITEMS)


def assert_settings_again(stage: Stage, table: str = "orders") -> None:
    described = stage.dynamodb.describe_table(TableName=table)["Table"]
    assert described["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    assert described["DeletionProtectionEnabled"] is True
    assert [index["IndexName"] for index in described["GlobalSecondaryIndexes"]] == ["by-day"]
    ttl = stage.dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "expires")
    recovery = stage.dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert recovery["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    tags = stage.dynamodb.list_tags_of_resource(ResourceArn=described["TableArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "shop"}]


@pytest.mark.parametrize("how", [CREATE, IMPORT], ids=["create", "import"])
def test_a_lost_table_comes_back_with_items_indexes_and_settings(stage: Stage, how: dict[str, Any]) -> None:
    back_up(stage, file_count=2)
    assert_restored(stage, restore(how))
    assert_settings_again(stage)


@pytest.mark.parametrize("how", [CREATE, IMPORT], ids=["create", "import"])
def test_a_copy_under_another_name(stage: Stage, how: dict[str, Any]) -> None:
    back_up(stage)
    assert_restored(stage, restore({**how, "target_tables": {"orders": "orders-copy"}}), "orders-copy")
    assert_settings_again(stage, "orders-copy")
    assert stage.dynamodb.list_tables()["TableNames"] == ["orders-copy"]


def test_local_indexes_and_provisioned_capacity_are_created(stage: Stage) -> None:
    capacity = {"ReadCapacityUnits": 7, "WriteCapacityUnits": 9}
    index = {**definition()["Table"]["GlobalSecondaryIndexes"][0], "ProvisionedThroughput": capacity}
    captured = definition(
        BillingModeSummary=None,
        ProvisionedThroughput=capacity,
        GlobalSecondaryIndexes=[index],
        LocalSecondaryIndexes=LOCAL_INDEX,
    )
    back_up(stage, captured)
    assert_restored(stage, restore(CREATE))
    described = stage.dynamodb.describe_table(TableName="orders")["Table"]
    assert [one["IndexName"] for one in described["LocalSecondaryIndexes"]] == ["by-day-locally"]
    assert described["ProvisionedThroughput"]["WriteCapacityUnits"] == 9
    assert described["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]["ReadCapacityUnits"] == 7


def test_the_stream_begins_after_the_items(aws: Sandbox, stage: Stage) -> None:
    back_up(stage)
    restore(CREATE)
    order = [one.operation for one in aws.requests.list("dynamodb")]
    assert order.index("CreateTable") < order.index("BatchWriteItem") < order.index("UpdateTimeToLive")
    assert max(n for n, one in enumerate(order) if one == "BatchWriteItem") < order.index("UpdateTable")


@pytest.mark.parametrize("how", [CREATE, IMPORT], ids=["create", "import"])
def test_a_dry_run_says_that_it_would_create_the_table_and_does_not(
    aws: Sandbox, stage: Stage, how: dict[str, Any]
) -> None:
    back_up(stage)
    answer = restore({**how, "dry_run": True})
    assert (answer.code, answer.result["status"], answer.result["creates_target"]) == (200, "READY", True)
    assert stage.dynamodb.list_tables()["TableNames"] == []
    assert table_writes(aws) == []


@pytest.mark.parametrize("how", [CREATE, IMPORT], ids=["create", "import"])
def test_a_damaged_backup_creates_no_table(stage: Stage, how: dict[str, Any]) -> None:
    export = back_up(stage, file_count=2)
    stage.put(export.data_keys[1], export.objects[export.data_keys[1]][:-9])
    answer = restore(how)
    assert (answer.code, answer.result["status"]) == (500, "FAILED")
    assert stage.dynamodb.list_tables()["TableNames"] == []


@pytest.mark.parametrize("how", [CREATE, IMPORT], ids=["create", "import"])
def test_in_short_turns(stage: Stage, how: dict[str, Any]) -> None:
    back_up(stage, file_count=2)
    answers = restore_in_turns(how, seconds=0.3)
    assert_restored(stage, answers[-1])
    assert_settings_again(stage)


def test_an_existing_table_is_restored_as_ever_and_keeps_its_settings(stage: Stage) -> None:
    back_up(stage)
    stage.create_table("orders", (("id", "S"), ("at", "N")))
    answer = restore(CREATE)
    assert (answer.code, answer.result["creates_target"]) == (200, False)
    described = stage.dynamodb.describe_table(TableName="orders")["Table"]
    assert not described.get("StreamSpecification")
    assert "GlobalSecondaryIndexes" not in described


def test_a_restore_that_died_after_creating_is_finished_by_the_next_one(stage: Stage, aws: Sandbox) -> None:
    back_up(stage)
    with aws.faults.deny("dynamodb", "BatchWriteItem"):
        assert restore(CREATE).code == 500
    assert_restored(stage, restore(CREATE))
    assert_settings_again(stage)


def test_an_import_into_an_existing_table_is_refused(aws: Sandbox, stage: Stage) -> None:
    back_up(stage)
    stage.create_table("orders", (("id", "S"), ("at", "N")))
    answer = restore(IMPORT)
    assert (answer.code, answer.result["status"]) == (500, "FAILED")
    assert "exists already" in answer.errors
    assert aws.requests.count("dynamodb", "ImportTable") == 0


def test_an_import_of_a_table_with_local_indexes_is_refused(aws: Sandbox, stage: Stage) -> None:
    back_up(stage, definition(LocalSecondaryIndexes=LOCAL_INDEX))
    answer = restore(IMPORT)
    assert answer.code == 500
    assert "by-day-locally" in answer.errors
    assert "create_missing_tables" in answer.errors
    assert aws.requests.count("dynamodb", "ImportTable") == 0


def test_an_import_takes_no_file_that_the_manifest_does_not_list(aws: Sandbox, stage: Stage) -> None:
    export = back_up(stage)
    stage.put(f"{export.request.root}data/stranger.json.gz", b"")
    answer = restore(IMPORT)
    assert answer.code == 500
    assert "stranger.json.gz" in answer.errors
    assert aws.requests.count("dynamodb", "ImportTable") == 0


def test_an_import_that_leaves_items_out_is_a_failure(aws: Sandbox, stage: Stage) -> None:
    # DynamoDB reads the files itself, after our verification: it says how many items it took, and that is compared.
    refused = [*ITEMS, {"id": {"S": ""}, "at": {"N": "1"}}]
    key = f"{PREFIX}/{DATE}/runs/run-1/definitions/orders.json"
    stage.put(key, json.dumps(definition()))
    stage.back_up("orders", refused, entry={"table_definition": key})
    answer = restore(IMPORT)
    assert (answer.code, answer.result["status"]) == (207, "FAILED")
    assert "20 of 21" in answer.errors
    assert "delete it" in answer.errors


@pytest.mark.parametrize(
    ("service", "operation", "code", "told"),
    [("s3", "ListObjectsV2", 500, "after it had been verified"), ("dynamodb", "ImportTable", 207, "delete it")],
    ids=["before", "meanwhile"],
)
def test_an_import_of_files_that_are_replaced_is_a_failure(
    aws: Sandbox, stage: Stage, service: str, operation: str, code: int, told: str
) -> None:
    # As many items, but others: the count alone would not tell.
    export = back_up(stage)
    other = stage.export("orders", [{**item, "blob": {"B": "////"}} for item in ITEMS])

    def replace(params: dict[str, Any], **_: Any) -> None:
        if service == "dynamodb" or "data/" in str(params):
            stage.put(export.data_keys[0], other.objects[other.data_keys[0]])

    from dynamodb_backup.aws import clients  # noqa: PLC0415 - the clients of this stage's environment

    with listening(getattr(clients(), service), f"before-call.{service}.{operation}", replace):
        answer = restore(IMPORT)
    assert (answer.code, answer.result["status"]) == (code, "FAILED")
    assert export.data_keys[0] in answer.errors
    assert told in answer.errors
    assert aws.requests.count("dynamodb", "ImportTable") == (service == "dynamodb")


@pytest.mark.parametrize("how", [CREATE, IMPORT], ids=["create", "import"])
@pytest.mark.parametrize("captured", ["nothing", "not JSON", "no table"])
def test_without_a_captured_definition_nothing_is_created(stage: Stage, how: dict[str, Any], captured: str) -> None:
    key = f"{PREFIX}/{DATE}/runs/run-1/definitions/orders.json"
    if captured != "nothing":
        stage.put(key, "{" if captured == "not JSON" else "{}")
    stage.back_up("orders", ITEMS, entry={} if captured == "nothing" else {"table_definition": key})
    answer = restore(how)
    assert answer.code == 500
    assert "target table orders does not exist and cannot be created" in answer.errors
    assert "definition" in answer.errors
    assert stage.dynamodb.list_tables()["TableNames"] == []


@pytest.mark.parametrize("how", [CREATE, IMPORT], ids=["create", "import"])
def test_a_role_that_may_not_create_tables_says_which_input_allows_it(
    aws: Sandbox, stage: Stage, how: dict[str, Any]
) -> None:
    back_up(stage)
    with aws.faults.deny("dynamodb", "CreateTable"), aws.faults.deny("dynamodb", "ImportTable"):
        answer = restore(how)
    assert answer.code == 500
    assert "restore_creates_tables" in answer.errors


def test_a_setting_that_cannot_be_put_on_is_a_warning(aws: Sandbox, stage: Stage) -> None:
    back_up(stage)
    with aws.faults.deny("dynamodb", "UpdateTimeToLive"):
        answer = restore(CREATE)
    assert_restored(stage, answer)
    assert any("TTL" in warning for warning in answer.body["warnings"])


@pytest.mark.parametrize("how", [CREATE, IMPORT], ids=["create", "import"])
def test_a_proof_is_done_before_ttl_and_streams_are_on(aws: Sandbox, stage: Stage, how: dict[str, Any]) -> None:
    back_up(stage)
    answer = restore({**how, "prove": True})
    assert_restored(stage, answer)
    assert answer.result["proven"] is True
    assert_settings_again(stage)
    order = [one.operation for one in aws.requests.list("dynamodb")]
    assert order.index("Scan") < min(order.index("UpdateTimeToLive"), order.index("UpdateTable"))


@pytest.mark.parametrize("code", ["ResourceInUseException", "ContinuousBackupsUnavailableException"])
def test_a_setting_that_must_wait_for_another_is_put_on_later(aws: Sandbox, stage: Stage, code: str) -> None:
    back_up(stage)
    operation = "UpdateTable" if code == "ResourceInUseException" else "UpdateContinuousBackups"
    aws.faults.error("dynamodb", operation, code=code, status=400, times=2)
    answer = restore(CREATE)
    assert_restored(stage, answer)
    assert_settings_again(stage)
    assert "warnings" not in answer.body


def test_a_warning_of_one_setting_survives_another_that_must_wait(aws: Sandbox, stage: Stage) -> None:
    back_up(stage)
    aws.faults.error("dynamodb", "UpdateTable", code="ResourceInUseException", status=400, times=1)
    with aws.faults.deny("dynamodb", "UpdateContinuousBackups"):
        answer = restore(CREATE)
    assert_restored(stage, answer)
    assert any("point-in-time recovery" in warning for warning in answer.body["warnings"])


def test_warm_throughput_is_asked_for(aws: Sandbox, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        asked.append(json.loads(params["body"])["WarmThroughput"])

    from dynamodb_backup.aws import clients  # noqa: PLC0415 - the clients of this stage's environment

    back_up(stage)
    with listening(clients().dynamodb, "before-call.dynamodb.CreateTable", note):
        assert_restored(stage, restore({**CREATE, "warm_write_units_per_second": 12_000}))
    assert asked == [{"WriteUnitsPerSecond": 12_000}]
