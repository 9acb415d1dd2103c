"""Audit records hold what was asked for and how it ended, and neither keys nor secrets nor what nobody checked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dynamodb_backup.contract.audited import execution_of, outcome_of, shown_event, work_id_of
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.contract.undo import UndoRequest

SECRET = "jane.doe@example.com"
KEYS = [{"id": {"S": SECRET}}]


def test_a_restore_is_shown_without_defaults_keys_and_salt() -> None:
    rules = {"orders": [{"attribute": "email", "action": "hash"}]}
    event: dict[str, Any] = {"tables": ["orders"], "target_tables": {"orders": "copy"}}
    masked = event | {"transform": rules, "transform_salt": f"{SECRET} as a salt"}
    for asked, hidden in ((event | {"keys": KEYS}, "keys"), (masked, "transform_salt")):
        shown = shown_event(RestoreRequest.from_event(asked).to_dict())
        assert SECRET not in json.dumps(shown)
        assert "not shown" in shown[hidden]
        assert shown["tables"] == ["orders"]
        assert shown["target_tables"] == {"orders": "copy"}
        assert "prove" not in shown
        assert "restore_to" not in shown


def test_an_undo_is_shown_without_keys() -> None:
    window = {"from": "2026-08-01T12:00:00Z", "to": "2026-08-01T13:00:00Z", "tables": ["orders"]}
    shown = shown_event(UndoRequest.from_event(window | {"partition_keys": KEYS}).to_dict())
    assert shown["partition_keys"] == "1, not shown"
    assert shown["from"] == window["from"]


def test_of_an_answer_only_known_fields_are_taken() -> None:
    row = {
        "table_name": "orders",
        "status": "PARTIAL_SUCCESS",
        "items_written": 3,
        "items_deleted": 0,
        "keys_not_found": KEYS,
        "differences": {"samples": KEYS},
        "error": "x" * 600,
    }
    body = {"restore_id": "r", "restore_results": [row] * 101, "error": "it failed", "error_type": "ToolError"}
    outcome = outcome_of({"statusCode": 207, "body": body})
    assert SECRET not in json.dumps(outcome)
    assert (outcome["status_code"], outcome["error"], outcome["error_type"]) == (207, "it failed", "ToolError")
    assert (len(outcome["tables"]), outcome["tables_left_out"]) == (100, 1)
    assert outcome["tables"][0] == {
        "table_name": "orders",
        "status": "PARTIAL_SUCCESS",
        "items_written": 3,
        "error": "x" * 500,
    }
    assert work_id_of(body) == "r"
    assert work_id_of({"restore_id": None}) is None


@pytest.mark.parametrize(
    ("event", "name"),
    [
        ({"execution": "nightly-1"}, "nightly-1"),
        ({"action": "plan", "execution": {"name": "nightly-1", "started_at": "x"}}, "nightly-1"),
        ({"execution": f"{SECRET} <b>"}, None),
        ({"execution": 1}, None),
        ({}, None),
        ("text", None),
    ],
)
def test_the_name_of_an_execution(event: object, name: str | None) -> None:
    assert execution_of(event) == name
