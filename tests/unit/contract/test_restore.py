"""The restore's event and result."""

from __future__ import annotations

from typing import Any

import pytest

from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.contract.restore_result import RestoreResult, TableRestore
from dynamodb_backup.errors import RequestRefused

EXPORT = "s3://backups/p/2026-01-31/orders/AWSDynamoDB/01715685260608-c488b4e1/"


def test_the_defaults_are_those_of_the_contract() -> None:
    request = RestoreRequest.from_event({})
    assert request.backup_date == "latest"
    assert request.tables is None
    assert request.dry_run is False
    assert request.clear_existing_data is False
    assert request.max_workers == 5
    assert request.target_tables == {}
    assert request.export is None


@pytest.mark.parametrize(
    ("event", "field", "said"),
    [
        ({"dryrun": True}, "dryrun", "dry_run"),
        ({"action": "list"}, "action", "restore"),
        ({"action": None}, "action", "null"),
        ({"backup_date": "2026-02-30"}, "backup_date", "2026-02-30"),
        ({"backup_date": "20260131"}, "backup_date", "2026-01-31"),
        ({"backup_date": "2026-1-31"}, "backup_date", "2026-01-31"),
        ({"backup_date": "2026-W05-6"}, "backup_date", "2026-01-31"),
        ({"backup_date": "2026-01-31T00:00:00Z"}, "backup_date", "2026-01-31"),
        ({"backup_date": "LATEST"}, "backup_date", "latest"),
        ({"backup_date": ""}, "backup_date", "latest"),
        ({"backup_date": None}, "backup_date", "null"),
        ({"backup_date": 20260131}, "backup_date", "integer"),
        ({"tables": "orders"}, "tables", "array"),
        ({"tables": []}, "tables", "non-empty"),
        ({"tables": ["a b c"]}, "tables", "a b c"),
        ({"dry_run": "true"}, "dry_run", '"true" (string)'),
        ({"dry_run": 1}, "dry_run", "true or false"),
        ({"dry_run": None}, "dry_run", "null"),
        ({"clear_existing_data": "yes"}, "clear_existing_data", "true or false"),
        ({"write_mode": "merge"}, "write_mode", "only_missing"),
        ({"write_mode": None}, "write_mode", "null"),
        ({"write_mode": "diff", "clear_existing_data": True}, "clear_existing_data", "mirror"),
        ({"write_mode": "mirror", "clear_existing_data": False}, "clear_existing_data", "mirror"),
        ({"write_mode": "diff", "method": "import"}, "write_mode", "import"),
        ({"prove": "yes"}, "prove", "true or false"),
        ({"prove": True, "dry_run": True}, "prove", "verify"),
        ({"max_workers": 0}, "max_workers", "from 1 to 64, but is 0"),
        ({"max_workers": 65}, "max_workers", "65"),
        ({"max_workers": -1}, "max_workers", "-1"),
        ({"max_workers": "5"}, "max_workers", '"5" (string)'),
        ({"max_workers": 5.0}, "max_workers", "number"),
        ({"max_workers": True}, "max_workers", "boolean"),
        ({"target_tables": ["a"]}, "target_tables", "object"),
        ({"target_tables": {"orders": 1}}, "target_tables", "1 (integer)"),
        ({"target_tables": {"orders": "x"}}, "target_tables", '"x"'),
        ({"target_tables": {"o": "orders"}}, "target_tables", '"o"'),
        ({"tables": ["orders"], "target_tables": {"users": "users-2"}}, "target_tables", "'users'"),
        ({"tables": ["orders", "users"], "target_tables": {"orders": "users"}}, "target_tables", "both"),
        ({"target_tables": {"orders": "copy", "users": "copy"}}, "target_tables", "both"),
        ({"export": "https://x"}, "export", "s3://bucket"),
        ({"export": 1}, "export", "integer"),
        ({"export": EXPORT}, "export", "exactly"),
        ({"export": EXPORT, "tables": ["orders", "users"]}, "export", "exactly"),
        ({"export": EXPORT, "tables": ["orders"], "backup_date": "latest"}, "export", "backup_date"),
        ({"restore_id": "../x"}, "restore_id", "../x"),
        ({"restore_id": ""}, "restore_id", '""'),
        ({"restore_to": "0001-01-01T00:00:00+14:00"}, "restore_to", "a time in UTC"),
        ({"restore_to": "9999-12-31T23:59:59-12:00"}, "restore_to", "a time in UTC"),
        ({"transform_salt": "\ud83d" * 16}, "transform_salt", "a string of 16 to 256 characters"),
        ("orders", "event", "object"),
    ],
)
def test_what_is_wrong_is_named_with_what_was_given_and_what_is_allowed(event: Any, field: str, said: str) -> None:
    with pytest.raises(RequestRefused) as refusal:
        RestoreRequest.from_event(event)
    assert refusal.value.field == field
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    "event",
    [
        {"backup_date": "2024-02-29", "tables": ["orders"], "dry_run": True, "max_workers": 64},
        {"target_tables": {"orders": "orders-copy"}, "clear_existing_data": True},
        {"export": EXPORT, "target_tables": {"orders": "orders-copy"}},
        {"export": EXPORT.rstrip("/"), "tables": ["orders"]},
        {"export": "s3://backups/AWSDynamoDB/01715685260608-c488b4e1", "tables": ["orders"]},
    ],
)
def test_what_is_right_survives_the_checkpoint(event: dict[str, Any]) -> None:
    request = RestoreRequest.from_event(event)
    stored = {name: value for name, value in request.to_dict().items() if name in event}
    assert RestoreRequest.from_event(stored) == request


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        (["COMPLETED"], 200),
        (["READY", "READY"], 200),
        (["COMPLETED", "FAILED"], 207),
        (["PARTIAL_SUCCESS"], 207),
        (["COMPLETED", "PARTIAL_SUCCESS"], 207),
        (["READY", "FAILED"], 207),
        (["FAILED"], 500),
        (["IN_PROGRESS", "FAILED"], 202),
        ([], 500),
    ],
)
def test_the_code_follows_from_the_tables(statuses: list[str], code: int) -> None:
    tables = tuple(TableRestore(f"table-{one}", f"table-{one}", status) for one, status in enumerate(statuses))
    assert RestoreResult("test", "backups", tables=tables).to_response()["statusCode"] == code


