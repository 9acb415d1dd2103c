"""Time runs out: 202, and the same event with ``restore_id`` goes on. Nothing is lost, nothing counted twice."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from sandbox import Sandbox
from tests.scenario.restore.kit import (
    DATE,
    PREFIX,
    Stage,
    canonicals,
    restore,
    restore_in_turns,
    strings,
)


def counts(result: dict[str, Any]) -> tuple[int, ...]:
    return tuple(result[name] for name in ("items_written", "items_processed", "items_failed", "files_done"))


@pytest.mark.parametrize("workers", [1, 3])
def test_turns_without_any_time_still_get_on(stage: Stage, workers: int) -> None:
    stage.create_table("orders")
    items = strings(135, v={"S": "x"})
    stage.back_up("orders", items, file_count=5)

    answers = restore_in_turns({"max_workers": workers}, seconds=0)

    assert [answer.code for answer in answers[:-1]] == [202] * (len(answers) - 1)
    assert len(answers) > 4
    progress = [counts(answer.result) for answer in answers]
    assert progress == sorted(progress)
    assert counts(answers[-1].result) == (135, 135, 0, 5)
    assert (answers[-1].code, answers[-1].result["status"]) == (200, "COMPLETED")
    assert stage.items("orders") == canonicals(items)


def test_each_turn_gets_on_or_ends(stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", strings(78), file_count=3)
    checkpoints = []
    event: dict[str, Any] = {"max_workers": 1}
    answer = restore(event, seconds=0)
    while answer.code == 202:
        event["restore_id"] = answer.body["restore_id"]
        checkpoints.append(stage.get(f"{PREFIX}/restores/{event['restore_id']}/checkpoint.json"))
        answer = restore(event, seconds=0)

    without_turns = [json.dumps(json.loads(body) | {"turns": 0}) for body in checkpoints]
    assert len(set(without_turns)) == len(without_turns) > 5


def test_finished_files_are_not_done_again(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("orders")
    export = stage.back_up("orders", strings(30), file_count=6)
    aws.requests.clear()

    answers = restore_in_turns({"max_workers": 1}, seconds=0)

    assert answers[-1].code == 200
    # Each file fits in one turn: read once to verify, once or, when time was up right after its lines, twice to write.
    reads = [aws.requests.count("s3", "GetObject", f"backups/{key}") for key in export.data_keys]
    assert max(reads) <= 3
    assert aws.requests.count("dynamodb", "BatchWriteItem") == 6


def test_several_tables_go_on_together(stage: Stage) -> None:
    for table in ("customers", "invoices", "orders"):
        stage.create_table(table)
        stage.back_up(table, strings(30), file_count=2)

    answers = restore_in_turns({"backup_date": DATE}, seconds=0)

    assert answers[0].code == 202
    assert "IN_PROGRESS" in {one["status"] for one in answers[0].body["restore_results"]}
    assert (answers[-1].code, answers[-1].body["total_items_written"]) == (200, 90)
    for table in ("customers", "invoices", "orders"):
        assert stage.items(table) == canonicals(strings(30))


def test_the_answer_comes_before_the_deadline(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", strings(100), file_count=10)
    aws.faults.throttle("dynamodb", "BatchWriteItem")
    began = time.monotonic()

    answer = restore({}, seconds=5)

    assert answer.code == 202
    assert time.monotonic() - began < 5


def test_many_files_are_kept_track_of_before_the_deadline(aws: Sandbox, stage: Stage) -> None:
    """However many files a turn verified, what the next turn needs of them is written in time."""
    stage.create_table("orders")
    stage.back_up("orders", strings(100), file_count=100)
    aws.faults.delay("s3", "PutObject", seconds=0.1)
    aws.faults.throttle("dynamodb", "BatchWriteItem")
    began = time.monotonic()

    answer = restore({"clear_existing_data": True}, seconds=8)

    assert answer.code == 202
    assert time.monotonic() - began < 8


def test_steady_throttling_and_short_turns_still_get_on(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", strings(100), file_count=2)
    with aws.faults.unprocessed("orders", keep=10):
        answers = restore_in_turns({"max_workers": 2}, seconds=0, most=40)

    assert answers[-1].code == 200
    assert counts(answers[-1].result) == (100, 100, 0, 2)
    assert stage.items("orders") == canonicals(strings(100))


def test_failed_items_of_several_turns_are_all_kept(stage: Stage) -> None:
    stage.create_table("orders")
    items = strings(60)
    bad = [{"id": {"N": str(number)}} for number in range(8)]
    mixed = [*items]
    for number, one in enumerate(bad):
        mixed.insert(number * 7, one)
    stage.back_up("orders", mixed, file_count=4)

    answers = restore_in_turns({"max_workers": 2}, seconds=0)

    last = answers[-1]
    assert (last.code, last.result["status"]) == (207, "PARTIAL_SUCCESS")
    assert counts(last.result) == (60, 68, 8, 4)
    assert stage.items("orders") == canonicals(items)
    stage.create_table("numbers", [("id", "N")])
    kept = restore({"export": last.result["failed_items_export"], "target_tables": {"orders": "numbers"}})
    assert kept.code == 200
    assert stage.items("numbers") == canonicals(bad)


def test_two_invocations_at_once_lose_nothing(aws: Sandbox, stage: Stage) -> None:
    """Both go on from one checkpoint: A gets further, B keeps what it collected, A's checkpoint is the last word."""
    stage.create_table("orders")
    stage.fill("orders", strings(20, start=900))
    items = strings(240)
    stage.back_up("orders", items, file_count=24)
    event: dict[str, Any] = {"clear_existing_data": True, "max_workers": 2}
    event["restore_id"] = restore(event, seconds=0).body["restore_id"]
    kept = f"{PREFIX}/restores/{event['restore_id']}/"

    def snapshot() -> dict[str, bytes]:
        return {key: stage.get(key) for key in stage.keys(kept)}

    def lay(objects: dict[str, bytes]) -> None:
        for key, body in objects.items():
            stage.put(key, body)

    start = snapshot()
    assert restore(event, seconds=0).code == 202
    of_b = snapshot()
    lay(start)
    with aws.faults.delay("s3", "GetObject", resource="backups/*.json.gz", seconds=0.05):
        assert restore(event, seconds=0.6).code == 202
    of_a = snapshot()
    lay(
        {key: body for key, body in of_b.items() if key not in start}
        | {f"{kept}checkpoint.json": of_a[f"{kept}checkpoint.json"]}
    )

    answer = restore_in_turns(event, seconds=30)[-1]

    assert answer.code == 200
    assert stage.items("orders") == canonicals(items)


