"""Where a backup goes: the target table, its keys, and the naming convention of the environment."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox import Sandbox
from tests.scenario.restore.kit import DATE, PREFIX, Answer, Stage, canonicals, restore, strings, table_writes

ITEMS = strings(30)
COMPOSITE = [{"id": {"S": f"{n % 10}"}, "at": {"N": str(n)}, "v": {"S": "x"}} for n in range(30)]


def capture_definition(stage: Stage, table: str) -> dict[str, Any]:
    """Write a captured definition as the backup function does; return the entry's field that names it."""
    key = f"{PREFIX}/{DATE}/runs/run-1/definitions/{table}.json"
    stage.put(key, json.dumps({"Table": stage.dynamodb.describe_table(TableName=table)["Table"]}, default=str))
    return {"table_definition": key}


def assert_untouched(aws: Sandbox, answer: Answer, *words: str) -> None:
    assert (answer.code, answer.result["status"]) == (500, "FAILED")
    for word in words:
        assert word in answer.errors
    assert table_writes(aws) == []


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_missing_target_is_named(aws: Sandbox, stage: Stage, *, dry_run: bool) -> None:
    stage.back_up("orders", ITEMS)
    assert_untouched(aws, restore({"dry_run": dry_run}), "orders", "does not exist")


@pytest.mark.parametrize(("captured", "clear"), [(False, True), (True, False)], ids=["clear", "captured"])
@pytest.mark.parametrize(
    ("source", "target", "items"),
    [
        ([("id", "S")], [("key", "S")], ITEMS),
        ([("id", "S")], [("id", "N")], ITEMS),
        ([("id", "S")], [("id", "B")], ITEMS),
        ([("id", "S")], [("id", "S"), ("at", "N")], ITEMS),
        ([("id", "S"), ("at", "N")], [("id", "S"), ("at", "S")], COMPOSITE),
        ([("id", "S"), ("at", "N")], [("at", "N"), ("other", "S")], COMPOSITE),
        ([("id", "S"), ("at", "N")], [("id", "S")], COMPOSITE),
    ],
    ids=["name", "type N", "type B", "range key more", "range key type", "other keys", "range key less"],
)
def test_a_target_with_other_keys_is_refused(
    aws: Sandbox,
    stage: Stage,
    source: list[tuple[str, str]],
    target: list[tuple[str, str]],
    items: list[Any],
    *,
    captured: bool,
    clear: bool,
) -> None:
    entry = {}
    if captured:
        stage.create_table("orders", source)
        entry = capture_definition(stage, "orders")
        stage.dynamodb.delete_table(TableName="orders")
    stage.create_table("orders", target)
    stage.back_up("orders", items, file_count=3, entry=entry)

    for dry_run in (True, False):
        answer = restore({"dry_run": dry_run, "clear_existing_data": clear})
        assert_untouched(aws, answer, "key schema", " + ".join(f"{name} ({kind})" for name, kind in target))


