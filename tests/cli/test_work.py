"""`backup`, `restore` and `follow` in a real terminal, against the deployed state machines."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.cli.conftest import Account, Ended, Terminal

pytestmark = pytest.mark.xdist_group("cli")

QUICK = ("--poll-seconds", "0.3")


def test_a_backup_is_followed_to_its_end(terminal: Callable[..., Terminal]) -> None:
    shown = terminal("backup", "shop-users", *QUICK).sees("Ctrl-C leaves it running").sees("SUCCEEDED")
    assert shown.ends() == 0
    assert re.search(r"shop-users\s+COMPLETED\s+FULL_EXPORT\s+40", shown.text)


def test_a_table_that_is_not_backed_up_fails_in_the_machine_s_words(call: Callable[..., Ended]) -> None:
    ended = call("backup", "no-such-table", "--json", *QUICK)
    assert ended.document["result"]["status"] == "FAILED"
    assert ended.code == 1
    assert "no-such-table" in ended.document["result"]["cause"]


def test_a_restore_shows_its_plan_and_takes_no_for_an_answer(
    terminal: Callable[..., Terminal], account: Account
) -> None:
    account.aws.requests.clear()
    shown = terminal("restore", "shop-users", "--write-mode", "mirror").sees("READY").sees("DELETED")
    shown.sees("Type shop-users to go on").types("y")
    assert shown.ends() == 1
    assert "Nothing was written." in shown.text
    assert account.aws.requests.count("dynamodb", "BatchWriteItem") == 0
    assert account.aws.requests.count("states", "StartExecution") == 0


def test_ctrl_c_leaves_a_restore_running_and_says_how_to_follow_it(
    terminal: Callable[..., Terminal], call: Callable[..., Ended], account: Account
) -> None:
    with account.aws.faults.delay("dynamodb", "BatchWriteItem", resource="shop-users", seconds=4, times=1):
        shown = terminal("restore", "shop-users", "--yes", *QUICK).sees("shop-users").presses_ctrl_c()
        assert shown.ends() == 130
        (command,) = re.findall(r"Follow it again with: dynamodb-backup (.*)", shown.text)
        running = call("status", "--json").document["result"]["running"]
        words = command.strip().split()
        assert [work["id"] for work in running] == [words[1]]
        followed = call(*words, "--json", *QUICK)
    assert followed.code == 0
    result = followed.document["result"]
    assert (result["kind"], result["status"]) == ("restore", "SUCCEEDED")
    assert result["result"]["restore_results"][0]["proven"] is True


def test_without_a_terminal_a_restore_wants_yes(call: Callable[..., Ended]) -> None:
    refused = call("restore", "shop-users")
    assert refused.code == 2
    assert "--yes" in refused.err


def test_a_dry_run_is_the_plan_alone(call: Callable[..., Ended], account: Account) -> None:
    plan = call("restore", "--dry-run", "--json")
    assert plan.code == 0
    assert {row["status"] for row in plan.document["result"]["restore_results"]} == {"READY"}
    shown = call("restore", "--dry-run", "shop-orders")
    assert "WRITE UNITS" in shown.out


def test_a_plan_that_fails_for_one_table_is_partial(call: Callable[..., Ended]) -> None:
    plan = call("restore", "--dry-run", "--target-table", "shop-orders=shop-nowhere", "--json")
    assert plan.code == 3
    by_table = {row["table_name"]: row for row in plan.document["result"]["restore_results"]}
    assert by_table["shop-orders"]["status"] == "FAILED"
    assert "shop-nowhere" in by_table["shop-orders"]["error"]


def test_one_item_comes_back_by_its_key(call: Callable[..., Ended], account: Account) -> None:
    key = {"user_id": {"S": "shop-users-0007"}}
    account.aws.client("dynamodb").delete_item(TableName="shop-users", Key=key)
    ended = call("restore", "shop-users", "--keys", "user_id=shop-users-0007", "--yes", "--json", *QUICK)
    assert ended.code == 0, ended.out
    assert ended.document["result"]["result"]["total_items_written"] == 1
    assert account.items("shop-users") == 40


def test_starting_without_following_prints_the_id_alone(call: Callable[..., Ended]) -> None:
    started = call("backup", "shop-users", "--no-follow")
    assert started.code == 0
    assert re.fullmatch(r"backup-\d{8}T\d{6}Z-[0-9a-f]{8}\n", started.out)
    followed = call("follow", started.out.strip(), *QUICK)
    assert followed.code == 0
    assert "SUCCEEDED" in followed.out
    assert ESCAPE not in followed.out + followed.err


ESCAPE = "\x1b["


def test_following_what_there_is_not_fails(call: Callable[..., Ended]) -> None:
    followed = call("follow", "restore-20260101T000000Z-00000000")
    assert followed.code == 1
    assert "has an execution" in followed.err


def test_progress_that_cannot_be_asked_for_a_moment_ends_nothing(call: Callable[..., Ended], account: Account) -> None:
    started = call("restore", "shop-users", "--yes", "--no-follow").out.strip()
    with account.aws.faults.server_error("lambda", "Invoke", times=2):
        followed = call("follow", started, *QUICK)
    assert followed.code == 0, followed.err


def test_a_restore_of_which_one_table_fails_is_partial_and_says_which(call: Callable[..., Ended]) -> None:
    ended = call("restore", "--target-table", "shop-orders=shop-nowhere", "--yes", "--json", *QUICK)
    assert ended.code == 3, ended.out
    result = ended.document["result"]
    assert (result["status"], result["error"]) == ("FAILED", "Restore.Status207")
    by_table = {row["table_name"]: row for row in result["result"]["restore_results"]}
    assert (by_table["shop-orders"]["status"], by_table["shop-users"]["status"]) == ("FAILED", "COMPLETED")
    shown = call("follow", result["id"])
    assert shown.code == 3
    assert re.search(r"shop-nowhere:.*shop-nowhere", shown.out)


def test_credentials_that_expire_while_following_end_the_following_alone(
    call: Callable[..., Ended], account: Account
) -> None:
    started = call("backup", "shop-users", "--no-follow").out.strip()
    with account.aws.faults.error("states", "DescribeExecution", code="ExpiredTokenException", status=400, skip=1):
        ended = call("follow", started, "--json", *QUICK)
    assert ended.code == 1
    error = ended.document["error"]
    assert error["type"] == "NotAllowed"
    assert f"The backup {started} goes on. Follow it again with: dynamodb-backup follow {started}" in error["hint"]
    assert ended.document["result"]["id"] == started
    assert call("follow", started, *QUICK).code == 0
