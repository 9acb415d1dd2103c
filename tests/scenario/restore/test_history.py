"""An item's versions across backups: each from a backup whose files were verified whole, and nothing else is read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox import Sandbox
from tests.scenario.restore.kit import BUCKET, PREFIX, Answer, Stage, all_writes, restore, strings
from tests.scenario.restore.test_selection import index, key

DATES = ("2026-01-03", "2026-01-02", "2026-01-01")


def history(*names: str, seconds: float = 60.0, **fields: Any) -> Answer:
    keys = [key(name) for name in names]
    return restore({"action": "history", "tables": ["orders"], "keys": keys, **fields}, seconds=seconds)


def versions(answer: Answer, place: int = 0) -> list[tuple[str, str, bool | None]]:
    return [(one["backup_date"], one["status"], one["changed"]) for one in answer.body["keys"][place]["versions"]]


@pytest.fixture
def orders(stage: Stage) -> Stage:
    """Three daily backups: item 1 changes on the third day, item 5 comes on the second, all others stay."""
    stage.create_table("orders")
    same: dict[str, Any] = {"n": {"NS": ["1", "2"]}}
    stage.back_up("orders", strings(5, 0, **same), date=DATES[2], file_count=5)
    stage.back_up("orders", strings(6, n={"NS": ["2.0", "1"]}), date=DATES[1], file_count=5)
    changed = [{**one, "v": {"S": "new"}} if number == 1 else one for number, one in enumerate(strings(6, 0, **same))]
    export = stage.back_up("orders", changed, date=DATES[0], file_count=5)
    index(stage, export)
    return stage


def test_versions_are_listed_newest_first_and_nothing_is_written(aws: Sandbox, orders: Stage) -> None:
    aws.requests.clear()
    answer = history("item-000001", "item-000005", "nobody")

    assert answer.code == 200
    assert versions(answer, 0) == [
        (DATES[0], "present", True),
        (DATES[1], "present", False),
        (DATES[2], "present", None),
    ]
    assert versions(answer, 1) == [
        (DATES[0], "present", False),
        (DATES[1], "present", True),
        (DATES[2], "absent", None),
    ]
    assert versions(answer, 2) == [
        (date, "absent", changed) for date, changed in zip(DATES, (False, False, None), strict=True)
    ]
    newest, older, _ = answer.body["keys"][0]["versions"]
    assert newest["item"] == {**key("item-000001"), "n": {"NS": ["1", "2"]}, "v": {"S": "new"}}
    assert older["item"] == {**key("item-000001"), "n": {"NS": ["2.0", "1"]}}
    assert (newest["compared_with"], newest["export_time"] is not None) == (DATES[1], True)
    assert (answer.body["total_versions"], answer.body["next"], answer.body["unreadable_points"]) == (9, None, [])
    assert not all_writes(aws)


def test_with_an_index_only_the_files_that_may_hold_the_key_are_read(aws: Sandbox, orders: Stage) -> None:
    aws.requests.clear()
    newest: dict[str, Any] = {"from": DATES[0]}
    assert history("item-000001", **newest).code == 200
    read = [
        one
        for one in aws.requests.list("s3")
        if one.operation == "GetObject" and any("/data/" in name for name in one.resources)
    ]
    assert len(read) == 1
    assert "has no key index" in " ".join(history("item-000001", to=DATES[1]).body["warnings"])


def test_pages_go_on_where_the_last_one_ended(orders: Stage) -> None:
    whole = history("item-000001", "item-000005").body
    found: list[list[Any]] = [[], []]
    page: dict[str, Any] = {}
    for _ in range(10):
        answer = history("item-000001", "item-000005", limit=1, **page)
        assert (answer.code, answer.body["total_versions"]) == (200, 1)
        for place, one in enumerate(answer.body["keys"]):
            found[place] += one["versions"]
        if answer.body["next"] is None:
            break
        page = {"next": answer.body["next"]}
    assert found == [one["versions"] for one in whole["keys"]]


@pytest.mark.parametrize("damage", ["data", "manifest", "line", "gone", "own manifest"])
def test_a_backup_that_cannot_be_read_whole_is_named_and_its_item_not_shown(stage: Stage, damage: str) -> None:
    stage.create_table("orders")
    exports = {date: stage.back_up("orders", strings(3), date=date) for date in DATES}
    bad = exports[DATES[1]]
    (data,) = bad.data_keys
    match damage:
        case "data":
            stage.put(data, stage.get(data)[:-9] + b"123456789")
        case "line":
            stage.put(data, b"no gzip")
        case "gone":
            stage.s3.delete_object(Bucket=BUCKET, Key=data)
        case "manifest":
            stage.put(f"{bad.request.root}manifest-files.json", "{}")
        case "own manifest":
            stage.put(f"{PREFIX}/{DATES[1]}/manifest.json", "not json")

    answer = history("item-000001")

    assert answer.code == 207
    assert versions(answer) == [(DATES[0], "present", False), (DATES[2], "present", None)]
    (point,) = answer.body["unreadable_points"]
    assert (point["backup_date"], point["status"]) == (DATES[1], "DAMAGED")
    assert point["error"]
    assert answer.body["keys"][0]["versions"][0]["compared_with"] == DATES[2]


def test_an_export_that_is_gone_is_missing_and_nothing_readable_is_500(stage: Stage) -> None:
    stage.create_table("orders")
    export = stage.back_up("orders", strings(3), date=DATES[0])
    for one in stage.keys(export.request.root):
        stage.s3.delete_object(Bucket=BUCKET, Key=one)
    answer = history("item-000001")
    assert (answer.code, answer.body["error_type"]) == (500, "NothingReadable")
    assert [point["status"] for point in answer.body["unreadable_points"]] == ["MISSING"]


def test_expired_backups_and_dates_without_a_manifest_are_named_but_are_no_loss(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETENTION_CLASSES", '{"daily": 35}')
    stage.create_table("orders")
    stage.back_up("orders", strings(3), date=DATES[0])
    expired = {"retention_class": "daily", "end_time": "2020-01-01T02:00:00Z"}
    stage.back_up("orders", strings(3), date=DATES[1], entry=expired)
    stage.put(f"{PREFIX}/{DATES[2]}/runs/run.json", "{}")
    answer = history("item-000001")
    assert answer.code == 200
    assert versions(answer) == [(DATES[0], "present", None)]
    assert [point["status"] for point in answer.body["unreadable_points"]] == ["EXPIRED", "NO_MANIFEST"]


def test_failed_attempts_and_other_tables_have_no_versions(stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", strings(3), date=DATES[0])
    stage.back_up("orders", strings(3), date=DATES[1], entry={"status": "FAILED"})
    stage.back_up("users", strings(3), date=DATES[2])
    assert versions(history("item-000001")) == [(DATES[0], "present", None)]
    none = history("item-000001", to=DATES[1])
    assert (none.code, none.body["error_type"]) == (500, "BackupNotFound")


def test_the_captured_key_counts_and_another_one_is_refused_or_named(stage: Stage) -> None:
    for date, name in zip(DATES, ("id", "id", "old"), strict=True):
        definition = f"{PREFIX}/{date}/definitions/orders.json"
        table = {
            "KeySchema": [{"AttributeName": name, "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"}],
        }
        stage.put(definition, json.dumps({"Table": table}))
        stage.back_up(
            "orders",
            [{**one, "old": one["id"]} for one in strings(3)],
            date=date,
            entry={"table_definition": definition},
        )

    answer = history("item-000001")
    assert answer.code == 207
    assert [date for date, _, _ in versions(answer)] == list(DATES[:2])
    assert [point["status"] for point in answer.body["unreadable_points"]] == ["OTHER_KEY"]

    refused = restore({"action": "history", "tables": ["orders"], "keys": [{"old": {"S": "item-000001"}}]})
    assert refused.code == 500
    assert (
        "field 'keys' holds as entry 1 the attributes old (S), but the primary key is id (S)" in refused.body["error"]
    )
    twice = history("item-000001", "item-000001")
    assert (twice.code, "names the same item twice" in twice.body["error"]) == (500, True)


def test_an_altered_definition_makes_its_point_unreadable(stage: Stage) -> None:
    definition = f"{PREFIX}/{DATES[0]}/definitions/orders.json"
    table = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    }
    stage.put(definition, json.dumps({"Table": table}))
    entry = {"table_definition": definition, "table_definition_sha256": "0" * 64}
    stage.back_up("orders", strings(3), date=DATES[0], entry=entry)
    answer = history("item-000001")
    assert answer.code == 500
    (point,) = answer.body["unreadable_points"]
    assert "is altered since it was captured" in point["error"]


def test_without_a_captured_key_the_table_must_still_be_there(stage: Stage) -> None:
    stage.back_up("orders", strings(3), date=DATES[0])
    answer = history("item-000001")
    assert answer.code == 500
    (point,) = answer.body["unreadable_points"]
    assert "the primary key was not captured with this backup" in point["error"]


def test_when_time_runs_out_the_page_ends_and_says_where_to_go_on(aws: Sandbox, orders: Stage) -> None:
    aws.faults.delay("s3", "GetObject", seconds=0.3)
    found: list[Any] = []
    page: dict[str, Any] = {}
    turns = 0
    while turns < 20:
        turns += 1
        answer = history("item-000001", seconds=5.0, **page)
        assert answer.code == 200
        found += answer.body["keys"][0]["versions"]
        if answer.body["next"] is None:
            break
        page = {"next": answer.body["next"]}
    assert turns > 1
    assert [one["backup_date"] for one in found] == list(DATES)


def test_a_backup_too_large_for_one_invocation_is_named_and_passed(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("orders")
    for date in DATES[:2]:
        stage.back_up("orders", strings(30), date=date, file_count=12)
    aws.faults.delay("s3", "GetObject", seconds=0.3)
    answer = history("item-000001", seconds=0.4)
    assert (answer.code, answer.body["error_type"]) == (500, "NothingReadable")
    (point,) = answer.body["unreadable_points"]
    assert (point["backup_date"], point["status"]) == (DATES[0], "UNREADABLE")
    assert "time ran out" in point["error"]
    assert answer.body["next"].startswith(DATES[1])


def test_neither_keys_nor_items_are_logged(
    orders: Stage, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    history("item-000001")
    history("item-000001", "item-000001")
    orders.put(f"{PREFIX}/{DATES[0]}/manifest.json", "not json")
    history("item-000001")
    logged = " ".join(str(vars(record)) for record in caplog.records)
    assert "item-000001" not in logged + "".join(capsys.readouterr())
    assert "answered" in logged
