"""verify against the live table: identical, or which keys are missing, extra or different."""

from __future__ import annotations

import json
import time
from threading import Thread

import pytest

from dynamodb_backup.handlers.restore import lambda_handler as restore_handler
from sandbox import Sandbox
from tests.scenario.restore.kit import LambdaContext, Stage, strings, table_writes
from tests.scenario.verify.kit import verify, verify_in_turns

ITEMS = strings(40, n={"N": "1.0"}, tags={"SS": ["a", "b"]}, secret={"S": "do-not-tell"})
SAME = [{**one, "n": {"N": "1"}, "tags": {"SS": ["b", "a"]}} for one in ITEMS]
EVENT = {"against": "table"}


@pytest.fixture
def shop(stage: Stage) -> Stage:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, file_count=3)
    return stage


def test_an_equal_table_is_identical(aws: Sandbox, shop: Stage) -> None:
    shop.fill("orders", SAME)
    aws.requests.clear()
    answer = verify(EVENT)
    assert answer.code == 200
    result = answer.result
    assert (result["status"], result["target_table"], result["items_in_table"]) == ("IDENTICAL", "orders", 40)
    assert result["table_fingerprint"] == result["fingerprint"]
    assert result["differences"] == {"missing": 0, "extra": 0, "different": 0, "samples": {}}
    assert not table_writes(aws)


def test_differences_are_counted_and_named_by_keys_alone(shop: Stage, caplog: pytest.LogCaptureFixture) -> None:
    shop.fill("orders", [*SAME[:30], *({**one, "n": {"N": "2"}} for one in ITEMS[30:35]), *strings(3, start=900)])
    answer = verify(EVENT)
    assert answer.code == 207
    result = answer.result
    assert (result["status"], result["items_in_table"], result["error"]) == ("DIFFERENT", 38, None)
    found = result["differences"]
    assert (found["missing"], found["different"], found["extra"]) == (5, 5, 3)
    names = {kind: {key["id"]["S"] for key in keys} for kind, keys in found["samples"].items()}
    assert names == {
        "missing": {one["id"]["S"] for one in ITEMS[35:]},
        "different": {one["id"]["S"] for one in ITEMS[30:35]},
        "extra": {f"item-{number:06d}" for number in range(900, 903)},
    }
    assert result["table_fingerprint"] != result["fingerprint"]
    assert "do-not-tell" not in json.dumps(answer.body)
    assert "item-0" not in str([vars(record) for record in caplog.records])


def test_samples_are_ten_of_each_kind_at_most(shop: Stage) -> None:
    shop.fill("orders", strings(30, start=900))
    found = verify(EVENT).result["differences"]
    assert (found["missing"], found["extra"]) == (40, 30)
    assert {kind: len(keys) for kind, keys in found["samples"].items()} == {"missing": 10, "extra": 10}


def test_another_table_may_be_compared(shop: Stage) -> None:
    shop.create_table("orders-copy")
    shop.fill("orders-copy", SAME)
    answer = verify({**EVENT, "tables": ["orders"], "target_tables": {"orders": "orders-copy"}})
    assert (answer.code, answer.result["status"], answer.result["target_table"]) == (200, "IDENTICAL", "orders-copy")


def test_the_restore_function_does_it_by_its_action(shop: Stage) -> None:
    shop.fill("orders", SAME)
    response = restore_handler({"action": "verify", **EVENT}, LambdaContext(60))
    assert response["statusCode"] == 200
    assert response["body"]["verify_results"][0]["status"] == "IDENTICAL"


def test_a_table_that_is_missing_or_has_other_keys_cannot_be_compared(stage: Stage) -> None:
    stage.back_up("orders", ITEMS)
    missing = verify(EVENT)
    assert (missing.code, missing.result["status"]) == (500, "FAILED")
    assert "target table orders does not exist" in missing.result["error"]
    stage.create_table("orders", (("n", "N"),))
    shared = verify(EVENT).result["error"]
    assert "39 items of the backup share their key there with another" in shared
    stage.create_table("other", (("nothing", "S"),))
    other = verify({**EVENT, "tables": ["orders"], "target_tables": {"orders": "other"}}).result["error"]
    assert "no item of the backup has such a key" in other


def test_a_damaged_backup_is_not_compared(aws: Sandbox, shop: Stage) -> None:
    export = shop.export("orders", ITEMS, date="2026-02-01")
    export.objects[export.data_keys[0]] = export.objects[export.data_keys[0]][:-4]
    shop.back_up_damaged("orders", export, date="2026-02-01")
    aws.requests.clear()
    assert verify(EVENT).result["status"] == "FAILED"
    assert not aws.requests.count("dynamodb", "Scan")


def test_a_table_that_is_deleted_meanwhile_is_failed(aws: Sandbox, shop: Stage) -> None:
    shop.fill("orders", SAME)
    aws.requests.clear()
    aws.faults.delay("dynamodb", "Scan", seconds=1.0)

    def delete() -> None:
        while not aws.requests.count("dynamodb", "Scan"):
            time.sleep(0.01)
        shop.dynamodb.delete_table(TableName="orders")

    thread = Thread(target=delete)
    thread.start()
    answer = verify({**EVENT, "max_workers": 1})
    thread.join()
    assert (answer.code, answer.result["status"]) == (500, "FAILED")
    assert "Scan failed with ResourceNotFoundException" in answer.result["error"]


def test_a_throttled_scan_is_waited_for(aws: Sandbox, shop: Stage) -> None:
    shop.fill("orders", SAME)
    fault = aws.faults.throttle("dynamodb", "Scan")
    first = verify(EVENT, seconds=8)
    assert first.code == 202
    assert "waiting after Scan failed with" in first.result["error"]
    fault.clear()
    answer = verify({"verify_id": first.body["verify_id"]})
    assert (answer.code, answer.result["status"]) == (200, "IDENTICAL")


def test_broken_and_cut_answers_are_read_again(aws: Sandbox, shop: Stage) -> None:
    shop.fill("orders", SAME)
    aws.faults.server_error("dynamodb", "Scan", times=2)
    aws.faults.reset_connection("dynamodb", "Scan", times=1)
    answer = verify(EVENT)
    assert (answer.code, answer.result["items_in_table"]) == (200, 40)


def test_short_turns_count_nothing_twice(stage: Stage) -> None:
    """A page of a scan is 1 MB, so this table has several."""
    items = strings(40, text={"S": "x" * 90_000})
    stage.create_table("orders")
    stage.back_up("orders", items, file_count=6)
    stage.fill("orders", [*items[:-2], *strings(1, start=900)])
    answers = verify_in_turns({**EVENT, "max_workers": 1}, seconds=0)
    assert len(answers) > 6
    result = answers[-1].result
    assert (answers[-1].code, result["status"], result["items_in_table"]) == (207, "DIFFERENT", 39)
    found = result["differences"]
    assert (found["missing"], found["extra"], found["different"]) == (2, 1, 0)
    assert found["samples"]["missing"] == [{"id": one["id"]} for one in items[-2:]]
