"""An undo reverts exactly what changed in its window, and nothing that changed again since."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from dynamodb_backup.undo import table as undo_table
from sandbox import exports
from tests.scenario.restore.kit import BUCKET, TABLE_WRITES, canonical, canonicals, strings
from tests.scenario.undo.kit import Change, UndoStage, undo, undo_in_turns

ODD: dict[str, Any] = {
    "number": {"N": "12345678901234567890.12345678"},
    "binary": {"B": "AP8="},
    "sets": {"M": {"BS": {"BS": ["AA==", "/w=="]}, "NS": {"NS": ["1", "2.5"]}, "SS": {"SS": ["a", "b"]}}},
    "list": {"L": [{"B": "aGVsbG8="}, {"NULL": True}, {"BOOL": False}, {"M": {"B": {"S": "x"}}}]},
    "size": {"S": "a reserved word"},
}


def item(name: str, **attributes: Any) -> dict[str, Any]:
    return {"id": {"S": name}, **attributes}


def key(name: str) -> dict[str, Any]:
    return {"id": {"S": name}}


def an_update(name: str) -> Change:
    return key(name), item(name, v={"S": "old"}), item(name, v={"S": "new"})


def writes(stage: UndoStage) -> int:
    return sum(request.operation in TABLE_WRITES for request in stage.aws.requests.list("dynamodb"))


def test_a_window_is_reverted_exactly(stage: UndoStage) -> None:
    stage.create_table("orders")
    before = [item("kept"), item("updated", v={"S": "old"}, **ODD), item("deleted", **ODD), item("both", v={"N": "1"})]
    stage.fill("orders", before)
    with stage.window() as window:
        stage.put_item("orders", item("updated", other={"S": "new"}))
        stage.delete_item("orders", key("deleted"))
        stage.put_item("orders", item("inserted", **ODD))
        stage.put_item("orders", item("both", v={"N": "2"}))
        stage.put_item("orders", item("both", v={"N": "3"}))
        stage.put_item("orders", item("gone-again"))
        stage.delete_item("orders", key("gone-again"))
    stage.put_item("orders", item("later"))

    rehearsal = undo({"tables": ["orders"], **window, "dry_run": True})
    assert (rehearsal.code, rehearsal.result["status"], rehearsal.counts) == (200, "READY", (4, 4, 0, 0, 0))
    assert canonical(item("later")) in stage.items("orders")
    stage.aws.requests.clear()

    answer = undo({"tables": ["orders"], **window})

    assert (answer.code, answer.result["status"], answer.counts) == (200, "COMPLETED", (4, 4, 0, 0, 0))
    assert stage.items("orders") == canonicals([*before, item("later")])
    # The dry run's export serves again: it is not billed twice.
    assert stage.aws.requests.count("dynamodb", "ExportTableToPointInTime") == 0


def test_twice_is_once(stage: UndoStage) -> None:
    stage.create_table("orders")
    stage.fill("orders", [item("a", v={"S": "old"})])
    with stage.window() as window:
        stage.put_item("orders", item("a", v={"S": "new"}))
        stage.put_item("orders", item("b"))
    assert undo({"tables": ["orders"], **window}).counts == (2, 2, 0, 0, 0)
    stage.aws.requests.clear()

    answer = undo({"tables": ["orders"], **window})

    assert (answer.code, answer.counts) == (200, (2, 0, 2, 0, 0))
    assert writes(stage) == 0


def test_an_ended_undo_is_answered_again(stage: UndoStage) -> None:
    stage.create_table("orders")
    stage.fill("orders", [item("a", v={"S": "new"})])
    event = {"tables": ["orders"], "export": stage.window_export("orders", [an_update("a")])}
    first = undo(event)
    stage.aws.requests.clear()
    again = undo({"undo_id": first.body["undo_id"]})
    assert (again.code, again.body["undo_results"]) == (200, first.body["undo_results"])
    assert writes(stage) == 0


def test_what_changed_again_is_left_and_listed(stage: UndoStage) -> None:
    stage.create_table("orders")
    changes = [an_update("a"), an_update("b"), (key("c"), item("c"), None), (key("d"), None, item("d"))]
    live = [item("a", v={"S": "new"}), item("b", v={"S": "newest"}), item("c", v={"S": "again"})]
    stage.fill("orders", live)

    answer = undo({"tables": ["orders"], "export": stage.window_export("orders", changes)})

    # d was inserted in the window and is gone already: that is what undoing it means.
    assert (answer.code, answer.result["status"], answer.counts) == (207, "PARTIAL_SUCCESS", (4, 1, 1, 2, 0))
    assert stage.items("orders") == canonicals([item("a", v={"S": "old"}), *live[1:]])
    assert [one["Keys"] for one in stage.not_reverted(answer)] == [key("b"), key("c")]
    assert "2 items changed again after the window" in answer.result["error"]


def test_told_so_it_overwrites_what_changed_again_and_keeps_it(stage: UndoStage) -> None:
    stage.create_table("orders")
    stage.fill("orders", [item("a", v={"S": "newest"}, **ODD)])
    event = {"tables": ["orders"], "export": stage.window_export("orders", [an_update("a")])}

    answer = undo({**event, "allow_changed_after": True})

    assert (answer.code, answer.counts) == (200, (1, 1, 0, 0, 0))
    assert stage.items("orders") == canonicals([item("a", v={"S": "old"})])
    place = answer.result["overwritten_export"].removeprefix(f"s3://{BUCKET}/")
    (file,) = [one for one in stage.keys(place) if one.endswith(".json.gz")]
    assert canonical(json.loads(gzip.decompress(stage.get(file)))["Item"]) == canonical(
        item("a", v={"S": "newest"}, **ODD)
    )


def test_other_spellings_of_the_same_item_are_the_same(stage: UndoStage) -> None:
    stage.create_table("orders", (("pk", "N"), ("sk", "B")))
    keys = {"pk": {"N": "1.0"}, "sk": {"B": "AP8="}}
    stage.fill("orders", [{**keys, "n": {"N": "100"}, "s": {"SS": ["b", "a"]}}])
    change = (keys, {**keys, "n": {"N": "7"}}, {**keys, "n": {"N": "1E2"}, "s": {"SS": ["a", "b"]}})

    wanted = [{"pk": {"N": "10E-1"}, "sk": {"B": "AP8="}}]
    answer = undo({"tables": ["orders"], "export": stage.window_export("orders", [change]), "keys": wanted})

    assert (answer.code, answer.counts) == (200, (1, 1, 0, 0, 0))
    assert stage.items("orders") == canonicals([{**keys, "n": {"N": "7"}}])


def test_only_given_keys_are_reverted_and_one_without_a_change_is_said(stage: UndoStage) -> None:
    stage.create_table("orders")
    live = [item(name, v={"S": "new"}) for name in "abc"]
    stage.fill("orders", live)
    event = {"tables": ["orders"], "export": stage.window_export("orders", [an_update(name) for name in "abc"])}

    answer = undo({**event, "keys": [key("b"), key("nobody")]})
    assert (answer.code, answer.result["status"], answer.counts) == (207, "PARTIAL_SUCCESS", (1, 1, 0, 0, 0))
    assert answer.result["changes_in_window"] == 3
    assert answer.result["keys_not_found"] == [key("nobody")]
    assert stage.items("orders") == canonicals([live[0], item("b", v={"S": "old"}), live[2]])

    answer = undo({**event, "partition_keys": [key("nobody")]})
    assert (answer.code, answer.result["status"]) == (500, "FAILED")


def test_items_of_many_attributes_and_a_change_in_the_last_one(stage: UndoStage) -> None:
    stage.create_table("orders")
    many = {f"a{number:03d}": {"N": str(number)} for number in range(150)}
    changes = [(key(name), item(name), item(name, **many)) for name in ("a", "b")]
    stage.fill("orders", [item("a", **many), item("b", **many, z={"S": "since"})])

    answer = undo({"tables": ["orders"], "export": stage.window_export("orders", changes)})

    assert (answer.code, answer.counts) == (207, (2, 1, 0, 1, 0))
    assert stage.items("orders") == canonicals([item("a"), item("b", **many, z={"S": "since"})])


def test_attributes_added_and_removed_do_not_matter(stage: UndoStage) -> None:
    stage.create_table("orders")
    stage.fill("orders", [item("a", color={"S": "red"})])
    change = (key("a"), item("a", shade={"L": [{"S": "red"}]}), item("a", color={"S": "red"}))
    answer = undo({"tables": ["orders"], "export": stage.window_export("orders", [change])})
    assert answer.code == 200
    assert stage.items("orders") == canonicals([change[1] or {}])


@pytest.fixture
def ten_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn without time reads a tenth of what DynamoDB lets it."""
    monkeypatch.setattr(undo_table, "MOST_KEYS_AT_ONCE", 10)


