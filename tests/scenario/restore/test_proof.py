"""``prove``: the table is read again, and the result says truthfully whether it holds what the mode promises."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest

from sandbox import Sandbox
from tests.scenario.restore.kit import DATE, Stage, canonicals, decoded, restore, restore_in_turns, strings

ITEMS = strings(30, n={"N": "1E1"}, secret={"S": "do-not-tell"})


@pytest.fixture
def shop(stage: Stage) -> Stage:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, file_count=3)
    return stage


def run(**event: Any) -> Any:
    return restore({"tables": ["orders"], "backup_date": DATE, "prove": True, **event})


def during_the_proof(aws: Sandbox, change: Any) -> threading.Thread:
    """Make a change as soon as the last batch is written, while the proof's scan is held up."""
    aws.faults.delay("dynamodb", "Scan", seconds=1.5)

    def wait_and_change() -> None:
        give_up = time.monotonic() + 20
        while not aws.requests.count("dynamodb", "BatchWriteItem") and time.monotonic() < give_up:
            time.sleep(0.01)
        time.sleep(0.5)
        change()

    thread = threading.Thread(target=wait_and_change)
    thread.start()
    return thread


def test_a_restore_into_an_empty_table_is_proven(shop: Stage) -> None:
    answer = run()
    assert (answer.code, answer.result["proven"]) == (200, True)
    assert answer.result["differences"] == {"missing": 0, "extra": 0, "different": 0, "samples": {}}


