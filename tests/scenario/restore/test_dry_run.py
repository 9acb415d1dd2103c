"""A dry run finds what a restore would find, and writes nothing anywhere."""

from __future__ import annotations

import pytest

from sandbox import Sandbox
from tests.scenario.restore.kit import DATE, Stage, all_writes, canonicals, restore, strings

BEFORE = [{"id": {"S": "present"}}]


@pytest.mark.parametrize("clear", [False, True])
def test_a_dry_run_of_a_good_backup_is_ready_and_writes_nothing(aws: Sandbox, stage: Stage, *, clear: bool) -> None:
    stage.create_table("orders")
    stage.fill("orders", BEFORE)
    stage.back_up("orders", strings(60), file_count=3)
    stored = stage.keys()
    aws.requests.clear()

    answer = restore({"dry_run": True, "clear_existing_data": clear})

    assert (answer.code, answer.body["dry_run"]) == (200, True)
    result = answer.result
    assert result["status"] == "READY"
    assert (result["items_expected"], result["items_processed"], result["items_written"]) == (60, 60, 0)
    assert (result["files_total"], result["files_done"], result["items_deleted"]) == (3, 3, 0)
    assert answer.body["successful_restores"] == 1
    assert answer.body["total_items_written"] == 0
    assert all_writes(aws) == []
    assert stage.items("orders") == canonicals(BEFORE)
    assert stage.keys() == stored


def test_a_dry_run_reads_every_data_file_to_its_end(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("orders")
    export = stage.back_up("orders", strings(60), file_count=7)
    aws.requests.clear()

    restore({"dry_run": True})

    assert all(aws.requests.count("s3", "GetObject", f"backups/{key}") == 1 for key in export.data_keys)


def test_a_dry_run_of_a_damaged_backup_is_failed_and_writes_nothing(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("orders")
    stage.create_table("customers")
    stage.back_up("customers", strings(3))
    export = stage.export("orders", strings(60), file_count=3)
    export.objects[export.data_keys[2]] = export.objects[export.data_keys[2]][:-9]
    stage.back_up_damaged("orders", export)
    aws.requests.clear()

    answer = restore({"dry_run": True, "backup_date": DATE})

    assert answer.code == 207
    assert (answer.of("customers")["status"], answer.of("orders")["status"]) == ("READY", "FAILED")
    assert all_writes(aws) == []


def test_a_dry_run_in_turns_writes_no_item(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", strings(12), file_count=6)
    aws.requests.clear()
    event = {"dry_run": True, "max_workers": 1}

    answer, turns = restore(event, seconds=0), 1
    restore_id = answer.body["restore_id"]
    while answer.code == 202 and turns < 100:
        assert answer.result["status"] == "IN_PROGRESS"
        answer, turns = restore({**event, "restore_id": restore_id}, seconds=0), turns + 1

    assert turns > 2
    assert (answer.code, answer.result["status"], answer.result["files_done"]) == (200, "READY", 6)
    assert answer.result["items_processed"] == 12
    assert aws.requests.count("dynamodb", "BatchWriteItem") == 0
    # What a later turn needs is kept under restores/, and nowhere else.
    assert {
        name.startswith("backups/native-exports/restores/") for write in all_writes(aws) for name in write.resources
    } == {True}
