"""An item's versions in increments: what was written when, what was before, and nothing left out in silence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox import Sandbox, exports
from tests.scenario.restore.kit import DATE, Item, Stage, all_writes, strings
from tests.scenario.restore.test_chains import RUN_ID, FabricatedChain, chain_of, deleted, key, valued, with_value
from tests.scenario.restore.test_history import history

WRITTEN = round(datetime(2026, 1, 31, 2, 30, tzinfo=UTC).timestamp() * 1_000_000) + 5
NAME = "item-000001"


def line(number: int, old: Item | None, new: Item | None) -> bytes:
    return exports.incremental_line(WRITTEN, key(number), old, new)


def seen(answer: Any, place: int = 0) -> list[tuple[str, str, bool | None]]:
    """What kind of recovery point, of increments with the hour of their end; status; changed."""
    found = answer.body["keys"][place]["versions"]
    points = [f"incr {one['to'][11:13]}" if one["type"] == "increment" else "full" for one in found]
    return [(point, one["status"], one["changed"]) for point, one in zip(points, found, strict=True)]


@pytest.fixture
def chain(stage: Stage) -> FabricatedChain:
    """Items 0 to 9; then 1 is changed; then 2 is deleted; then 1 is deleted and 20 inserted."""
    stage.create_table("orders")
    chain = chain_of(stage, strings(10))
    chain.window_of_lines([line(1, key(1), valued(1, "first")), line(7, key(7), key(7))])
    chain.window_of_lines([line(2, key(2), None)])
    chain.window_of_lines([line(1, valued(1, "first"), None), line(20, None, key(20))])
    return chain


def test_increments_that_wrote_the_item_stand_before_their_full_backup(aws: Sandbox, chain: FabricatedChain) -> None:
    aws.requests.clear()
    answer = history(NAME, "item-000007", "item-000020", "item-000003")

    assert (answer.code, answer.body["next"], answer.body["unreadable_points"]) == (200, None, [])
    assert (answer.body["full_backups_read"], answer.body["increments_read"]) == (1, 3)
    assert seen(answer) == [("incr 05", "absent", True), ("incr 03", "present", True), ("full", "present", None)]
    assert seen(answer, 1) == [("incr 03", "present", False), ("full", "present", None)]
    assert seen(answer, 2) == [("incr 05", "present", True), ("full", "absent", None)]
    assert seen(answer, 3) == [("full", "present", None)]
    last, first, full = answer.body["keys"][0]["versions"]
    assert (last["old_item"], "item" in last) == (valued(1, "first"), False)
    assert (first["item"], first["old_item"]) == (valued(1, "first"), key(1))
    assert first["written_at"] == "2026-01-31T02:30:00.000005Z"
    assert (first["from"], first["to"]) == ("2026-01-31T02:00:00.000Z", "2026-01-31T03:00:00.000Z")
    assert full["backup_date"] == DATE
    assert not all_writes(aws)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_with_increments_together_say_the_same(chain: FabricatedChain, limit: int) -> None:
    names = (NAME, "item-000020")
    whole = [one["versions"] for one in history(*names).body["keys"]]
    found: list[list[Any]] = [[], []]
    page: dict[str, Any] = {}
    for _ in range(10):
        answer = history(*names, limit=limit, **page)
        assert answer.code == 200
        assert answer.body["total_versions"] <= limit
        for place, one in enumerate(answer.body["keys"]):
            found[place] += one["versions"]
        if answer.body["next"] is None:
            break
        page = {"next": answer.body["next"]}
    assert found == whole


def test_pages_in_short_turns_together_say_the_same(aws: Sandbox, chain: FabricatedChain) -> None:
    whole = history(NAME).body["keys"][0]["versions"]
    aws.faults.delay("s3", "GetObject", seconds=0.2)
    found: list[Any] = []
    page: dict[str, Any] = {}
    pages = 0
    while pages < 20:
        pages += 1
        answer = history(NAME, seconds=3.0, **page)
        assert answer.code == 200
        found += answer.body["keys"][0]["versions"]
        if answer.body["next"] is None:
            break
        page = {"next": answer.body["next"]}
    assert pages > 1
    assert found == whole


@pytest.mark.parametrize("damage", ["data", "gone", "other", "line", "mixed", "count"])
def test_an_increment_that_cannot_be_read_whole_is_named(chain: FabricatedChain, damage: str) -> None:
    stage, bad = chain.stage, chain.uploaded[1]
    data = bad.data_keys[0]
    status = "DAMAGED"
    match damage:
        case "data":
            stage.put(data, stage.get(data)[:-9] + b"123456789")
        case "gone":
            for one in stage.keys(bad.request.root):
                stage.s3.delete_object(Bucket=stage.bucket, Key=one)
            status = "MISSING"
        case "other":
            chain.windows[1]["export_manifest"] = chain.uploaded[0].manifest_key
        case "line":
            rewrite(chain, [b'{"Item":{}}'])
        case "mixed":
            rewrite(chain, [line(2, key(3), None)])
        case "count":
            chain.windows[1]["item_count"] = 7
    chain.record()

    answer = history(NAME, "item-000002")

    assert answer.code == 207
    (point,) = answer.body["unreadable_points"]
    assert (point["type"], point["status"], point["backup_date"]) == ("increment", status, DATE)
    assert (point["from"], point["to"]) == ("2026-01-31T03:00:00.000Z", "2026-01-31T04:00:00.000Z")
    assert "item-" not in point["error"]
    assert [one for one, _, _ in seen(answer)] == ["incr 05", "incr 03", "full"]
    assert seen(answer, 1) == [("full", "present", None)]


def rewrite(chain: FabricatedChain, lines: Sequence[bytes]) -> None:
    """Replace the second window's export by a formally whole one with these lines."""
    last = chain.windows.pop()
    chain.windows.pop()
    chain.window_of_lines(lines)
    chain.windows.append(last)