def test_a_proof_and_the_time_it_took_are_counted(shop: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    run()
    run(prove=False)
    lines = capfd.readouterr().out.splitlines()
    proven, unproven = [one for line in lines if "RestoreSucceeded" in (one := emitted(line))]
    assert proven["RestoreProven"] == [1]
    assert "RestoreProven" not in unproven
    assert 0 <= proven["RestoreDuration"][0] < 120


def emitted(line: str) -> dict[str, Any]:
    return dict(json.loads(line)) if line.startswith('{"_aws"') else {}


def test_without_prove_nothing_is_claimed(shop: Stage) -> None:
    result = run(prove=False).result
    assert (result["proven"], result["differences"]) == (None, None)


def test_an_empty_backup_is_proven(stage: Stage) -> None:
    stage.create_table("orders")
    stage.fill("orders", strings(3))
    stage.back_up("orders", [])
    answer = run(write_mode="mirror")
    assert (answer.code, answer.result["proven"]) == (200, True)


def test_extra_items_are_no_fault_where_the_mode_leaves_them(shop: Stage) -> None:
    shop.fill("orders", strings(3, start=900))
    answer = run()
    assert (answer.code, answer.result["proven"], answer.result["differences"]["extra"]) == (200, True, 3)


def test_existing_items_are_no_fault_where_the_mode_leaves_them(shop: Stage) -> None:
    shop.fill("orders", strings(3))
    answer = run(write_mode="only_missing")
    assert (answer.code, answer.result["proven"], answer.result["differences"]["different"]) == (200, True, 3)


def test_a_table_that_changes_during_the_proof_is_never_200(
    aws: Sandbox, shop: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    def change() -> None:
        shop.dynamodb.delete_item(TableName="orders", Key=decoded({"id": ITEMS[0]["id"]}))
        shop.fill("orders", [{**ITEMS[1], "n": {"N": "11"}}, *strings(1, start=900)])

    aws.requests.clear()
    thread = during_the_proof(aws, change)
    answer = run(max_workers=1)
    thread.join()
    assert answer.code == 207
    result = answer.result
    assert (result["status"], result["proven"], result["items_written"]) == ("PARTIAL_SUCCESS", False, 30)
    found = result["differences"]
    assert (found["missing"], found["different"], found["extra"]) == (1, 1, 1)
    assert found["samples"] == {
        "missing": [{"id": ITEMS[0]["id"]}],
        "different": [{"id": ITEMS[1]["id"]}],
        "extra": [{"id": {"S": "item-000900"}}],
    }
    for telling in ("another writer", "TTL", "write_mode"):
        assert telling in result["error"]
    assert "do-not-tell" not in json.dumps(answer.body)
    logged = str([vars(record) for record in caplog.records])
    assert "not proven" in logged
    assert "item-0" not in logged


def test_an_extra_item_breaks_the_proof_of_a_mirror(aws: Sandbox, shop: Stage) -> None:
    aws.requests.clear()
    scans = aws.faults.delay("dynamodb", "Scan", seconds=1.0)

    def change() -> None:
        while aws.requests.count("dynamodb", "Scan") < 2:  # the first looks for what is to be deleted
            time.sleep(0.01)
        shop.fill("orders", strings(1, start=900))

    thread = threading.Thread(target=change)
    thread.start()
    answer = run(write_mode="mirror", max_workers=1)
    thread.join()
    scans.clear()
    assert (answer.code, answer.result["proven"], answer.result["differences"]["extra"]) == (207, False, 1)
    again = run(write_mode="mirror")
    assert (again.code, again.result["proven"], again.result["items_deleted"]) == (200, True, 1)
    assert shop.items("orders") == canonicals(ITEMS)


def test_a_table_that_is_deleted_during_the_proof_is_never_200(aws: Sandbox, shop: Stage) -> None:
    aws.requests.clear()
    thread = during_the_proof(aws, lambda: shop.dynamodb.delete_table(TableName="orders"))
    answer = run(max_workers=1)
    thread.join()
    assert answer.code in {207, 500}
    assert (answer.result["status"], answer.result["proven"]) == ("FAILED", None)
    assert "Scan failed with ResourceNotFoundException" in answer.result["error"]


@pytest.mark.parametrize("mode", ["overwrite", "only_missing", "mirror"])
def test_a_table_that_may_not_be_read_is_not_proven_and_what_was_written_is_told(
    aws: Sandbox, shop: Stage, mode: str
) -> None:
    with aws.faults.deny("dynamodb", "Scan"):
        answer = run(write_mode=mode)

    assert (answer.code, answer.result["status"], answer.result["proven"]) == (207, "FAILED", None)
    assert "Scan failed with AccessDenied" in answer.errors
    assert answer.result["items_written"] == len(shop.items("orders")) == 30


def test_a_scan_that_stays_throttled_is_waited_for(aws: Sandbox, shop: Stage) -> None:
    fault = aws.faults.throttle("dynamodb", "Scan")
    first = restore({"tables": ["orders"], "prove": True}, seconds=8)
    assert (first.code, first.result["proven"]) == (202, None)
    assert "waiting after Scan failed with" in first.result["error"]
    fault.clear()
    answer = restore({"restore_id": first.body["restore_id"]})
    assert (answer.code, answer.result["proven"], answer.result["items_written"]) == (200, True, 30)


def test_a_proof_in_short_turns_counts_nothing_twice(aws: Sandbox, stage: Stage) -> None:
    """A page of a scan is 1 MB, so this table has several."""
    items = strings(40, text={"S": "x" * 90_000})
    stage.create_table("orders")
    stage.back_up("orders", items[1:], file_count=2)
    stage.fill("orders", items[:1])
    aws.faults.delay("dynamodb", "Scan", seconds=0.5)
    answers = restore_in_turns({"tables": ["orders"], "prove": True, "max_workers": 1}, seconds=1.0)
    assert len(answers) > 2
    assert (answers[-1].code, answers[-1].result["proven"]) == (200, True)
    assert answers[-1].result["differences"]["extra"] == 1


def test_items_that_were_refused_are_missing(stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", [*ITEMS[:3], {"id": {"S": ""}}])
    answer = run()
    assert (answer.code, answer.result["status"], answer.result["proven"]) == (207, "PARTIAL_SUCCESS", False)
    assert answer.result["differences"]["missing"] == 1
    assert "refused 1 of 4 items" in answer.result["error"]