def test_exchanged_partition_and_sort_key_are_another_schema(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("orders", [("id", "S"), ("at", "N")])
    entry = capture_definition(stage, "orders")
    stage.dynamodb.delete_table(TableName="orders")
    stage.create_table("orders", [("at", "N"), ("id", "S")])
    stage.back_up("orders", COMPOSITE, entry=entry)

    assert_untouched(aws, restore(), "key schema")


@pytest.mark.parametrize("body", ["{", "[]", "{}", '{"Table":{}}', None], ids=repr)
def test_a_captured_definition_that_cannot_be_read_is_a_warning(stage: Stage, body: str | None) -> None:
    stage.create_table("orders")
    key = f"{PREFIX}/{DATE}/runs/run-1/definitions/orders.json"
    if body is not None:
        stage.put(key, body)
    stage.back_up("orders", ITEMS, entry={"table_definition": key})

    answer = restore()

    assert answer.code == 200
    assert any("orders.json" in warning for warning in answer.result["warnings"])


def test_target_tables_redirects_and_leaves_the_source_alone(aws: Sandbox, stage: Stage) -> None:
    for table in ("orders", "copy", "customers"):
        stage.create_table(table)
    stage.back_up("orders", ITEMS)
    stage.back_up("customers", ITEMS)

    answer = restore({"backup_date": DATE, "target_tables": {"orders": "copy"}})

    assert answer.code == 200
    assert {one["table_name"]: one["target_table"] for one in answer.body["restore_results"]} == {
        "orders": "copy",
        "customers": "customers",
    }
    assert stage.items("copy") == stage.items("customers") == canonicals(ITEMS)
    assert stage.items("orders") == []
    assert {table for write in table_writes(aws) for table in write.resources} == {"copy", "customers"}


def test_tables_and_target_tables_restore_only_what_tables_names(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("copy")
    stage.back_up("orders", ITEMS)
    stage.back_up("customers", ITEMS)

    answer = restore({"tables": ["orders"], "target_tables": {"orders": "copy"}})

    assert (answer.code, answer.body["tables_requested"]) == (200, 1)
    assert {table for write in table_writes(aws) for table in write.resources} == {"copy"}


def test_two_tables_into_one_are_refused_also_when_the_backup_decides(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("orders")
    stage.create_table("customers")
    stage.back_up("orders", ITEMS)
    stage.back_up("customers", ITEMS)

    answer = restore({"backup_date": DATE, "target_tables": {"orders": "customers"}})

    assert answer.code == 500
    assert "'target_tables'" in answer.errors
    assert table_writes(aws) == []


@pytest.mark.parametrize("event", [{"backup_date": DATE}, {}], ids=["date", "latest"])
def test_a_source_that_the_backup_does_not_hold_is_refused(aws: Sandbox, stage: Stage, event: dict[str, Any]) -> None:
    stage.create_table("orders")
    stage.create_table("copy")
    stage.back_up("orders", ITEMS)

    answer = restore({**event, "target_tables": {"order": "copy"}})

    assert answer.code == 500
    assert "'order'" in answer.errors
    assert table_writes(aws) == []


# --- the naming convention


@pytest.fixture
def convention(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """An environment whose tables are app-test-*, and one target outside that the module's user allowed."""
    monkeypatch.setenv("TABLE_NAME_PATTERN", "app-test-[a-z]+")
    monkeypatch.setenv("RESTORE_TARGET_TABLES", '["app-prod-copy"]')
    monkeypatch.setenv("DYNAMODB_TABLES", '["app-test-orders"]')
    for table in ("app-test-orders", "app-test-orders2", "app-prod-orders", "app-prod-copy", "my-app-test-orders"):
        stage.create_table(table)
    stage.back_up("app-test-orders", ITEMS)
    stage.back_up("app-prod-orders", ITEMS)
    return stage


@pytest.mark.parametrize("target", ["app-prod-orders", "app-test-orders2", "my-app-test-orders", "app-test-"])
def test_a_target_outside_the_convention_is_refused(aws: Sandbox, convention: Stage, target: str) -> None:
    aws.requests.clear()
    events: list[dict[str, Any]] = [{}, {"backup_date": DATE}, {"backup_date": DATE, "dry_run": True}]
    for event in events:
        answer = restore({**event, "tables": ["app-test-orders"], "target_tables": {"app-test-orders": target}})
        assert answer.code == 500
        assert "'target_tables'" in answer.errors
        assert target in answer.errors
        assert "app-test-[a-z]+" in answer.errors
        assert aws.requests.list() == []


def test_a_table_outside_the_convention_is_refused(aws: Sandbox, convention: Stage) -> None:
    aws.requests.clear()
    answer = restore({"tables": ["app-prod-orders"]})
    assert answer.code == 500
    assert "'tables'" in answer.errors
    assert "app-prod-orders" in answer.errors
    assert aws.requests.list() == []


def test_a_backup_that_holds_a_table_outside_the_convention_fails_for_that_table(convention: Stage) -> None:
    answer = restore({"backup_date": DATE})

    assert answer.code == 207
    assert answer.of("app-test-orders")["status"] == "COMPLETED"
    assert answer.of("app-prod-orders")["status"] == "FAILED"
    assert "app-test-[a-z]+" in answer.of("app-prod-orders")["error"]
    assert convention.items("app-prod-orders") == []


def test_an_allowed_target_outside_the_convention_is_written(convention: Stage) -> None:
    answer = restore({"tables": ["app-test-orders"], "target_tables": {"app-test-orders": "app-prod-copy"}})
    assert answer.code == 200
    assert convention.items("app-prod-copy") == canonicals(ITEMS)


def test_a_source_of_another_environment_goes_into_a_target_of_this_one(convention: Stage) -> None:
    answer = restore({"tables": ["app-prod-orders"], "target_tables": {"app-prod-orders": "app-test-orders"}})
    assert answer.code == 200
    assert convention.items("app-test-orders") == canonicals(ITEMS)


def test_the_convention_is_checked_again_when_a_restore_goes_on(
    aws: Sandbox, convention: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, event = "app-prod-stock", {"target_tables": {"app-prod-stock": "app-prod-copy"}, "max_workers": 1}
    convention.back_up(source, ITEMS, file_count=10)
    begun = restore({"backup_date": DATE, "tables": [source], **event}, seconds=0)
    assert begun.code == 202
    monkeypatch.delenv("RESTORE_TARGET_TABLES")
    aws.requests.clear()

    answer = restore({"restore_id": begun.body["restore_id"]})

    assert answer.code == 500
    assert "app-prod-copy" in answer.errors
    assert table_writes(aws) == []


# --- export: any native export by its place


def test_an_export_anywhere_is_restored(stage: Stage) -> None:
    stage.create_table("orders")
    stage.s3.create_bucket(Bucket="elsewhere")
    export = stage.export("orders", ITEMS, file_count=2)
    for key, body in export.objects.items():
        stage.s3.put_object(Bucket="elsewhere", Key=key.replace(PREFIX, "deep/er"), Body=body)
    place = f"s3://elsewhere/{export.request.root.replace(PREFIX, 'deep/er')}"

    for ending in (place, place.rstrip("/")):
        answer = restore({"export": ending, "tables": ["orders"]})
        assert answer.code == 200
        assert answer.body["backup_date"] is None
        assert stage.items("orders") == canonicals(ITEMS)


def test_an_export_without_prefix_goes_into_another_table(stage: Stage) -> None:
    stage.create_table("copy")
    export = stage.export("orders", ITEMS)
    for key, body in export.objects.items():
        stage.put(key[key.index("AWSDynamoDB/") :], body)
    place = f"s3://backups/AWSDynamoDB/{export.export_id}/"

    answer = restore({"export": place, "target_tables": {"orders": "copy"}})

    assert (answer.code, answer.result["table_name"], answer.result["target_table"]) == (200, "orders", "copy")
    assert stage.items("copy") == canonicals(ITEMS)


def test_an_export_of_another_table_than_named_is_refused(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("customers")
    export = stage.export("orders", ITEMS)
    stage.upload(export)

    answer = restore({"export": f"s3://backups/{export.request.root}", "tables": ["customers"]})

    assert answer.code == 500
    assert "orders" in answer.errors
    assert table_writes(aws) == []


def test_an_export_that_is_not_there_is_named(stage: Stage) -> None:
    stage.create_table("orders")
    answer = restore({"export": "s3://backups/x/AWSDynamoDB/01715685260608-c488b4e1/", "tables": ["orders"]})
    assert answer.code == 500
    assert "s3://backups/x/AWSDynamoDB/01715685260608-c488b4e1/" in answer.errors


def test_an_export_into_a_table_with_coarser_keys_is_refused(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("orders")
    export = stage.export("orders", COMPOSITE, file_count=3)
    stage.upload(export)
    answer = restore({"export": f"s3://backups/{export.request.root}", "tables": ["orders"]})
    assert_untouched(aws, answer, "key")
