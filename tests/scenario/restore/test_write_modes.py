"""Write modes: what each one writes, what it leaves alone, and that every item of the backup is accounted for."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox
from tests.scenario.restore.kit import (
    DATE,
    Stage,
    canonicals,
    restore,
    restore_in_turns,
    strings,
    table_writes,
)

ITEMS = strings(40, n={"N": "1.0"}, tags={"SS": ["a", "b"]}, bin={"B": "aGVsbG8="})
SAME = [{**one, "n": {"N": "1"}, "tags": {"SS": ["b", "a"]}} for one in ITEMS]
"""The same items as DynamoDB takes them, written otherwise."""


def changed(item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "n": {"N": "2"}}


def accounted(result: dict[str, Any]) -> int:
    return sum(result[f"items_{kind}"] for kind in ("written", "failed", "skipped", "unchanged"))


@pytest.fixture
def partly(stage: Stage) -> Stage:
    """A table with 10 equal, 10 changed and 5 foreign items; 20 of the backup's are missing."""
    stage.create_table("orders")
    stage.fill("orders", [*SAME[:10], *map(changed, ITEMS[10:20]), *strings(5, start=100)])
    stage.back_up("orders", ITEMS, file_count=3)
    return stage


def run(mode: str, **event: Any) -> Any:
    return restore({"tables": ["orders"], "backup_date": DATE, "write_mode": mode, **event})


def test_overwrite_writes_everything_and_keeps_what_is_extra(partly: Stage) -> None:
    answer = run("overwrite")
    assert answer.code == 200
    assert (answer.result["items_written"], accounted(answer.result)) == (40, 40)
    assert partly.items("orders") == canonicals([*ITEMS, *strings(5, start=100)])


def test_only_missing_never_touches_an_existing_key(aws: Sandbox, partly: Stage) -> None:
    answer = run("only_missing")
    assert answer.code == 200
    assert (answer.result["items_written"], answer.result["items_skipped"]) == (20, 20)
    assert accounted(answer.result) == answer.result["items_expected"] == answer.result["items_processed"] == 40
    expected = [*ITEMS[:10], *map(changed, ITEMS[10:20]), *ITEMS[20:], *strings(5, start=100)]
    assert partly.items("orders") == canonicals(expected)
    assert {one.operation for one in table_writes(aws)} == {"PutItem"}


def test_only_missing_with_a_sort_key_and_a_binary_key(stage: Stage) -> None:
    items = [{"p": {"B": "AAE="}, "s": {"N": str(number)}, "v": {"B": "aGVsbG8="}} for number in range(6)]
    stage.create_table("orders", (("p", "B"), ("s", "N")))
    stage.fill("orders", [{**items[0], "v": {"S": "mine"}}])
    stage.back_up("orders", items)
    answer = run("only_missing")
    assert (answer.code, answer.result["items_written"], answer.result["items_skipped"]) == (200, 5, 1)
    assert stage.items("orders") == canonicals([{**items[0], "v": {"S": "mine"}}, *items[1:]])


def test_mirror_is_clear_existing_data(partly: Stage) -> None:
    answer = run("mirror")
    assert answer.code == 200
    assert (answer.result["items_written"], answer.result["items_deleted"]) == (40, 5)
    assert partly.items("orders") == canonicals(ITEMS)


def test_diff_writes_only_what_differs(aws: Sandbox, partly: Stage) -> None:
    answer = run("diff")
    assert answer.code == 200
    assert (answer.result["items_written"], answer.result["items_unchanged"]) == (30, 10)
    assert accounted(answer.result) == 40
    assert answer.result["differences"]["missing"] == 20
    assert answer.result["differences"]["different"] == 10
    assert answer.result["differences"]["extra"] == 5
    assert partly.items("orders") == canonicals([*ITEMS, *strings(5, start=100)])


