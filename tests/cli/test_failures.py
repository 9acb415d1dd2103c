"""Errors say what, which and what to do, end with the documented code, and show no traceback."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.cli.conftest import Account, Ended
from tests.conftest import ROOT

pytestmark = pytest.mark.xdist_group("cli")


def test_unknown_credentials_are_told_as_such(call: Callable[..., Ended], account: Account) -> None:
    with account.aws.faults.error("lambda", "Invoke", code="UnrecognizedClientException", status=403):
        ended = call("list")
    assert ended.code == 1
    assert "does not accept your credentials" in ended.err
    assert "aws sso login" in ended.err
    assert "Traceback" not in ended.err


def test_expired_credentials_are_told_as_such(call: Callable[..., Ended], account: Account) -> None:
    with account.aws.faults.error("lambda", "Invoke", code="ExpiredTokenException", status=403):
        document = call("list", "--json").document
    assert document["error"]["type"] == "NotAllowed"
    assert "have expired" in document["error"]["message"]


def test_no_credentials_at_all(call: Callable[..., Ended]) -> None:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE")
    ended = call("list", environment=dict.fromkeys(names, "") | {"AWS_SHARED_CREDENTIALS_FILE": os.devnull})
    assert ended.code == 1
    assert "No usable AWS credentials" in ended.err


def test_a_profile_that_there_is_not(call: Callable[..., Ended]) -> None:
    ended = call("list", "--profile", "nobody")
    assert ended.code == 2
    assert "nobody" in ended.err


def test_a_caller_who_may_not_is_told_the_permission(call: Callable[..., Ended], account: Account) -> None:
    with account.aws.faults.deny("lambda", "Invoke"):
        ended = call("list")
    assert ended.code == 1
    assert "lambda:InvokeFunction" in ended.err


def test_a_missing_function_is_named(call: Callable[..., Ended]) -> None:
    ended = call("list", "--name", "shop-staging")
    assert ended.code == 1
    assert "There is no function shop-staging-dynamodb-backup" in ended.err
    assert "--name" in ended.err


def test_a_missing_state_machine_is_named(call: Callable[..., Ended]) -> None:
    ended = call("backup", "--name", "shop-staging")
    assert ended.code == 1
    assert "There is no state machine shop-staging-dynamodb-backup" in ended.err


def test_a_function_that_dies_is_not_mistaken_for_one_that_answers(
    call: Callable[..., Ended], account: Account
) -> None:
    functions = account.aws.client("lambda")
    functions.create_function(
        FunctionName="broken-dynamodb-backup",
        Runtime="python3.13",
        Role="arn:aws:iam::123456789012:role/shop",
        Handler="dynamodb_backup.no_such_module.lambda_handler",
        Code={"ZipFile": (ROOT / "dist/function.zip").read_bytes()},
    )
    document = call("list", "--name", "broken", "--json").document
    assert document["exit_code"] == 1
    assert document["error"]["type"] == "CallFailed"
    assert "died without an answer" in document["error"]["message"]
    assert "/aws/lambda/broken-dynamodb-backup" in document["error"]["hint"]


def test_an_endpoint_that_does_not_answer(call: Callable[..., Ended]) -> None:
    ended = call("list", "--endpoint-url", "http://127.0.0.1:9")
    assert ended.code == 1
    assert "AWS gave no answer" in ended.err


def test_wrong_fields_are_errors_of_usage_before_anything_is_asked(
    call: Callable[..., Ended], account: Account
) -> None:
    account.aws.requests.clear()
    for words in (
        ("restore", "--backup-date", "2026-13-01", "--yes"),
        ("restore", "--max-workers", "65", "--yes"),
        ("restore", "--keys", "nonsense", "--yes"),
        ("restore", "--transform", "{", "--yes"),
        ("restore", "--keys", "a=b", "--write-mode", "mirror", "shop-users", "--yes"),
        ("list", "--from", "yesterday"),
        ("list", "--nope"),
        ("nope",),
    ):
        ended = call(*words)
        assert (ended.code, ended.out) == (2, ""), words
        assert "error: " in ended.err
        document = call(*words, "--json").document
        assert document["error"]["type"] == "Refused"
    assert account.aws.requests.count("lambda", "Invoke") == 0


def test_without_a_deployment_the_first_error_says_how_to_name_one(call: Callable[..., Ended]) -> None:
    ended = call("list", environment={"DYNAMODB_BACKUP_NAME": ""})
    assert ended.code == 2
    assert "--terraform-output" in ended.err
    assert "export DYNAMODB_BACKUP_NAME=" in ended.err


def test_a_traceback_is_shown_for_debug_alone(call: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr("dynamodb_backup_cli.functions.Functions.ask", breaks)
    plain, debug = call("list"), call("list", "--debug")
    assert plain.code == debug.code == 1
    assert "ZeroDivisionError: a fault" in plain.err
    assert "--debug" in plain.err
    assert "Traceback" not in plain.err
    assert "Traceback" in debug.err
