"""Incremental exports in the sandbox: chains without gap or overlap, and a new full export where none can go on."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from dynamodb_backup.backup import chain_steps
from tests.scenario.backup.conftest import Configure
from tests.scenario.backup.kit import BUCKET, PREFIX, Answer, Stage, back_up, some_items

EVENT = {"export_type": "INCREMENTAL_EXPORT"}


@pytest.fixture
def shop(stage: Stage, configure: Configure, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A table whose changes can be exported at once: windows of any length, and recovery that has been on for long."""
    stage.create_table("orders", some_items(5))
    configure("orders")
    stage.aws.exports.configure(minimum_window_seconds=0, restorable_lag_seconds=0, pitr_age_seconds=3600)
    monkeypatch.setattr(chain_steps, "SHORTEST_WINDOW", timedelta(seconds=1))
    return stage


def chains(stage: Stage, table: str = "orders") -> list[dict[str, Any]]:
    """Return a table's chain records, oldest first."""
    folder = f"{PREFIX}/chains/{table}/"
    found = stage.s3.list_objects_v2(Bucket=BUCKET, Prefix=folder).get("Contents", [])
    return [json.loads(stage.s3.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read()) for one in found]


def change(stage: Stage, number: int, table: str = "orders") -> None:
    stage.dynamodb.put_item(TableName=table, Item={"id": {"S": f"changed-{number}"}, "n": {"N": str(number)}})


def increment() -> Answer:
    """Back changes up when a window of a whole second is over."""
    time.sleep(2.1)
    return back_up(EVENT)


def exports_started(stage: Stage, table: str = "orders") -> int:
    return int(stage.aws.requests.count("dynamodb", "ExportTableToPointInTime", resource=table))


def assert_without_gap(chain: dict[str, Any]) -> None:
    end = chain["base"]["export_time"]
    for window in chain["windows"]:
        assert window["status"] == "COMPLETED"
        assert window["from"] == end
        end = window["to"]
    assert chain["covered_until"] == end


def test_the_first_run_makes_a_full_export_and_says_so(shop: Stage) -> None:
    answer = back_up(EVENT)
    assert answer.code == 200
    result = answer.of("orders")
    assert (result["status"], result["export_type"], result["item_count"]) == ("COMPLETED", "FULL_EXPORT", 5)
    assert "it has no verified full export yet" in result["warnings"][0]
    assert shop.manifest()["exports"][0]["export_type"] == "FULL_EXPORT"


def test_windows_follow_the_full_export_and_each_other_without_gap_or_overlap(shop: Stage) -> None:
    assert back_up().code == 200
    for number in range(2):
        change(shop, number)
        assert increment().of("orders")["export_type"] == "INCREMENTAL_EXPORT"
    change(shop, 2)
    answer = increment()
    assert answer.code == 200
    (chain,) = chains(shop)
    assert_without_gap(chain)
    assert [window["item_count"] for window in chain["windows"]] == [1, 1, 1]
    assert chain["base"]["export_time"] == shop.manifest()["exports"][0]["export_time"]
    assert answer.of("orders")["windows"][0]["export_manifest"] == chain["windows"][-1]["export_manifest"]
    assert len(shop.manifest()["exports"]) == 1, "an increment is never taken for a full backup"


def test_a_run_too_early_exports_nothing_and_says_so(shop: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_steps, "SHORTEST_WINDOW", timedelta(minutes=15))
    assert back_up().code == 200
    answer = back_up(EVENT)
    assert answer.code == 200
    assert "the next window is not 15 minutes long yet" in answer.of("orders")["warnings"][0]
    assert answer.of("orders")["windows"] == []
    assert exports_started(shop) == 1


def test_a_newer_full_export_begins_a_chain_and_the_older_one_is_continued_up_to_it(shop: Stage) -> None:
    assert back_up().code == 200
    assert increment().code == 200
    change(shop, 1)
    time.sleep(2.1)
    assert back_up().code == 200
    change(shop, 2)
    assert increment().code == 200
    older, newer = chains(shop)
    assert_without_gap(older)
    assert_without_gap(newer)
    assert older["closed"] == f"superseded by the full backup {newer['chain_id']}"
    base = datetime.fromisoformat(newer["base"]["export_time"])
    assert timedelta(0) <= base - datetime.fromisoformat(older["covered_until"]) < timedelta(seconds=1)
    assert newer["closed"] is None


def test_missed_windows_are_caught_up_in_pieces(shop: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert back_up().code == 200
    monkeypatch.setattr(chain_steps, "LONGEST_WINDOW", timedelta(seconds=2))
    time.sleep(4)
    answer = increment()
    assert answer.code == 200
    (chain,) = chains(shop)
    assert_without_gap(chain)
    assert len(chain["windows"]) >= 3
    assert len(answer.of("orders")["windows"]) == len(chain["windows"])


def test_recovery_switched_off_and_on_makes_a_full_export_and_closes_the_chain(shop: Stage) -> None:
    assert back_up().code == 200
    assert increment().code == 200
    shop.aws.exports.configure(pitr_age_seconds=0)
    for enabled in (False, True):
        shop.dynamodb.update_continuous_backups(
            TableName="orders", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": enabled}
        )
        time.sleep(2.1)
    answer = back_up(EVENT)
    assert answer.code == 200
    assert "point-in-time recovery was switched off meanwhile" in answer.of("orders")["warnings"][0]
    assert answer.of("orders")["export_type"] == "FULL_EXPORT"
    (older,) = chains(shop)
    assert "can no longer be exported" in older["closed"]
    assert increment().of("orders")["export_type"] == "INCREMENTAL_EXPORT"
    assert_without_gap(chains(shop)[1])


def test_a_table_that_was_created_again_gets_a_full_export(shop: Stage) -> None:
    assert back_up().code == 200
    assert increment().code == 200
    shop.dynamodb.delete_table(TableName="orders")
    shop.create_table("orders", some_items(2))
    answer = back_up(EVENT)
    assert answer.code == 200
    assert "the table was deleted and created again" in answer.of("orders")["warnings"][0]
    assert answer.of("orders")["item_count"] == 2


def test_recovery_that_is_off_fails_the_table_by_name(shop: Stage) -> None:
    shop.dynamodb.update_continuous_backups(
        TableName="orders", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    answer = back_up(EVENT)
    assert answer.code == 500
    assert "point-in-time recovery is off for table orders" in answer.of("orders")["error"]


def test_a_window_whose_export_failed_is_exported_again_by_the_next_run(shop: Stage) -> None:
    assert back_up().code == 200
    change(shop, 1)
    shop.aws.exports.configure(fail_with="S3AccessDenied")
    failed = increment()
    assert failed.code == 500
    assert "S3AccessDenied" in failed.of("orders")["error"]
    (chain,) = chains(shop)
    assert [window["status"] for window in chain["windows"]] == ["FAILED"]
    assert chain["covered_until"] == chain["base"]["export_time"]
    shop.aws.exports.configure(fail_with=None)
    assert increment().code == 200
    (chain,) = chains(shop)
    assert_without_gap(chain)


def test_a_damaged_increment_is_not_counted(shop: Stage) -> None:
    assert back_up().code == 200
    change(shop, 1)
    with shop.aws.faults.corrupt(f"{BUCKET}/*/AWSDynamoDB/data/*", offset=-1):
        answer = increment()
    assert answer.code == 500
    (chain,) = chains(shop)
    assert chain["covered_until"] == chain["base"]["export_time"]
