"""`history`, `get`, `verify`, `diff` and `undo`: what was, whether it still is, and back again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.cli.conftest import Account, Ended, Terminal

pytestmark = pytest.mark.xdist_group("cli")

USER = "user_id=shop-users-0007"


def test_an_item_is_printed_as_dynamodb_and_as_anybody_writes_it(call: Callable[..., Ended]) -> None:
    typed = call("get", "shop-users", USER)
    assert typed.code == 0
    assert json.loads(typed.out) == {"user_id": {"S": "shop-users-0007"}, "total": {"N": "7"}, "photo": {"B": "Bw=="}}
    assert "As known at" in typed.err
    plain = call("get", "shop-users", '{"user_id": {"S": "shop-users-0007"}}', "--plain", "--json").document
    assert plain["result"]["item"] == {"user_id": "shop-users-0007", "total": 7, "photo": "Bw=="}


def test_an_item_that_was_not_there_then_is_not_found(call: Callable[..., Ended]) -> None:
    never = call("get", "shop-users", "user_id=nobody")
    assert (never.code, never.out) == (1, "")
    assert "absent at" in never.err
    too_old = call("get", "shop-users", USER, "--at", "2020-01-01T00:00:00Z", "--json")
    assert "No backup tells" in too_old.document["error"]["message"]


def test_a_time_without_a_zone_and_a_key_without_a_name_are_errors_of_usage(call: Callable[..., Ended]) -> None:
    assert call("get", "shop-users", USER, "--at", "2026-01-01").code == 2
    assert call("get", "shop-users", "shop-users-0007").code == 2


def test_history_shows_each_backup_s_version(call: Callable[..., Ended]) -> None:
    shown = call("history", "shop-users", USER)
    assert shown.code == 0
    assert "full backup of" in shown.out
    assert '{"user_id":{"S":"shop-users-0007"},"total":{"N":"7"},"photo":{"B":"Bw=="}}' in shown.out
    assert call("history", "shop-users", USER, "--json").document["result"]["total_versions"] >= 1


def test_verify_tells_whether_backups_are_whole(call: Callable[..., Ended]) -> None:
    shown = call("verify")
    assert shown.code == 0
    assert shown.out.count("VERIFIED") == 2
    document = call("verify", "shop-users", "--json").document
    assert document["result"]["verified_tables"] == 1


def test_a_bad_change_is_seen_side_by_side_and_undone(
    call: Callable[..., Ended], terminal: Callable[..., Terminal], account: Account
) -> None:
    account.shop.prepare("windows of any length")
    assert call("backup", "shop-users", "--poll-seconds", "0.3").code == 0
    began = _second()
    dynamodb: Any = account.aws.client("dynamodb")
    dynamodb.delete_item(TableName="shop-users", Key={"user_id": {"S": "shop-users-0001"}})
    dynamodb.put_item(TableName="shop-users", Item={"user_id": {"S": "shop-users-0002"}, "total": {"N": "-5"}})
    dynamodb.put_item(TableName="shop-users", Item={"user_id": {"S": "made-up"}})
    ended = _second()

    shown = call("diff", "shop-users")
    assert shown.code == 3
    assert "user_id=shop-users-0001 is in the backup, not in the table" in shown.out
    assert "user_id=made-up is in the table, not in the backup" in shown.out
    (total,) = [line.split() for line in shown.out.splitlines() if line.startswith("total ")]
    assert total == ["total", '{"N":"2"}', '{"N":"-5"}']
    document = call("diff", "shop-users", "--json").document
    assert {sample["kind"] for sample in document["result"]["samples"]} == {"missing", "extra", "different"}

    with account.aws.faults.deny("dynamodb", "GetItem"):
        blind = call("diff", "shop-users")
    assert blind.code == 3
    assert "the table's items are not shown" in blind.err

    window = ("--from", began, "--to", ended)
    plan = call("undo", "shop-users", *window, "--dry-run", "--json")
    assert plan.code == 0, plan.out
    assert plan.document["result"]["total_items_reverted"] == 3
    assert call("undo", "shop-users", *window).code == 2, "nobody can be asked"
    undone = terminal("undo", "shop-users", *window).sees("Revert 3 items in shop-users").types("shop-users")
    assert undone.ends() == 0
    assert call("diff", "shop-users").code == 0


def _second() -> str:
    """Return the present second, once it is over: windows end between seconds."""
    time.sleep(1.1)
    moment = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    time.sleep(1.1)
    return moment