def test_diff_of_an_equal_table_writes_nothing(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("orders")
    stage.fill("orders", SAME)
    stage.back_up("orders", ITEMS, file_count=3)
    answer = run("diff")
    assert (answer.code, answer.result["items_unchanged"], answer.result["items_written"]) == (200, 40, 0)
    assert not [one for one in table_writes(aws) if one.caller and one.time > 0 and one.operation == "BatchWriteItem"]


@pytest.mark.parametrize("mode", ["overwrite", "only_missing", "mirror", "diff"])
def test_a_dry_run_writes_nothing_in_any_mode(aws: Sandbox, partly: Stage, mode: str) -> None:
    before = partly.items("orders")
    aws.requests.clear()
    answer = run(mode, dry_run=True)
    assert (answer.code, answer.result["status"]) == (200, "READY")
    assert not table_writes(aws)
    assert partly.items("orders") == before


def test_a_dry_run_of_diff_says_what_differs(partly: Stage) -> None:
    result = run("diff", dry_run=True).result
    assert result["items_unchanged"] == 10
    found = result["differences"]
    assert (found["missing"], found["different"], found["extra"]) == (20, 10, 5)
    assert {one["id"]["S"] for one in found["samples"]["extra"]} == {f"item-{n:06d}" for n in range(100, 105)}
    assert all(set(one) == {"id"} for kind in found["samples"].values() for one in kind)


@pytest.mark.parametrize("mode", ["only_missing", "diff", "mirror"])
def test_short_turns_count_nothing_twice(stage: Stage, mode: str) -> None:
    stage.create_table("orders")
    items = strings(16)
    present = [*items[:4], *map(changed, items[4:8])]
    stage.fill("orders", present)
    stage.back_up("orders", items, file_count=4)
    answers = restore_in_turns({"tables": ["orders"], "write_mode": mode, "max_workers": 2, "prove": True}, seconds=0)
    assert len(answers) > 2
    assert answers[-1].code == 200, answers[-1].body
    result = answers[-1].result
    assert accounted(result) == 16
    assert result["proven"] is True
    if mode == "diff":
        assert result["items_unchanged"] == 4
    assert stage.items("orders") == canonicals([*present, *items[8:]] if mode == "only_missing" else items)


@pytest.mark.parametrize("mode", ["only_missing", "diff"])
def test_faults_on_the_way_lose_nothing(aws: Sandbox, partly: Stage, mode: str) -> None:
    operation = "PutItem" if mode == "only_missing" else "BatchWriteItem"
    aws.faults.throttle("dynamodb", operation, times=3)
    aws.faults.server_error("dynamodb", operation, times=2)
    aws.faults.reset_connection("dynamodb", operation, times=2)
    aws.faults.reset_connection("dynamodb", operation, times=1, after=True)
    aws.faults.throttle("dynamodb", "Scan", times=2)
    answer = run(mode, prove=True)
    assert (answer.code, answer.result["proven"]) == (200, True)
    assert accounted(answer.result) == 40


def test_items_that_dynamodb_refuses_are_kept_in_every_mode(stage: Stage) -> None:
    stage.create_table("orders")
    bad = {"id": {"S": ""}}
    stage.back_up("orders", [*ITEMS[:5], bad, *ITEMS[5:10]])
    for mode, written in (("only_missing", 10), ("diff", 0)):
        answer = run(mode)
        assert answer.code == 207
        assert (answer.result["items_failed"], answer.result["items_written"]) == (1, written)
        assert accounted(answer.result) == 11
        assert answer.result["status"] == "PARTIAL_SUCCESS"
        assert answer.result["failed_items_export"]


def test_an_item_written_by_somebody_else_in_between_is_left_alone(aws: Sandbox, partly: Stage) -> None:
    """The condition is checked at the write itself, not before it."""
    mine = changed(ITEMS[39])
    with aws.faults.delay("dynamodb", "PutItem", seconds=0.02):
        partly.fill("orders", [mine])
        answer = run("only_missing", max_workers=1)
    assert answer.result["items_skipped"] == 21
    assert canonicals([mine])[0] in partly.items("orders")
