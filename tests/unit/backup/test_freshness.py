"""How old the newest verified backup of a table is: from this run, from the manifests, from its chain."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.backup.freshness import Freshness, NewestVerified
from dynamodb_backup.backup.metrics import emit_ages, emit_run
from dynamodb_backup.backup.record import RunRecord, TableRun
from tests.unit.backup.fake_aws import BUCKET, FakeAws, VirtualDeadline

FULL = TableRun("orders", "COMPLETED", export_time="2026-02-01T10:00:00Z", verification={"files": 1})
FAILED = TableRun("orders", "FAILED", error="no")


def run_of(*tables: TableRun, export_type: str = "FULL_EXPORT") -> RunRecord:
    return RunRecord(
        "2026-02-01-0001",
        "2026-02-01",
        "2026-02-01T10:00:00Z",
        export_type,
        None,
        {table.table_name: table for table in tables},
        finished=True,
        finished_at="2026-02-01T10:05:30Z",
    )


def entry(table: str = "orders", **fields: Any) -> dict[str, Any]:
    whole = {"status": "COMPLETED", "verification": {"files": 1}, "export_time": "2026-01-31T10:00:00Z"}
    return {"table_name": table, **whole, **fields}


class Bucket:
    def __init__(self) -> None:
        self.aws = FakeAws()

    def put_manifest(self, date: str, *entries: Mapping[str, Any]) -> None:
        self.aws.objects[f"native-exports/{date}/manifest.json"] = json.dumps({"exports": entries}).encode()

    def newest(self, run: RunRecord, *tables: str, seconds: float = 60.0) -> Freshness:
        clients, deadline = self.aws.clients(), VirtualDeadline(self.aws.time, seconds)
        return NewestVerified(ObjectStore(clients.s3, BUCKET), Layout("native-exports"), deadline).of(run, tables)


def test_what_the_run_made_is_the_newest_and_nothing_is_read() -> None:
    bucket = Bucket()
    found = bucket.newest(run_of(FULL), "orders")
    assert found.moments == {"orders": datetime.fromisoformat("2026-02-01T10:00:00Z")}
    assert bucket.aws.calls == []


def test_a_window_counts_by_its_end() -> None:
    table = TableRun("orders", "COMPLETED", windows=({"to": "2026-02-01T09:45:00Z"}, {"to": "2026-02-01T10:00:00Z"}))
    found = Bucket().newest(run_of(table, export_type="INCREMENTAL_EXPORT"), "orders")
    assert found.moments == {"orders": datetime.fromisoformat("2026-02-01T10:00:00Z")}


def test_of_a_failed_table_it_is_the_newest_verified_one_of_the_manifests() -> None:
    bucket = Bucket()
    bucket.put_manifest("2026-02-01", entry(status="FAILED", verification=None))
    bucket.put_manifest("2026-01-31", entry(verification=None))
    bucket.put_manifest("2026-01-30", entry(export_time="2026-01-30T10:00:00Z"))
    bucket.put_manifest("2026-01-29", entry(export_time="2026-01-29T10:00:00Z"))
    found = bucket.newest(run_of(FAILED), "orders")
    assert found.moments == {"orders": datetime.fromisoformat("2026-01-30T10:00:00Z")}
    assert found.warnings(["orders"]) == []


def test_increments_behind_it_make_it_newer() -> None:
    bucket = Bucket()
    bucket.put_manifest("2026-01-31", entry())
    times = {"from": "2026-01-31T10:00:00Z", "to": "2026-01-31T22:00:00Z", "reserved_at": "2026-01-31T22:20:00Z"}
    window = {**times, "run_id": "2026-01-31-0002", "s3_prefix": "p", "status": "COMPLETED"}
    run = {"backup_date": "2026-01-31", "run_id": "2026-01-31-0001"}
    base = {**run, "export_time": "2026-01-31T10:00:00Z", "export_manifest": "m"}
    chain = {"table_name": "orders", "chain_id": "2026-01-31-0001", "base": base, "windows": [window], "closed": None}
    bucket.aws.objects["native-exports/chains/orders/2026-01-31-0001.json"] = json.dumps(chain).encode()
    assert bucket.newest(run_of(FAILED), "orders").moments["orders"] == datetime.fromisoformat("2026-01-31T22:00:00Z")


def test_a_table_without_any_is_named_and_has_no_age() -> None:
    found = Bucket().newest(run_of(FAILED), "orders")
    assert found.moments == {}
    assert found.warnings(["orders"]) == ["no verified backup was ever made of orders"]


def test_a_manifest_that_cannot_be_read_is_said_and_none_is_called_the_first() -> None:
    bucket = Bucket()
    bucket.aws.objects["native-exports/2026-02-01/manifest.json"] = b"not JSON"
    found = bucket.newest(run_of(FAILED), "orders")
    assert found.without == set()
    unknown, damaged = found.warnings(["orders"])
    assert unknown == "it could not be seen how old the newest verified backup is of orders"
    assert "native-exports/2026-02-01/manifest.json" in damaged
    bucket.put_manifest("2026-01-31", entry())
    found = bucket.newest(run_of(FAILED), "orders")
    assert "orders" in found.moments
    assert len(found.warnings(["orders"])) == 1


def test_without_time_nothing_is_read_and_nothing_claimed() -> None:
    bucket = Bucket()
    bucket.put_manifest("2026-01-31", entry())
    found = bucket.newest(run_of(FAILED), "orders", seconds=0)
    assert (found.moments, found.without, bucket.aws.calls) == ({}, set(), [])


def test_the_metrics_of_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    timed = TableRun("orders", "COMPLETED", start_time="2026-02-01T10:00:05Z", end_time="2026-02-01T10:03:05Z")
    emit_run(run_of(timed, TableRun("users", "FAILED")), "test")
    made, now = (datetime.fromisoformat(f"2026-02-01T{hour}:00Z") for hour in ("10:00", "11:30"))
    emit_ages({"orders": made}, "test", now)
    orders, users, whole, age = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert orders["BackupDuration"] == [180]
    assert "BackupDuration" not in users
    assert (whole["BackupDuration"], whole["TablesProcessed"], whole["BackupSuccessRate"]) == ([330], [2], [50])
    assert "table" not in whole
    assert (age["table"], age["NewestBackupAgeHours"]) == ("orders", [1.5])
