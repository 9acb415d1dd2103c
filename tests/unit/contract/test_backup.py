"""The backup's event and result."""

from __future__ import annotations

from typing import Any

import pytest

from dynamodb_backup.contract.backup import BackupRequest, BackupResult, TableBackup
from dynamodb_backup.errors import RequestRefused

CONFIGURED = ("orders", "customers", "users")
SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event", "id": "e-1", "time": "2026-01-31T03:00:00Z"}


def test_an_empty_event_means_every_table_in_full() -> None:
    request = BackupRequest.from_event({}, CONFIGURED)
    assert request.tables == CONFIGURED
    assert request.export_type == "FULL_EXPORT"
    assert request.trigger is None


def test_a_subset_is_the_same_request_however_it_is_written() -> None:
    one = BackupRequest.from_event({"tables": ["users", "orders"]}, CONFIGURED)
    other = BackupRequest.from_event({"tables": ["orders", "users", "orders"]}, CONFIGURED)
    assert one == other
    assert one.tables == ("orders", "users")


@pytest.mark.parametrize(
    ("event", "field", "said"),
    [
        ({"table": ["orders"]}, "table", "known fields are"),
        ({"tables": "orders"}, "tables", 'array of table names, but is "orders" (string)'),
        ({"tables": []}, "tables", "non-empty"),
        ({"tables": None}, "tables", "null"),
        ({"tables": 3}, "tables", "3 (integer)"),
        ({"tables": [True]}, "tables", "true (boolean)"),
        ({"tables": ["no"]}, "tables", '"no" (string)'),
        ({"tables": ["unknown"]}, "tables", "'unknown', which is not one of DYNAMODB_TABLES: orders, customers, users"),
        ({"export_type": "PARTIAL"}, "export_type", "FULL_EXPORT or INCREMENTAL_EXPORT"),
        ({"export_type": {}}, "export_type", "{} (object)"),
        ({"run_id": "../../x"}, "run_id", "../../x"),
        ({"run_id": 1}, "run_id", "1 (integer)"),
        ({"run_id": "2026-01-31-0001", "tables": ["orders"]}, "run_id", "'tables'"),
        ({"run_id": "2026-01-31-0001", "export_type": "FULL_EXPORT"}, "run_id", "'export_type'"),
        ({**SCHEDULED, "tables": {}}, "tables", "{} (object)"),
        ([], "event", "[] (array)"),
        (None, "event", "null"),
        ("x" * 500, "event", "..."),
    ],
)
def test_what_is_wrong_is_named_with_what_was_given_and_what_is_allowed(event: Any, field: str, said: str) -> None:
    with pytest.raises(RequestRefused) as refusal:
        BackupRequest.from_event(event, CONFIGURED)
    assert refusal.value.field == field
    assert f"'{field}'" in str(refusal.value)
    assert said in str(refusal.value)
    assert len(str(refusal.value)) < 250


def test_an_eventbridge_event_may_hold_anything_besides() -> None:
    request = BackupRequest.from_event({**SCHEDULED, "account": "1", "detail": {}, "new-member": 1}, CONFIGURED)
    assert request.tables == CONFIGURED


def test_deliveries_of_one_event_are_told_from_those_of_another() -> None:
    first = BackupRequest.from_event(SCHEDULED, CONFIGURED)
    again = BackupRequest.from_event({**SCHEDULED, "region": "us-east-1"}, CONFIGURED)
    later = BackupRequest.from_event({**SCHEDULED, "time": "2026-02-01T03:00:00Z"}, CONFIGURED)
    other = BackupRequest.from_event({**SCHEDULED, "id": "e-2"}, CONFIGURED)
    assert first.trigger == again.trigger
    assert len({first.trigger, later.trigger, other.trigger}) == 3


@pytest.mark.parametrize("odd", [{"id": 1}, {"id": ""}, {"time": None}, {"time": ["x"]}])
def test_an_event_without_a_proper_id_and_time_is_always_a_new_one(odd: dict[str, Any]) -> None:
    assert BackupRequest.from_event({**SCHEDULED, **odd}, CONFIGURED).trigger is None


def result_of(*statuses: str) -> BackupResult:
    tables = tuple(
        TableBackup(f"table-{number}", status, item_count=10, size_bytes=1_048_576)
        for number, status in enumerate(statuses)
    )
    return BackupResult("2026-01-31", "test", "backups", "p/2026-01-31/manifest.json", "2026-01-31-0001", tables)


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        (["COMPLETED"], 200),
        (["COMPLETED", "COMPLETED"], 200),
        (["COMPLETED", "FAILED"], 207),
        (["FAILED", "COMPLETED", "COMPLETED"], 207),
        (["FAILED"], 500),
        (["FAILED", "FAILED"], 500),
        (["IN_PROGRESS"], 202),
        (["COMPLETED", "IN_PROGRESS"], 202),
        (["FAILED", "IN_PROGRESS"], 202),
        (["COMPLETED", "FAILED", "IN_PROGRESS"], 202),
        ([], 500),
    ],
)
def test_the_code_follows_from_the_tables(statuses: list[str], code: int) -> None:
    assert result_of(*statuses).to_response()["statusCode"] == code


def test_an_error_of_the_run_is_500_whatever_the_tables_say() -> None:
    done = result_of("COMPLETED")
    response = BackupResult(**{**vars(done), "error": "manifest not written", "error_type": "X"}).to_response()
    assert response["statusCode"] == 500
    assert response["body"]["error"] == "manifest not written"
    assert response["body"]["error_type"] == "X"


def test_the_body_holds_exactly_what_is_promised() -> None:
    body = result_of("COMPLETED", "FAILED", "COMPLETED").to_response()["body"]
    results = body.pop("export_results")
    assert body == {
        "backup_date": "2026-01-31",
        "environment": "test",
        "backup_type": "DYNAMODB_NATIVE_EXPORT",
        "run_id": "2026-01-31-0001",
        "total_tables_processed": 3,
        "successful_exports": 2,
        "failed_exports": 1,
        # Only what is restorable counts.
        "total_items_exported": 20,
        "total_size_mb": 2.0,
        "manifest_s3_key": "p/2026-01-31/manifest.json",
        "s3_bucket": "backups",
    }
    assert results[1] == {
        "table_name": "table-1",
        "status": "FAILED",
        "export_type": "FULL_EXPORT",
        "export_arn": None,
        "item_count": 10,
        "error": None,
    }


def test_warnings_of_the_run_and_of_its_tables_are_shown() -> None:
    table = TableBackup("orders", "COMPLETED", warnings=("no tags",))
    body = BackupResult("d", "e", "b", tables=(table,), warnings=("old run",)).to_response()["body"]
    assert body["warnings"] == ["old run", "no tags"]
    assert body["export_results"][0]["warnings"] == ["no tags"]


def test_a_run_of_increments_leaves_out_tables_that_are_scanned() -> None:
    request = BackupRequest.from_event({"export_type": "INCREMENTAL_EXPORT"}, ("orders", "users"), {"users"})
    assert request.tables == ("orders",)
    assert BackupRequest.from_event({}, ("orders", "users"), {"users"}).tables == ("orders", "users")


@pytest.mark.parametrize("named", [{}, {"tables": ["users"]}])
def test_a_scanned_table_has_no_increments(named: dict[str, object]) -> None:
    with pytest.raises(RequestRefused, match="'users' is backed up by scan, which has no increments"):
        BackupRequest.from_event({"export_type": "INCREMENTAL_EXPORT", **named}, ("users",), {"users"})
