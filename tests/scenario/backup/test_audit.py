"""Audit records of the backup function: its runs, and what a person decides about them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.scenario.backup.conftest import Configure
from tests.scenario.backup.kit import Stage, back_up, back_up_in_turns, some_items

GROUP = "shop-test-dynamodb-audit"


@pytest.fixture
def shop(stage: Stage, configure: Configure) -> Stage:
    stage.create_table("orders", some_items(5))
    configure("orders", AUDIT_LOG_GROUP=GROUP, ITEM_COUNT_COLLAPSE='{"percent": 50}')
    stage.aws.client("logs").create_log_group(logGroupName=GROUP)
    return stage


def lines(stage: Stage) -> list[dict[str, Any]]:
    events = stage.aws.client("logs").filter_log_events(logGroupName=GROUP)["events"]
    return [json.loads(event["message"]) for event in events]


def test_a_run_in_turns_has_a_begin_with_its_execution_and_an_end(shop: Stage) -> None:
    shop.aws.exports.configure(seconds=2)
    answers = back_up_in_turns({"tables": ["orders"], "execution": "nightly-1"}, seconds=1.0)

    assert (len(answers) > 1, answers[-1].code) == (True, 200)
    began, ended = lines(shop)
    run_id = answers[0].body["run_id"]
    assert [(one["act"], one["phase"], one["id"]) for one in (began, ended)] == [
        ("backup", "began", run_id),
        ("backup", "ended", run_id),
    ]
    assert began["who"]["execution"] == "nightly-1"
    assert began["event"] == {"tables": ["orders"], "export_type": "FULL_EXPORT"}
    assert ended["outcome"] == {
        "status_code": 200,
        "tables": [{"table_name": "orders", "status": "COMPLETED", "item_count": 5}],
    }


def test_what_a_person_accepts_has_a_line_and_what_is_listed_has_none(shop: Stage) -> None:
    back_up()
    assert back_up({"action": "accept_collapse", "tables": ["orders"]}).code == 200
    assert back_up({"action": "list"}).code == 200

    *_run, accepted = lines(shop)
    assert (accepted["act"], accepted["phase"], accepted["outcome"]["status_code"]) == ("accept_collapse", "ended", 200)
    assert accepted["outcome"]["tables"][0]["table_name"] == "orders"
    assert len(lines(shop)) == 3


def test_a_record_that_cannot_be_written_is_a_warning(shop: Stage) -> None:
    shop.aws.client("logs").delete_log_group(logGroupName=GROUP)
    answer = back_up()
    assert answer.code == 200
    assert [one.partition(":")[0] for one in answer.body["warnings"]] == [
        "the audit record of this backup was not written (began)",
        "the audit record of this backup was not written (ended)",
    ]
