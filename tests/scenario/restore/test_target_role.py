"""Restoring into another account: through a role that the module lets the function assume, and no other way."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from sandbox import Sandbox
from tests.scenario.restore.kit import DATE, Stage, restore, restore_in_turns, strings

OTHER = "222222222222"
ROLE = f"arn:aws:iam::{OTHER}:role/restore-from-production"
ITEMS = strings(20)


@cache
def other_account(aws: Sandbox, service: str) -> Any:
    """Return a client of the other account's root."""
    return aws.client(service, aws_access_key_id=OTHER, aws_secret_access_key="test")


@pytest.fixture
def elsewhere(aws: Sandbox, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Another account with an empty table, and a role there that this account may assume."""
    monkeypatch.setenv("RESTORE_TARGET_ROLES", json.dumps([ROLE]))
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{aws.account_id}:root"}, "Action": "sts:AssumeRole"}
    iam = other_account(aws, "iam")
    iam.create_role(RoleName="restore-from-production", AssumeRolePolicyDocument=policy(trust))
    iam.put_role_policy(
        RoleName="restore-from-production",
        PolicyName="tables",
        PolicyDocument=policy({"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}),
    )
    other = Stage(stage.s3, other_account(aws, "dynamodb"))
    other.create_table("orders")
    stage.create_table("orders")
    stage.fill("orders", strings(3))
    stage.back_up("orders", ITEMS, file_count=2)
    return other


def policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_the_other_accounts_table_is_written_and_the_own_is_not(stage: Stage, elsewhere: Stage) -> None:
    before = stage.items("orders")

    answer = restore({"target_role_arn": ROLE, "clear_existing_data": True, "prove": True})

    assert (answer.code, answer.result["items_written"], answer.result["proven"]) == (200, len(ITEMS), True)
    assert len(elsewhere.items("orders")) == len(ITEMS)
    assert stage.items("orders") == before


def test_every_turn_goes_on_in_the_other_account(stage: Stage, elsewhere: Stage) -> None:
    before = stage.items("orders")

    answers = restore_in_turns({"target_role_arn": ROLE, "max_workers": 1}, seconds=0)

    assert len(answers) > 1
    assert answers[-1].code == 200
    assert len(elsewhere.items("orders")) == len(ITEMS)
    assert stage.items("orders") == before


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (
            {"target_role_arn": f"arn:aws:iam::{OTHER}:role/other"},
            ["target_role_arn", "restore_target_roles", "role/other"],
        ),
        ({"target_role_arn": "role/other"}, ["target_role_arn", "arn:aws:iam::ACCOUNT:role/NAME"]),
        ({"target_role_arn": ROLE, "method": "import"}, ["target_role_arn", "create_missing_tables"]),
        ({"target_role_arn": ROLE, "on_demand_backup": "latest", "tables": ["orders"]}, ["target_role_arn"]),
    ],
)
def test_other_roles_are_refused_by_name(
    aws: Sandbox, elsewhere: Stage, event: dict[str, Any], words: list[str]
) -> None:
    aws.requests.clear()
    answer = restore(event)
    assert answer.code == 500
    for word in words:
        assert word in answer.errors
    assert aws.requests.list() == []
    assert elsewhere.items("orders") == []


@pytest.mark.parametrize(
    "event",
    [{"target_tables": {"orders": "payroll"}}, {"tables": ["payroll"]}, {"tables": ["payroll"], "dry_run": True}],
)
def test_a_role_writes_to_no_table_that_the_module_does_not_list(
    aws: Sandbox, elsewhere: Stage, event: dict[str, Any]
) -> None:
    elsewhere.create_table("payroll")
    aws.requests.clear()
    answer = restore({"target_role_arn": ROLE, **event})
    assert answer.code == 500
    for word in ("'payroll'", "restore_target_tables"):
        assert word in answer.errors
    assert aws.requests.list() == []
    assert elsewhere.items("payroll") == []


def test_a_table_that_only_the_backup_names_is_not_written_either(stage: Stage, elsewhere: Stage) -> None:
    elsewhere.create_table("payroll")
    stage.back_up("payroll", ITEMS)
    answer = restore({"target_role_arn": ROLE, "backup_date": DATE})
    assert (answer.of("orders")["status"], answer.of("payroll")["status"]) == ("COMPLETED", "FAILED")
    assert "'payroll'" in answer.errors
    assert elsewhere.items("payroll") == []


@pytest.mark.parametrize(
    "variables", [{"RESTORE_TARGET_TABLES": '["payroll"]'}, {"TABLE_NAME_PATTERN": "pay.*", "DYNAMODB_TABLES": "[]"}]
)
def test_a_listed_table_and_one_of_the_convention_are_written(
    elsewhere: Stage, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    elsewhere.create_table("payroll")
    assert restore({"target_role_arn": ROLE, "target_tables": {"orders": "payroll"}}).code == 200
    assert len(elsewhere.items("payroll")) == len(ITEMS)


def test_a_masked_copy_may_have_the_same_name_there(stage: Stage, elsewhere: Stage) -> None:
    before = stage.items("orders")
    rules = {"orders": [{"attribute": "value", "action": "drop"}]}
    assert restore({"target_role_arn": ROLE, "tables": ["orders"], "transform": rules}).code == 200
    assert len(elsewhere.items("orders")) == len(ITEMS)
    assert stage.items("orders") == before


def test_a_role_that_cannot_be_assumed_is_refused_by_name(aws: Sandbox, elsewhere: Stage) -> None:
    aws.faults.deny("sts", "AssumeRole")
    answer = restore({"target_role_arn": ROLE})
    assert answer.code == 500
    for word in ("target_role_arn", ROLE, "AccessDenied", "trust policy"):
        assert word in answer.errors
    assert elsewhere.items("orders") == []


def test_a_busy_sts_is_asked_again(aws: Sandbox, elsewhere: Stage) -> None:
    aws.faults.throttle("sts", "AssumeRole", times=2)
    assert restore({"target_role_arn": ROLE}).code == 200
    assert len(elsewhere.items("orders")) == len(ITEMS)


def test_a_turn_in_which_sts_does_not_answer_waits_and_the_next_one_goes_on(aws: Sandbox, elsewhere: Stage) -> None:
    first = restore({"target_role_arn": ROLE, "max_workers": 1}, seconds=0)
    assert first.code == 202
    goes_on = {"restore_id": first.body["restore_id"]}

    with aws.faults.throttle("sts", "AssumeRole"):
        waiting = restore(goes_on)
    assert (waiting.code, waiting.body["restore_id"]) == (202, first.body["restore_id"])
    assert "waiting for STS after AssumeRole failed with Throttling" in waiting.errors

    assert restore(goes_on).code == 200
    assert len(elsewhere.items("orders")) == len(ITEMS)