def test_a_failure_that_has_written_something_is_not_nothing() -> None:
    table = TableRestore("orders", "orders", "FAILED", items_written=25)
    assert RestoreResult("test", "backups", tables=(table,)).status_code == 207


def test_the_body_holds_every_promised_field() -> None:
    table = TableRestore("orders", "copy", "COMPLETED", items_expected=3, items_processed=3, items_written=3)
    body = RestoreResult("test", "backups", tables=(table,), duration_seconds=1.23456).to_response()["body"]
    assert body["duration_seconds"] == 1.235
    assert body["tables_requested"] == body["successful_restores"] == 1
    assert body["partial_restores"] == body["failed_restores"] == 0
    assert body["total_items_written"] == body["total_items_processed"] == 3
    assert body.keys() >= {"backup_date", "environment", "s3_bucket", "dry_run", "restore_results"}
    (result,) = body["restore_results"]
    assert result.keys() >= {
        "table_name",
        "target_table",
        "status",
        "items_expected",
        "items_processed",
        "items_written",
        "items_failed",
        "items_deleted",
        "files_total",
        "files_done",
        "error",
    }


@pytest.mark.parametrize("name", ["keys", "partition_keys"])
@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ([], "must be an array of 1 to 1000 typed keys"),
        ({"id": {"S": "secret"}}, "must be an array"),
        (["secret"], "entry 1"),
        ([{}], "one or two attributes"),
        ([{"a": {"S": "x"}, "b": {"S": "x"}, "c": {"S": "x"}}], "one or two attributes"),
        ([{"id": {"S": "a"}}, {"id": "secret"}], "entry 2"),
        ([{"id": {"BOOL": True}}], "exactly one of the types S, N and B"),
        ([{"id": {"S": "a", "N": "1"}}], "exactly one of the types"),
        ([{"id": {"N": 1}}], "must be a string"),
        ([{"id": {"S": ""}}], "not empty"),
        ([{"id": {"N": "secret"}}], "is not a number"),
        ([{"id": {"N": "1E99999"}}], "is not a number"),
        ([{"id": {"N": "NaN"}}], "is not a number"),
        ([{"id": {"N": "\u0664\u0662"}}], "is not a number"),
        ([{"id": {"B": "not base64!"}}], "is not base64"),
    ],
)
def test_what_is_not_a_typed_key_is_refused_without_its_value(name: str, keys: object, problem: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        RestoreRequest.from_event({"tables": ["orders"], name: keys})
    assert refused.value.field == name
    assert problem in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"partition_keys": [{"id": {"S": "a"}}]}, "stands instead of 'keys'"),
        ({"clear_existing_data": True}, "'clear_existing_data' cannot be true"),
        ({"method": "import"}, "'method' cannot be import"),
        ({"tables": ["orders", "users"]}, "must name exactly one"),
    ],
)
def test_keys_are_for_one_table_and_change_nothing_else(fields: dict[str, object], problem: str) -> None:
    with pytest.raises(RequestRefused, match=problem):
        RestoreRequest.from_event({"tables": ["orders"], "keys": [{"id": {"S": "a"}}], **fields})


def test_keys_survive_the_checkpoint() -> None:
    request = RestoreRequest.from_event({"tables": ["orders"], "keys": [{"id": {"S": "a"}}]})
    stored = {name: value for name, value in request.to_dict().items() if value is not None}
    assert RestoreRequest.from_event(stored) == request


@pytest.mark.parametrize("event", [{"clear_existing_data": True}, {"write_mode": "mirror"}])
def test_clear_existing_data_is_the_mode_mirror(event: dict[str, Any]) -> None:
    request = RestoreRequest.from_event(event)
    assert (request.write_mode, request.clear_existing_data) == ("mirror", True)
    assert RestoreRequest.from_event({k: v for k, v in request.to_dict().items() if v is not None}) == request
