"""Answers for a state machine, which ends, without telling anybody, where one is larger than a state's output."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from dynamodb_backup.contract.backup import BackupResult, TableBackup
from dynamodb_backup.contract.offsite import OffsiteResult, UnitCopy
from dynamodb_backup.contract.restore_test import RestoreTestResult, TableTest
from dynamodb_backup.contract.room import MOST_ANSWER_BYTES, with_room
from dynamodb_backup.contract.verify import TableVerification, VerifyResult

TABLES = 300
STATE_BYTES = 262_144
LONG = "what went wrong, at length; " * 50


def name(number: int) -> str:
    """Return a name as long as DynamoDB allows."""
    return f"{number:05d}-".ljust(255, "x")


def backups(status: str = "FAILED", **of_each: Any) -> BackupResult:
    tables = [TableBackup(name(number), status, f"arn:{name(number)}", **of_each) for number in range(TABLES)]
    return BackupResult("2026-01-31", "test", "backups", "manifest.json", "2026-01-31-0001", tuple(tables))


def restore_tests() -> RestoreTestResult:
    tables = [TableTest(name(number), "FAILED", error=LONG, warnings=(LONG,) * 5) for number in range(TABLES)]
    return RestoreTestResult("test", "backups", "a-test", tuple(tables), leftovers=tuple(map(name, range(TABLES))))


def verifications() -> VerifyResult:
    keys = [{"id": {"S": "k" * 2048}, "at": {"S": "s" * 1024}} for _ in range(10)]
    found = {"missing": 10, "extra": 10, "missing_keys": keys, "extra_keys": keys}
    tables = [TableVerification(name(number), None, "DIFFERENT", differences=found) for number in range(30)]
    return VerifyResult("test", "backups", "table", "a-verification", tables=tuple(tables))


def copies() -> OffsiteResult:
    errors = {name(number): LONG for number in range(TABLES)}
    return OffsiteResult(
        "test",
        "backups",
        "copy",
        "a store",
        tuple(UnitCopy("date", f"day {day}", "PARTIAL", errors) for day in range(20)),
    )


@pytest.mark.parametrize(
    "large", [lambda: backups(error=LONG, warnings=(LONG,) * 3), restore_tests, verifications, copies]
)
def test_the_largest_answer_has_room_in_a_state_s_output(large: Callable[[], Any]) -> None:
    response = large().to_response()
    assert len(json.dumps(response)) < MOST_ANSWER_BYTES + 1000 < STATE_BYTES


def test_an_answer_that_has_room_is_as_it_is() -> None:
    body = backups("COMPLETED", item_count=7).to_response()["body"]
    assert len(body["export_results"]) == TABLES
    assert "left_out" not in body


def test_texts_become_shorter_before_a_row_is_left_out() -> None:
    body = with_room({"rows": [{"name": n, "error": LONG} for n in range(200)]}, "rows", lambda _row: False)
    assert [row["name"] for row in body["rows"]] == list(range(200))
    assert all(len(row["error"]) in {300, 1000} and row["error"].endswith("…") for row in body["rows"])
    assert "left_out" not in body


def test_rows_that_are_well_are_left_out_first_and_counted() -> None:
    rows = [{"name": name(number), "status": "bad" if number % 100 == 99 else "good"} for number in range(2000)]
    body = with_room({"total": 2000, "rows": rows}, "rows", is_good)
    assert [row["status"] for row in body["rows"]][:20] == ["bad"] * 20
    assert body["left_out"] == 2000 - len(body["rows"]) > 0
    assert body["total"] == 2000


def test_a_table_that_lost_its_items_is_told_although_its_backup_succeeded() -> None:
    alert = "it has lost most of its items"
    usual = backups("COMPLETED", warnings=(LONG,)).tables * 2
    result = BackupResult(
        "2026-01-31", "test", "b", tables=(*usual, TableBackup("orders", "COMPLETED", item_count_alert=alert))
    )
    body = result.to_response()["body"]
    assert body["left_out"] > 0
    assert body["export_results"][0]["item_count_alert"] == alert
    assert (body["total_tables_processed"], body["successful_exports"]) == (601, 601)


def test_no_name_key_or_arn_is_cut() -> None:
    body = backups(error=LONG).to_response()["body"]
    assert {len(row["table_name"]) for row in body["export_results"]} == {255}
    assert {len(row["export_arn"]) for row in body["export_results"]} == {259}


def test_text_that_is_not_ascii_is_counted_as_the_longest_that_json_makes_of_it() -> None:
    body = with_room({"rows": [{"error": "\N{SNOWMAN}" * 1000} for _ in range(300)]}, "rows", lambda _row: False)
    assert len(json.dumps({"body": body})) < STATE_BYTES


def is_good(row: Mapping[str, Any]) -> bool:
    return bool(row["status"] == "good")