@pytest.mark.usefixtures("ten_at_once")
def test_turns_without_any_time_revert_everything_once(stage: UndoStage) -> None:
    stage.create_table("orders")
    names = [f"item-{number:04d}" for number in range(35)]
    stage.fill("orders", [item(name, v={"S": "new"}) for name in names])
    lines = [exports.incremental_line(1, *an_update(name)) for name in names]
    place = stage.window_export("orders", [], files=[exports.data_file(lines[start::3]) for start in range(3)])

    answers = undo_in_turns({"tables": ["orders"], "export": place, "max_workers": 4}, seconds=0)

    assert len(answers) > 4
    assert {answer.code for answer in answers[:-1]} == {202}
    assert (answers[-1].code, answers[-1].counts) == (200, (35, 35, 0, 0, 0))
    assert stage.items("orders") == canonicals(item(name, v={"S": "old"}) for name in names)


@pytest.mark.usefixtures("ten_at_once")
def test_a_killed_turn_is_done_again(stage: UndoStage) -> None:
    stage.create_table("orders")
    names = [f"item-{number:04d}" for number in range(15)]
    stage.fill("orders", [item(name, v={"S": "new"}) for name in names])
    event = {"tables": ["orders"], "export": stage.window_export("orders", [an_update(name) for name in names])}
    first = undo(event, seconds=0)
    assert first.code == 202
    record = f"native-exports/undos/{first.body['undo_id']}/undo.json"
    before = stage.get(record)
    undo({"undo_id": first.body["undo_id"]})
    stage.put(record, before)  # as if that turn had been killed before it could write where it stood

    answer = undo({"undo_id": first.body["undo_id"]})

    assert answer.code == 200
    assert sum(answer.counts[1:3]) == 15
    assert stage.items("orders") == canonicals(item(name, v={"S": "old"}) for name in names)


