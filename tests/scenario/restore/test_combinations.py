"""Fields given together, in one turn and in the shortest ones: each still means what it does alone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenario.restore.kit import Answer, Stage, canonicals, restore_in_turns, strings
from tests.scenario.restore.test_chains import chain_of, deleted, valued, with_value
from tests.scenario.restore.test_new_target import ITEMS, assert_settings_again, back_up

BACKUP = strings(24, n={"N": "1"})
CHANGED = [{**one, "n": {"N": "2"}} for one in BACKUP[4:8]]
FOREIGN = strings(7, start=900)
TURNS = pytest.mark.parametrize("seconds", [60, 0], ids=["one turn", "shortest turns"])


def accounted(result: dict[str, Any]) -> tuple[int, ...]:
    return tuple(result[f"items_{kind}"] for kind in ("written", "skipped", "unchanged", "failed", "deleted"))


def run(seconds: float, **event: Any) -> Answer:
    answers = restore_in_turns({"max_workers": 2, **event}, seconds=seconds, most=600)
    assert (len(answers) == 1) == bool(seconds)
    return answers[-1]


@TURNS
@pytest.mark.parametrize(
    ("mode", "counts"),
    [
        ("overwrite", (24, 0, 0, 0, 0)),
        ("only_missing", (16, 8, 0, 0, 0)),
        ("mirror", (24, 0, 0, 0, 7)),
        ("diff", (20, 0, 4, 0, 0)),
    ],
)
def test_write_modes_with_proof(stage: Stage, mode: str, counts: tuple[int, ...], seconds: float) -> None:
    stage.create_table("orders")
    stage.fill("orders", [*BACKUP[:4], *CHANGED, *FOREIGN])
    stage.back_up("orders", BACKUP, file_count=3)
    answer = run(seconds, write_mode=mode, prove=True)
    assert (answer.code, answer.result["proven"], accounted(answer.result)) == (200, True, counts)
    kept = [*BACKUP[:4], *CHANGED, *BACKUP[8:]] if mode == "only_missing" else BACKUP
    assert stage.items("orders") == canonicals([*kept, *(FOREIGN if mode != "mirror" else [])])


@pytest.mark.parametrize("mode", ["overwrite", "only_missing", "mirror", "diff"])
def test_dry_runs_in_the_shortest_turns(stage: Stage, mode: str) -> None:
    stage.create_table("orders")
    stage.fill("orders", FOREIGN)
    stage.back_up("orders", BACKUP, file_count=3)
    answer = run(0, write_mode=mode, dry_run=True)
    assert (answer.code, answer.result["status"], answer.result["items_processed"]) == (200, "READY", 24)
    assert stage.items("orders") == canonicals(FOREIGN)


@TURNS
@pytest.mark.parametrize("mode", ["overwrite", "mirror"])
def test_a_chain_with_proof(stage: Stage, mode: str, seconds: float) -> None:
    stage.create_table("orders")
    stage.fill("orders", FOREIGN)
    chain = chain_of(stage, strings(60))
    chain.window([with_value(number, "first") for number in range(30)])
    chain.window([deleted(number) for number in range(15, 45)] + [with_value(500, "new")])
    answer = run(seconds, restore_to="2026-02-01T00:00:00Z", write_mode=mode, prove=True)
    result = answer.result
    assert (answer.code, result["proven"], result["items_processed"]) == (200, True, 121)
    expected = [*(valued(number, "first") for number in range(15)), *strings(15, start=45), valued(500, "new")]
    assert stage.items("orders") == canonicals([*expected, *(FOREIGN if mode == "overwrite" else [])])


@pytest.mark.parametrize("mode", ["overwrite", "only_missing", "mirror", "diff"])
def test_a_missing_table_is_created_and_proven_in_the_shortest_turns(stage: Stage, mode: str) -> None:
    back_up(stage, file_count=3)
    answer = run(0, create_missing_tables=True, write_mode=mode, prove=True)
    assert (answer.code, answer.result["proven"], accounted(answer.result)) == (200, True, (20, 0, 0, 0, 0))
    assert stage.items("orders") == canonicals(ITEMS)
    assert_settings_again(stage)


@pytest.mark.parametrize("mode", ["overwrite", "only_missing", "diff"])
@pytest.mark.parametrize("kind", ["keys", "partition_keys"])
def test_single_items_into_another_table_in_the_shortest_turns(stage: Stage, mode: str, kind: str) -> None:
    keys = (("id", "S"), ("at", "N"))
    stage.create_table("orders", keys)
    stage.create_table("copy", keys)
    stage.fill("copy", [{**ITEMS[0], "blob": {"B": "AAAA"}}, ITEMS[7], ITEMS[1]])
    stage.back_up("orders", ITEMS, file_count=3)
    wanted = [one for one in ITEMS if one["id"]["S"] == "0"]
    asked = [{"id": {"S": "0"}}] if kind == "partition_keys" else [{k: one[k] for k in ("id", "at")} for one in wanted]
    event = {"tables": ["orders"], "target_tables": {"orders": "copy"}, kind: asked, "write_mode": mode}
    answer = run(0, **event, prove=True)
    result = answer.result
    assert (answer.code, result["proven"], result["items_processed"]) == (200, True, len(wanted)), result
    expected = {"only_missing": (2, 0), "diff": (0, 1), "overwrite": (0, 0)}[mode]
    assert (result["items_skipped"], result["items_unchanged"]) == expected
    first = {**ITEMS[0], "blob": {"B": "AAAA"}} if mode == "only_missing" else ITEMS[0]
    assert stage.items("copy") == canonicals([first, *wanted[1:], ITEMS[1]])