def test_turns_that_were_killed_before_their_answer_are_done_again(stage: Stage) -> None:
    """Every turn is made twice: the first time its checkpoint is lost, as when Lambda ends the function."""
    stage.create_table("orders")
    stage.fill("orders", strings(20, start=900))
    items = strings(45)
    bad = [{"id": {"N": str(number)}} for number in range(6)]
    stage.back_up("orders", [*bad[:3], *items[:20], *bad[3:], *items[20:]], file_count=3)
    event: dict[str, Any] = {"clear_existing_data": True, "max_workers": 2}
    answer = restore(event, seconds=0)
    event["restore_id"] = answer.body["restore_id"]
    checkpoint = f"{PREFIX}/restores/{event['restore_id']}/checkpoint.json"

    while answer.code == 202:
        before = stage.get(checkpoint)
        restore(event, seconds=0)
        stage.put(checkpoint, before)
        answer = restore(event, seconds=0)

    assert (answer.code, answer.result["status"]) == (207, "PARTIAL_SUCCESS")
    assert counts(answer.result) == (45, 51, 6, 3)
    assert stage.items("orders") == canonicals(items)
    stage.create_table("numbers", [("id", "N")])
    kept = restore({"export": answer.result["failed_items_export"], "target_tables": {"orders": "numbers"}})
    assert (kept.code, stage.items("numbers")) == (200, canonicals(bad))


# --- restore_id


def begun(stage: Stage, event: dict[str, Any]) -> str:
    stage.create_table("orders")
    stage.back_up("orders", strings(60), file_count=6)
    answer = restore(event, seconds=0)
    assert answer.code == 202
    assert answer.body["restore_id"]
    return str(answer.body["restore_id"])


def test_the_restore_id_alone_is_enough(stage: Stage) -> None:
    restore_id = begun(stage, {"tables": ["orders"]})
    answer = restore({"restore_id": restore_id})
    assert answer.code == 200
    assert answer.body["restore_id"] == restore_id
    assert stage.items("orders") == canonicals(strings(60))


def test_latest_stays_the_backup_with_which_the_restore_began(stage: Stage) -> None:
    event = {"backup_date": "latest"}
    restore_id = begun(stage, event)
    stage.back_up("orders", strings(60, v={"S": "newer"}), date="2026-02-01")

    answer = restore(event | {"restore_id": restore_id})

    assert (answer.code, answer.body["backup_date"]) == (200, DATE)
    assert stage.items("orders") == canonicals(strings(60))