def test_an_export_that_takes_longer_is_followed_and_started_once(stage: UndoStage) -> None:
    stage.create_table("orders")
    with stage.window() as window:
        stage.put_item("orders", item("a"))
    stage.aws.exports.configure(seconds=4, minimum_window_seconds=0, restorable_lag_seconds=0, pitr_age_seconds=3600)
    first = undo({"tables": ["orders"], **window}, seconds=0)
    assert (first.code, first.result["status"]) == (202, "IN_PROGRESS")
    assert undo({"undo_id": first.body["undo_id"]}, seconds=30).code == 200
    assert stage.items("orders") == []
    assert stage.aws.requests.count("dynamodb", "ExportTableToPointInTime") == 1


def test_a_lost_answer_and_throttling_revert_once(stage: UndoStage) -> None:
    stage.create_table("orders")
    names = [f"item-{number:02d}" for number in range(20)]
    stage.fill("orders", [item(name, v={"S": "new"}) for name in names])
    stage.aws.faults.reset_connection("dynamodb", "PutItem", after=True, times=3)
    stage.aws.faults.throttle("dynamodb", "PutItem", times=5)
    stage.aws.faults.throttle("dynamodb", "BatchGetItem", times=1)
    event = {"tables": ["orders"], "export": stage.window_export("orders", [an_update(name) for name in names])}

    answer = undo(event)

    assert (answer.code, answer.counts) == (200, (20, 20, 0, 0, 0))
    assert stage.items("orders") == canonicals(item(name, v={"S": "old"}) for name in names)


def test_what_was_reverted_before_a_denial_is_told(stage: UndoStage) -> None:
    stage.create_table("orders")
    names = [f"item-{number:02d}" for number in range(20)]
    stage.fill("orders", [item(name, v={"S": "new"}) for name in names])
    event = {"tables": ["orders"], "export": stage.window_export("orders", [an_update(name) for name in names])}
    stage.aws.faults.deny("dynamodb", "PutItem", skip=5)

    answer = undo(event)

    assert (answer.code, answer.result["status"], answer.counts) == (207, "FAILED", (20, 5, 0, 0, 0))
    assert "AccessDenied" in answer.result["error"]
    assert sum('"old"' in one for one in stage.items("orders")) == 5


def test_all_tables_and_one_that_fails(stage: UndoStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYNAMODB_TABLES", '["orders", "users", "missing"]')
    for table in ("orders", "users"):
        stage.create_table(table)
    with stage.window() as window:
        stage.fill("orders", strings(3))
        stage.fill("users", strings(2))
    answer = undo(window)
    assert answer.code == 207
    assert [one["status"] for one in answer.body["undo_results"]] == ["COMPLETED", "COMPLETED", "FAILED"]
    assert stage.items("orders") == stage.items("users") == []