def test_a_chain_record_that_cannot_be_read_is_named(chain: FabricatedChain) -> None:
    chain.stage.put(f"{chain.stage.prefix}/chains/orders/{RUN_ID}.json", "{}")
    answer = history(NAME)
    assert answer.code == 207
    (point,) = answer.body["unreadable_points"]
    assert (point["type"], point["status"], point["backup_date"]) == ("chain", "DAMAGED", DATE)
    assert f"chains/orders/{RUN_ID}.json is malformed" in point["error"]
    assert seen(answer) == [("full", "present", None)]


def test_a_gap_is_told(chain: FabricatedChain) -> None:
    chain.window([with_value(1, "after the gap")], gap=True)
    answer = history(NAME)
    assert answer.code == 200
    (warning,) = [one for one in answer.body["warnings"] if "increment" in one]
    assert warning == (
        f"{DATE}: no increment holds what changed from 2026-01-31T05:00:00.000Z to 2026-01-31T06:00:00.000Z"
    )
    assert seen(answer)[0][0] == "incr 07"


def test_windows_that_failed_or_go_on_are_no_recovery_points(chain: FabricatedChain) -> None:
    chain.windows[1]["status"] = "FAILED"
    chain.windows[2] |= {"status": "IN_PROGRESS", "export_manifest": None}
    chain.record()
    answer = history(NAME)
    assert (answer.code, answer.body["increments_read"]) == (200, 1)


def test_increments_that_have_expired_are_one_point_and_no_loss(
    chain: FabricatedChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETENTION_CLASSES", '{"daily": 35, "incremental": 9}')
    chain.record()
    assert history(NAME).body["increments_read"] == 3, "an open chain is never given a retention class"
    chain.closed = "superseded by the full backup 2026-02-01-0001"
    chain.record()
    answer = history(NAME)
    assert (answer.code, seen(answer)) == (200, [("full", "present", None)])
    (point,) = answer.body["unreadable_points"]
    assert (point["type"], point["status"]) == ("increment", "EXPIRED")
    assert (point["from"], point["to"]) == ("2026-01-31T02:00:00.000Z", "2026-01-31T05:00:00.000Z")
    assert "3 increments" in point["error"]


def test_a_full_backup_that_a_later_one_of_its_day_superseded_is_found_by_its_chain(chain: FabricatedChain) -> None:
    stage = chain.stage
    stage.entries.clear()
    later = {"run_id": f"{DATE}-0009", "export_time": "2026-01-31T09:00:00.000Z"}
    stage.back_up("orders", [valued(1, "evening")], entry=later)
    definition = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    }
    stage.put(f"{stage.prefix}/{DATE}/runs/{RUN_ID}/definitions/orders.json", json.dumps({"Table": definition}))
    answer = history(NAME)
    assert answer.code == 200
    assert [(one, changed) for one, _, changed in seen(answer)][1:] == [
        ("incr 05", True),
        ("incr 03", True),
        ("full", None),
    ]
    assert answer.body["keys"][0]["versions"][0]["changed"] is True


def test_dates_bound_increments_by_their_end(chain: FabricatedChain) -> None:
    none = history(NAME, to="2026-01-30")
    assert (none.code, none.body["error_type"]) == (500, "BackupNotFound")
    day: dict[str, Any] = {"from": DATE, "to": DATE}
    assert history(NAME, **day).body["increments_read"] == 3
    chain.window([deleted(5)])
    assert history(NAME, **day).body["increments_read"] == 4