def test_a_field_that_contradicts_the_restore_is_refused(aws: Sandbox, stage: Stage, subtests: pytest.Subtests) -> None:
    restore_id = begun(stage, {"tables": ["orders"]})
    aws.requests.clear()
    others: dict[str, Any] = {
        "backup_date": "2026-01-30",
        "tables": ["orders", "customers"],
        "dry_run": True,
        "clear_existing_data": True,
        "max_workers": 9,
        "target_tables": {"orders": "copy"},
    }
    for field, value in others.items():
        with subtests.test(field):
            answer = restore({"restore_id": restore_id, field: value})

            assert answer.code == 500
            assert f"'{field}'" in answer.errors
            assert aws.requests.count("dynamodb") == aws.requests.count("s3", "PutObject") == 0
    assert restore({"restore_id": restore_id}).code == 200


def test_an_unknown_restore_id_is_named(stage: Stage) -> None:
    answer = restore({"restore_id": "20260131T000000Z-00000000"})
    assert answer.code == 500
    assert "20260131T000000Z-00000000" in answer.errors


def test_a_restore_that_has_ended_answers_the_same_again(aws: Sandbox, stage: Stage) -> None:
    restore_id = begun(stage, {"tables": ["orders"]})
    ended = restore({"restore_id": restore_id})
    aws.requests.clear()

    again = restore({"restore_id": restore_id})

    assert (again.code, again.body["restore_results"]) == (ended.code, ended.body["restore_results"])
    assert aws.requests.count("dynamodb", "BatchWriteItem") == 0


def test_a_broken_checkpoint_is_named(aws: Sandbox, stage: Stage, subtests: pytest.Subtests) -> None:
    restore_id = begun(stage, {})
    aws.requests.clear()
    for body in ("", "{", "[]", "{}", '{"version":99}', '{"version":1,"tables":[{}]}'):
        with subtests.test(body):
            stage.put(f"{PREFIX}/restores/{restore_id}/checkpoint.json", body)

            answer = restore({"restore_id": restore_id})

            assert answer.code == 500
            assert f"{restore_id}/checkpoint.json" in answer.errors
            assert aws.requests.count("dynamodb", "BatchWriteItem") == 0


def test_a_backup_that_changed_between_turns_is_refused(stage: Stage) -> None:
    restore_id = begun(stage, {})
    (root,) = {key.rpartition("/")[0] for key in stage.keys(f"{PREFIX}/{DATE}/orders/") if key.endswith("summary.json")}
    lines = stage.get(f"{root}/manifest-files.json").splitlines(keepends=True)
    stage.put(f"{root}/manifest-files.json", b"".join(reversed(lines)))
    stage.s3.delete_object(Bucket=stage.bucket, Key=f"{root}/manifest-files.md5")

    answer = restore({"restore_id": restore_id})

    assert answer.result["status"] == "FAILED"
    assert "changed" in answer.errors


def test_a_table_deleted_between_turns_is_failed(stage: Stage) -> None:
    restore_id = begun(stage, {})
    stage.dynamodb.delete_table(TableName="orders")

    answer = restore({"restore_id": restore_id})

    assert answer.result["status"] == "FAILED"
    assert "does not exist" in answer.errors


def test_a_checkpoint_that_cannot_be_written_does_not_hide_what_was_done(aws: Sandbox, stage: Stage) -> None:
    restore_id = begun(stage, {})
    aws.faults.deny("s3", "PutObject", resource="backups/*/checkpoint.json")

    stuck = restore({"restore_id": restore_id}, seconds=0)
    ended = restore({"restore_id": restore_id})

    assert stuck.code == 500
    assert "cannot be continued" in stuck.errors
    assert stuck.result["files_total"] == 6
    assert (ended.code, ended.result["status"]) == (200, "COMPLETED")
    assert ended.body["warnings"]
    assert stage.items("orders") == canonicals(strings(60))


def test_a_failed_table_stays_failed_while_the_others_go_on(stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("customers", strings(10))
    stage.back_up("orders", strings(60), file_count=6)

    answers = restore_in_turns({"backup_date": DATE}, seconds=0)

    assert {answer.of("customers")["status"] for answer in answers} <= {"IN_PROGRESS", "FAILED"}
    assert (answers[-1].code, answers[-1].of("customers")["status"]) == (207, "FAILED")
    assert answers[-1].of("orders")["status"] == "COMPLETED"
