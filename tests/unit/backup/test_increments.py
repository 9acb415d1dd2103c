"""Chains of increments over fake AWS in virtual time: crashes, two invocations at once, missed windows."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.unit.backup.conftest import Runner
from tests.unit.backup.fake_aws import FakeAws, Killed, client_error
from tests.unit.backup.test_run import during

EVENT = {"export_type": "INCREMENTAL_EXPORT"}
TABLES = ("orders", "customers")


def with_full_backup(**settings: Any) -> Runner:
    """Return a runner whose tables were exported half an hour ago."""
    runner = Runner(FakeAws(items={"orders": 7, "customers": 0}, **settings), TABLES)
    while runner.invoke().status_code == 202:
        pass
    runner.aws.time.advance(1800)
    return runner


def chains(runner: Runner, table: str) -> list[dict[str, Any]]:
    folder = f"native-exports/chains/{table}/"
    return [json.loads(runner.aws.objects[key]) for key in sorted(runner.aws.objects) if key.startswith(folder)]


def chain(runner: Runner, table: str) -> dict[str, Any]:
    (only,) = chains(runner, table)
    return only


def assert_whole(runner: Runner, windows: int) -> None:
    """Every table has that many windows, one export each, without gap or overlap."""
    for table in runner.tables:
        record = chain(runner, table)
        assert len(record["windows"]) == windows
        end = record["base"]["export_time"]
        for window in record["windows"]:
            assert (window["from"], window["status"]) == (end, "COMPLETED")
            length = datetime.fromisoformat(window["to"]) - datetime.fromisoformat(window["from"])
            assert timedelta(minutes=15) <= length <= timedelta(hours=24)
            end = window["to"]
        assert runner.aws.billed(table) == 1 + windows


def test_a_run_exports_the_window_since_the_full_backup() -> None:
    runner = with_full_backup()
    assert runner.invoke(EVENT).status_code == 200
    assert_whole(runner, 1)


CALLS = [
    pytest.param(operation, number, marks=[] if number % 3 == 1 else [pytest.mark.long])
    for operation, most in (
        ("put_object", 8),
        ("get_object", 12),
        ("describe_export", 3),
        ("export_table_to_point_in_time", 2),
        ("describe_continuous_backups", 2),
    )
    for number in range(1, most + 1)
]


@pytest.mark.parametrize(("operation", "number"), CALLS)
def test_another_invocation_in_the_middle_of_a_run_changes_nothing(operation: str, number: int) -> None:
    runner = with_full_backup(export_seconds=3.0)
    during(runner, operation, number, lambda: runner.invoke(EVENT, seconds=300))
    assert runner.invoke(EVENT, seconds=300).status_code == 200
    assert_whole(runner, 1)


@pytest.mark.parametrize(("operation", "number"), CALLS)
def test_a_run_of_one_of_the_tables_in_the_middle_of_a_run_shares_its_window(operation: str, number: int) -> None:
    runner = with_full_backup(export_seconds=3.0)
    one = Runner(runner.aws, ("orders",))
    during(runner, operation, number, lambda: one.invoke(EVENT, seconds=300))
    assert runner.invoke(EVENT, seconds=300).status_code == 200
    assert_whole(runner, 1)


def test_missed_days_are_caught_up_in_pieces_of_at_most_a_day() -> None:
    runner = with_full_backup()
    runner.aws.time.advance(timedelta(days=2).total_seconds() + 300)
    assert runner.invoke(EVENT, seconds=600).status_code == 200
    assert_whole(runner, 3)


def test_a_dead_run_is_gone_on_with_by_the_next_and_the_window_is_exported_once() -> None:
    runner = with_full_backup(export_seconds=3.0)

    def kill(operation: str, _: dict[str, Any]) -> None:
        if operation == "describe_export":
            raise Killed

    runner.aws.before = kill
    with pytest.raises(Killed):
        runner.invoke(EVENT)
    runner.aws.before = lambda *_: None
    runner.aws.time.advance(timedelta(hours=3).total_seconds())
    later = {**EVENT, "id": "e-2", "time": "2026-01-31T15:30:00Z", "source": "s", "detail-type": "Scheduled Event"}
    assert runner.invoke(later, seconds=600).status_code == 200
    assert_whole(runner, 2)


def test_a_base_older_than_a_week_gets_a_successor_and_its_chain_ends_there() -> None:
    runner = with_full_backup()
    for _ in range(8):
        runner.aws.time.advance(timedelta(days=1).total_seconds())
        assert runner.invoke(EVENT, seconds=600).status_code == 200
        assert runner.invoke(EVENT, seconds=600).status_code == 200
    older, newer = chains(runner, "orders")
    assert older["closed"] == f"superseded by the full backup {newer['chain_id']}"
    ends, begins = older["covered_until"], newer["base"]["export_time"]
    assert timedelta(0) <= datetime.fromisoformat(begins) - datetime.fromisoformat(ends) < timedelta(minutes=15)
    assert newer["closed"] is None
    assert runner.aws.billed("orders") == 2 + len(older["windows"]) + len(newer["windows"])


def test_changes_that_left_the_recovery_window_make_a_full_export() -> None:
    runner = with_full_backup()
    runner.aws.time.advance(timedelta(days=40).total_seconds())
    runner.aws.recovery_since = runner.aws.time.now - timedelta(days=35)
    result = runner.invoke(EVENT, seconds=600)
    assert result.status_code == 200
    assert {table.export_type for table in result.tables} == {"FULL_EXPORT"}
    assert "can no longer be exported" in chain(runner, "orders")["closed"]
    assert runner.aws.billed("orders") == 2


def test_a_window_that_dynamodb_refuses_fails_and_is_tried_by_the_next_run() -> None:
    runner = with_full_backup()

    def refuse(operation: str, _: dict[str, Any]) -> None:
        if operation == "export_table_to_point_in_time":
            raise client_error("InvalidExportTimeException", "ExportTableToPointInTime")

    runner.aws.before = refuse
    assert runner.invoke(EVENT).status_code == 500
    assert [window["status"] for window in chain(runner, "orders")["windows"]] == ["FAILED"]
    runner.aws.before = lambda *_: None
    runner.aws.time.advance(900)
    assert runner.invoke(EVENT).status_code == 200
    assert_whole(runner, 1)


def test_a_malformed_chain_record_makes_a_full_export() -> None:
    runner = with_full_backup()
    assert runner.invoke(EVENT).status_code == 200
    (key,) = (key for key in runner.aws.objects if key.startswith("native-exports/chains/orders/"))
    runner.aws.objects[key] = b"{}"
    result = runner.invoke(EVENT, seconds=600)
    assert result.status_code == 200
    assert [table.export_type for table in result.tables] == ["FULL_EXPORT", "INCREMENTAL_EXPORT"]
    assert any("is malformed" in warning for warning in result.tables[0].warnings)


def test_retention_takes_increments_for_such_and_a_full_export_in_their_place_for_full() -> None:
    days = {"daily": 35, "incremental": 28, "failed": 7}
    runner = Runner(FakeAws(items={"orders": 7, "customers": 0}), TABLES, days)
    assert runner.invoke(EVENT).status_code == 200
    runner.aws.time.advance(1800)
    assert runner.invoke(EVENT).status_code == 200
    assert not runner.aws.tags
    runner.aws.time.advance(timedelta(days=1).total_seconds())
    assert runner.invoke(seconds=300).status_code == 200
    record = chain(runner, "orders")
    assert runner.aws.tags[record["base"]["export_manifest"]] == {"backup-retention": "daily"}
    assert runner.aws.tags[record["windows"][0]["export_manifest"]] == {"backup-retention": "incremental"}
    shared = [key for key in runner.aws.objects if "/orders/AWSDynamoDB/data/" in key]
    assert [runner.aws.tags[key] for key in shared] == [{"backup-retention": "incremental"}] * len(shared)
    assert shared
