"""Pace and progress of a restore, measured at the sandbox's edge."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.restore import progress
from sandbox import Sandbox
from tests.scenario.restore.kit import Stage, canonicals, restore, restore_in_turns, strings, table_writes

UNITS_PER_ITEM = 2
ITEMS = strings(300, text={"S": "x" * 1500})


def test_a_restore_keeps_to_its_write_budget(stage: Stage, aws: Sandbox) -> None:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, file_count=4)

    answer = restore({"max_write_units_per_second": 100})

    assert answer.code == 200
    assert stage.items("orders") == canonicals(ITEMS)
    writes = table_writes(aws)
    seconds = writes[-1].time - writes[0].time
    # The first second's worth is there from the start, and the last request is not waited for.
    rate = (len(ITEMS) * UNITS_PER_ITEM - 100 - 50) / seconds
    assert rate == pytest.approx(100, rel=0.2)


def test_a_provisioned_table_is_not_paced_unasked(stage: Stage, aws: Sandbox) -> None:
    stage.dynamodb.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    )
    stage.back_up("orders", ITEMS)

    assert restore().code == 200  # 600 write units: ten minutes at the table's own pace

    writes = table_writes(aws)
    assert writes[-1].time - writes[0].time < 30


def test_deletes_count_too(stage: Stage, aws: Sandbox) -> None:
    stage.create_table("orders")
    stage.fill("orders", strings(100, start=1000))
    stage.back_up("orders", ITEMS[:1])
    aws.requests.clear()

    answer = restore({"max_write_units_per_second": 25, "clear_existing_data": True})

    assert (answer.code, answer.result["items_deleted"]) == (200, 100)
    writes = table_writes(aws)
    assert writes[-1].time - writes[0].time >= (100 - 25 - 25) / 25


def test_waiting_for_the_budget_does_not_overrun_the_turn(stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS[:100])

    answers = restore_in_turns({"max_write_units_per_second": 20}, seconds=4)

    assert answers[0].code == 202
    assert "the write budget of 20 units per second" in answers[0].result["error"]
    assert answers[-1].code == 200
    assert all(answer.body["duration_seconds"] < 4 for answer in answers)
    assert stage.items("orders") == canonicals(ITEMS[:100])


@pytest.mark.parametrize("budget", [0, -5, 1.5, "100", True, None])
def test_a_budget_that_is_none_is_refused_by_name(stage: Stage, budget: object) -> None:
    answer = restore({"max_write_units_per_second": budget})
    assert answer.code == 500
    assert "field 'max_write_units_per_second' must be an integer from 1" in answer.errors


def test_progress_can_be_read_while_a_restore_is_under_way(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "FIRST_REPORT_SECONDS", 0.2)
    monkeypatch.setattr(progress, "REPORT_SECONDS", 0.4)
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, file_count=2)
    reports = []
    put = ObjectStore.put

    def keep(self: ObjectStore, key: str, body: bytes, **how: str) -> str:
        if key.endswith("/progress.json"):
            reports.append(json.loads(body))
        return put(self, key, body, **how)

    monkeypatch.setattr(ObjectStore, "put", keep)

    answer = restore({"max_write_units_per_second": 200})

    percents = [report["percent"] for report in reports]
    assert len(percents) >= 4
    assert all(earlier <= later for earlier, later in pairwise(percents))
    assert any(report["estimated_end"] for report in reports)
    stored = json.loads(stage.get(f"native-exports/restores/{answer.body['restore_id']}/progress.json"))
    assert stored == reports[-1]
    assert {name: stored[name] for name in ("status", "percent", "files_done", "files_total")} == {
        "status": "ENDED",
        "percent": 100.0,
        "files_done": 2,
        "files_total": 2,
    }
    assert (stored["items_written"], stored["items_expected"]) == (300, 300)


def test_progress_goes_on_over_turns_and_begins_only_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "FIRST_REPORT_SECONDS", 0.0)  # a busy machine may need one turn alone
    stage.create_table("orders")
    stage.back_up("orders", ITEMS[:60])

    answers = restore_in_turns({"max_write_units_per_second": 20}, seconds=2)

    stored = json.loads(stage.get(f"native-exports/restores/{answers[0].body['restore_id']}/progress.json"))
    assert (stored["status"], stored["percent"], stored["items_written"]) == ("ENDED", 100.0, 60)
    assert stored["started_at"] < stored["updated_at"]


def test_a_restore_goes_on_where_its_progress_cannot_be_written(
    stage: Stage, aws: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "FIRST_REPORT_SECONDS", 0.1)
    aws.faults.deny("s3", "PutObject", resource="backups/*/progress.json")
    stage.create_table("orders")
    stage.back_up("orders", ITEMS[:60])

    assert restore({"max_write_units_per_second": 100}).code == 200
