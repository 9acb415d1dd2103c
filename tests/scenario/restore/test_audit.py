"""Audit records of restores and undos: before anything is written and after, in the log and in the bucket."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox import Sandbox
from tests.scenario.restore.kit import DATE, PREFIX, Stage, canonicals, restore, restore_in_turns, strings, table_writes
from tests.scenario.restore.steps import Execution

GROUP = "shop-test-dynamodb-audit"


@pytest.fixture
def stage(stage: Stage, aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A table with its backup, and an audit log."""
    monkeypatch.setenv("AUDIT_LOG_GROUP", GROUP)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "shop-test-dynamodb-restore")
    aws.client("logs").create_log_group(logGroupName=GROUP)
    stage.create_table("orders")
    stage.back_up("orders", strings(24), file_count=2)
    aws.requests.clear()
    return stage


def lines(aws: Sandbox) -> list[dict[str, Any]]:
    """Return the lines of the audit log in their order."""
    events = aws.client("logs").filter_log_events(logGroupName=GROUP)["events"]
    return [json.loads(event["message"]) for event in events]


def record(stage: Stage, work_id: str) -> dict[str, Any]:
    """Return the object of a restore or undo."""
    day = f"{work_id[:4]}-{work_id[4:6]}-{work_id[6:8]}"
    parsed: dict[str, Any] = json.loads(stage.get(f"{PREFIX}/audit/{day}/{work_id}.json"))
    return parsed


def test_a_restore_in_turns_has_a_begin_and_an_end(stage: Stage, aws: Sandbox) -> None:
    answers = restore_in_turns({"tables": ["orders"], "clear_existing_data": True, "max_workers": 1}, seconds=0)

    assert (len(answers) > 1, answers[-1].code) == (True, 200)
    assert "warnings" not in answers[-1].body
    began, ended = lines(aws)
    work_id = answers[0].body["restore_id"]
    assert [(one["act"], one["phase"], one["id"]) for one in (began, ended)] == [
        ("restore", "began", work_id),
        ("restore", "ended", work_id),
    ]
    assert began["event"] == {
        "backup_date": "latest",
        "tables": ["orders"],
        "clear_existing_data": True,
        "write_mode": "mirror",
        "max_workers": 1,
        "method": "batch_write",
    }
    assert began["who"]["function"] == "shop-test-dynamodb-restore"
    assert ended["outcome"]["status_code"] == 200
    (table,) = ended["outcome"]["tables"]
    assert (table["table_name"], table["target_table"], table["items_written"]) == ("orders", "orders", 24)
    kept = record(stage, work_id)
    assert (kept["id"], kept["began"]["event"], kept["ended"]["outcome"]) == (work_id, began["event"], ended["outcome"])


def test_the_begin_is_written_before_the_table_is(stage: Stage, aws: Sandbox) -> None:
    assert restore({"tables": ["orders"]}).code == 200

    (begin, _end) = aws.requests.list("logs", "PutLogEvents")[-2:]
    assert begin.time < min(one.time for one in table_writes(aws))


def test_looking_at_an_ended_restore_changes_its_object_no_more(stage: Stage, aws: Sandbox) -> None:
    work_id = restore_in_turns({"tables": ["orders"], "max_workers": 1}, seconds=0)[0].body["restore_id"]
    before = record(stage, work_id)
    assert restore({"restore_id": work_id}).code == 200
    assert record(stage, work_id) == before


def test_a_refused_event_leaves_a_line_without_what_it_held(stage: Stage, aws: Sandbox) -> None:
    restore({"tables": ["orders"], "keys": [{"id": {"S": "jane.doe@example.com"}}], "max_workers": 0})
    (line,) = lines(aws)
    assert (line["phase"], line["outcome"]["status_code"], line["id"]) == ("ended", 500, None)
    assert "max_workers" in line["outcome"]["error"]
    assert "jane" not in json.dumps(line)


def test_single_keys_are_counted_and_not_shown(stage: Stage, aws: Sandbox) -> None:
    key = {"id": {"S": strings(1)[0]["id"]["S"]}}
    answer = restore({"tables": ["orders"], "keys": [key]})
    assert answer.code == 200
    assert lines(aws)[0]["event"]["keys"] == "1, not shown"
    assert key["id"]["S"] not in json.dumps([*lines(aws), record(stage, answer.body["restore_id"])])


@pytest.mark.parametrize("trouble", ["log", "bucket"])
def test_a_record_that_cannot_be_written_is_told_and_stops_nothing(stage: Stage, aws: Sandbox, trouble: str) -> None:
    if trouble == "log":
        aws.client("logs").delete_log_group(logGroupName=GROUP)
    else:
        aws.faults.deny("s3", "PutObject", resource=f"{stage.bucket}/{PREFIX}/audit/*")

    answer = restore({"tables": ["orders"]})

    assert answer.code == 200
    assert stage.items("orders") == canonicals(strings(24))
    warnings = [one for one in answer.body["warnings"] if one.startswith("the audit record of this restore")]
    assert [("(began)" in one, "(ended)" in one) for one in warnings] == [(True, False), (False, True)]


def test_an_execution_s_plan_is_the_begin_and_its_finish_the_end(stage: Stage, aws: Sandbox) -> None:
    execution = Execution(stage, {"tables": ["orders"], "backup_date": DATE})
    assert execution.run().code == 200

    began, ended = lines(aws)
    assert [one["id"] for one in (began, ended)] == [execution.restore_id] * 2
    assert (began["phase"], ended["phase"]) == ("began", "ended")
    assert record(stage, execution.restore_id)["ended"]["outcome"]["status_code"] == 200


def test_without_the_setting_nothing_is_written(stage: Stage, aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDIT_LOG_GROUP")
    assert restore({"tables": ["orders"]}).code == 200
    assert lines(aws) == []
    assert stage.keys(f"{PREFIX}/audit/") == set()
