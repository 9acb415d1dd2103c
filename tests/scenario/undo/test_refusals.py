"""What an undo refuses, by name and before an item is touched."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox import exports
from tests.scenario.restore.kit import BUCKET, TABLE_WRITES, canonicals
from tests.scenario.undo.kit import UndoStage, moment, undo

KEY: dict[str, Any] = {"id": {"S": "a"}}
OLD, NEW = KEY | {"v": {"S": "old"}}, KEY | {"v": {"S": "new"}}


@pytest.fixture
def stage(stage: UndoStage) -> UndoStage:
    stage.create_table("orders")
    stage.fill("orders", [NEW])
    stage.aws.requests.clear()
    return stage


def assert_untouched(stage: UndoStage) -> None:
    assert stage.items("orders") == canonicals([NEW])
    assert not [one for one in stage.aws.requests.list("dynamodb") if one.operation in TABLE_WRITES - {"PutItem"}]


def refused(stage: UndoStage, event: dict[str, Any]) -> str:
    answer = undo({"tables": ["orders"], **event})
    assert answer.code == 500
    assert_untouched(stage)
    return str(answer.body.get("error") or answer.result["error"])


def test_an_export_without_old_images(stage: UndoStage) -> None:
    place = stage.window_export("orders", [(KEY, None, NEW)], output_view="NEW_IMAGE")
    assert "has no old images" in refused(stage, {"export": place})


def test_a_full_export(stage: UndoStage) -> None:
    export = stage.export("orders", [NEW])
    stage.upload(export)
    assert "is a FULL_EXPORT" in refused(stage, {"export": f"s3://{BUCKET}/{export.request.root}"})


def test_an_export_of_another_table(stage: UndoStage) -> None:
    stage.create_table("users")
    place = stage.window_export("users", [(KEY, OLD, NEW)])
    assert "is an export of table users, not of orders" in refused(stage, {"export": place})


def test_a_table_that_was_created_again(stage: UndoStage) -> None:
    place = stage.window_export("orders", [(KEY, OLD, NEW)], table_id="99999999-2222-3333-4444-555555555555")
    assert "was created again since the window" in refused(stage, {"export": place})
    place = stage.window_export("orders", [(KEY, OLD, NEW)], end=datetime.now(UTC) - timedelta(days=1))
    assert "was created again since the window" in refused(stage, {"export": place})


@pytest.mark.parametrize("keys", [{"id": {"N": "1"}}, {"other": {"S": "a"}}, KEY | {"sk": {"S": "a"}}])
def test_a_key_schema_that_is_another_now(stage: UndoStage, keys: dict[str, Any]) -> None:
    place = stage.window_export("orders", [(KEY, OLD, NEW), (keys, keys, None)])
    assert "were others in the window: they are id (S) now" in refused(stage, {"export": place})


def test_an_image_of_another_key(stage: UndoStage) -> None:
    place = stage.window_export("orders", [(KEY, {"id": {"S": "b"}}, NEW)])
    assert "is not of its own key" in refused(stage, {"export": place})


def test_a_damaged_file(stage: UndoStage) -> None:
    place = stage.window_export("orders", [(KEY, OLD, NEW)])
    (file,) = stage.keys("native-exports/made-by-hand/AWSDynamoDB/data/")
    stage.put(file, exports.data_file([exports.incremental_line(1, KEY, NEW, OLD)]).body)
    assert "is altered" in refused(stage, {"export": place})


@pytest.mark.parametrize(
    ("event", "named"),
    [
        ({}, "field 'from' is missing"),
        ({"from": "2026-01-01T00:00:00Z"}, "field 'to' is missing"),
        ({"from": "yesterday", "to": "2026-01-01T00:00:00Z"}, "field 'from' must be a time in UTC"),
        ({"from": "2026-01-32T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "there is no time 2026-01-32T00:00:00Z"),
        ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "is not before 'to'"),
        ({"from": "2026-01-01T00:00:00Z", "to": "2026-01-03T00:00:00Z"}, "more than 24 hours"),
        ({"to": "2026-01-03T00:00:00Z", "export": "s3://b/AWSDynamoDB/1/"}, "has its own window"),
        ({"export": "s3://b/1/"}, "field 'export' must be the place of an incremental export"),
        ({"export": "s3://b/AWSDynamoDB/1/", "tables": ["orders", "users"]}, "belongs to one table"),
        ({"export": "s3://b/AWSDynamoDB/1/", "keys": [KEY], "partition_keys": [KEY]}, "stands instead of 'keys'"),
        ({"export": "s3://b/AWSDynamoDB/1/", "keys": [{"id": {"N": "1"}}]}, "entry 1 the attributes id (N)"),
        ({"export": "s3://b/AWSDynamoDB/1/", "clear": True}, "field 'clear' is unknown"),
        ({"undo_id": "20260101T000000Z-none"}, "there is no undo '20260101T000000Z-none'"),
    ],
)
def test_events(stage: UndoStage, event: dict[str, Any], named: str) -> None:
    assert named in refused(stage, event)


@pytest.mark.parametrize(("confirm", "said"), [({}, "add"), ({"confirm": ["orders", "users"]}, "give")])
def test_a_table_whose_name_is_not_confirmed(
    stage: UndoStage, monkeypatch: pytest.MonkeyPatch, confirm: dict[str, Any], said: str
) -> None:
    monkeypatch.setenv("REQUIRE_CONFIRMATION", "true")
    event = {"export": stage.window_export("orders", [(KEY, OLD, NEW)])}

    assert f'reverts changes of orders; if you mean that, {said} "confirm": "orders"' in refused(stage, event | confirm)

    assert undo({"tables": ["orders"], "dry_run": True, **event}).code == 200
    begun = undo({"tables": ["orders"], "confirm": "orders", **event}, seconds=0)
    ended = undo({"undo_id": begun.body["undo_id"]})
    assert (ended.code, ended.result["items_reverted"]) == (200, 1)


def test_all_tables_are_confirmed_by_all_names(stage: UndoStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUIRE_CONFIRMATION", "true")
    monkeypatch.setenv("DYNAMODB_TABLES", '["users", "orders"]')
    window = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T01:00:00Z"}
    assert 'add "confirm": ["orders", "users"]' in str(undo(window).body["error"])


def test_a_table_of_another_environment(stage: UndoStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE_NAME_PATTERN", "shop-.*")
    assert "names a forbidden target" in refused(stage, {"export": "s3://b/AWSDynamoDB/1/"})


def test_a_window_that_dynamodb_cannot_export(stage: UndoStage) -> None:
    now = datetime.now(UTC)
    window = {"from": moment(now - timedelta(days=2, hours=1)), "to": moment(now - timedelta(days=2))}
    assert "DynamoDB cannot export this window" in refused(stage, window)


def test_other_fields_than_the_undo_began_with(stage: UndoStage) -> None:
    event = {"tables": ["orders"], "export": stage.window_export("orders", [(KEY, OLD, OLD)]), "keys": [KEY]}
    undo_id = undo(event, seconds=0).body["undo_id"]
    answer = undo({"undo_id": undo_id, "keys": [{"id": {"S": "secret"}}]})
    assert "field 'keys' differs from the request that began undo" in answer.body["error"]
    assert "secret" not in answer.body["error"]


def test_an_export_that_fails_is_tried_anew_by_the_next_undo(stage: UndoStage) -> None:
    with stage.window() as window:
        pass
    settings: dict[str, Any] = {
        "seconds": 0, "minimum_window_seconds": 0, "restorable_lag_seconds": 0, "pitr_age_seconds": 3600,
    }  # fmt: skip
    stage.aws.exports.configure(**settings, fail_with="S3AccessDenied")
    assert "export of the window failed: S3AccessDenied" in refused(stage, window)
    stage.aws.exports.configure(**settings, fail_with=None)
    answer = undo({"tables": ["orders"], **window})
    assert (answer.code, answer.result["changes_in_window"]) == (200, 0)


def test_an_undo_leaves_audit_records(stage: UndoStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT_LOG_GROUP", "audit")
    stage.aws.client("logs").create_log_group(logGroupName="audit")
    answer = undo({"tables": ["orders"], "keys": [KEY], "export": stage.window_export("orders", [(KEY, OLD, NEW)])})

    assert (answer.code, answer.body.get("warnings")) == (200, None)
    events = stage.aws.client("logs").filter_log_events(logGroupName="audit")["events"]
    began, ended = [json.loads(event["message"]) for event in events]
    assert (began["act"], began["id"], began["event"]["keys"]) == ("undo", answer.body["undo_id"], "1, not shown")
    assert ended["outcome"]["tables"] == [{"table_name": "orders", "status": "COMPLETED", "items_reverted": 1}]
    (key,) = stage.keys("native-exports/audit/")
    kept = json.loads(stage.get(key))
    assert (kept["act"], set(kept)) == ("undo", {"act", "id", "environment", "began", "ended"})
