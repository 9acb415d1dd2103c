"""`list`, `show` and `status`: what a person and a script are told of recovery points."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Account, Ended, Terminal

pytestmark = pytest.mark.xdist_group("cli")

ESCAPE = "\x1b["


def test_a_terminal_shows_a_table_in_colours(terminal: Callable[..., Terminal]) -> None:
    shown = terminal("list", "shop-users")
    assert shown.ends() == 0
    assert ESCAPE in shown.seen.getvalue()
    (row,) = [line.split() for line in shown.text.splitlines() if line.startswith("shop-users")]
    assert "COMPLETED" in row
    assert row[-3:] == ["kB", "yes", "never"]


def test_a_pipe_gets_no_colours_and_no_padding(call: Callable[..., Ended]) -> None:
    listed = call("list")
    assert listed.code == 0
    assert ESCAPE not in listed.out
    assert {line.split()[0] for line in listed.out.splitlines()[2:]} == {"shop-orders", "shop-users"}
    assert [line for line in listed.out.splitlines() if line != line.rstrip()] == []


def test_list_keeps_to_its_limit_and_its_dates(call: Callable[..., Ended]) -> None:
    assert call("list", "--limit", "1", "--json").document["result"]["total_recovery_points"] == 1
    none = call("list", "--to", "2020-01-01")
    assert none.code == 0
    assert "shop-users has no recovery point here." in none.out


def test_pages_of_the_list_are_joined(call: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dynamodb_backup_cli.points.DEFAULT_LIMIT", 1)
    result = call("list", "--json").document["result"]
    assert {table["table_name"] for table in result["tables"] if table["recovery_points"]} == {
        "shop-orders",
        "shop-users",
    }
    assert result["next"] is None


def test_list_and_show_as_json_keep_to_the_schema(call: Callable[..., Ended]) -> None:
    listed = call("list", "shop-orders", "--json").document["result"]
    (table,) = listed["tables"]
    shown = call("show", table["recovery_points"][0]["backup_date"], "shop-orders", "--json").document["result"]
    assert shown["recovery_points"] == [{"table_name": "shop-orders", **point} for point in table["recovery_points"]]


def test_show_latest_has_the_newest_verified_point_of_each_table(call: Callable[..., Ended]) -> None:
    shown = call("show", "latest")
    assert shown.code == 0
    assert "shop-orders 20" in shown.out
    assert "shop-users 20" in shown.out
    assert "manifest-summary.json" in shown.out


def test_show_of_a_date_without_backups_fails(call: Callable[..., Ended]) -> None:
    shown = call("show", "2020-01-01")
    assert (shown.code, shown.out) == (1, "")
    assert "There is no recovery point of 2020-01-01" in shown.err


def test_status_is_good_while_every_table_is_fresh(call: Callable[..., Ended]) -> None:
    result = call("status", "--json").document["result"]
    assert [table["within_rpo"] for table in result["tables"]] == [True, True]
    assert result["warnings"] == []


def test_status_is_partial_when_a_table_is_not_fresh_enough(terminal: Callable[..., Terminal]) -> None:
    time.sleep(2)  # the export's time is in whole seconds
    shown = terminal("status", "--rpo-hours", "0.000001")
    assert shown.ends() == 3
    assert "NO" in shown.text.split()


def test_status_says_what_it_may_not_look_at(call: Callable[..., Ended], account: Account) -> None:
    with account.aws.faults.deny("states", "ListExecutions"):
        shown = call("status")
    assert shown.code == 0
    assert "warning: running work is not shown" in shown.err
    assert "states:ListExecutions" in shown.err


def test_common_options_may_stand_before_the_command(call: Callable[..., Ended]) -> None:
    assert call("--json", "list", "shop-users").document["command"] == "list"
    before = call("--name", "shop-staging", "list")
    assert before.code == 1
    assert "shop-staging-dynamodb-backup" in before.err


def test_a_deployment_on_the_command_line_is_stronger_than_one_in_the_environment(
    call: Callable[..., Ended], tmp_path: Path
) -> None:
    outputs = tmp_path / "outputs.json"
    arns = {
        "functions": {verb: {"arn": f"shop-{verb}-there-is-not"} for verb in ("backup", "restore")},
        "state_machines": {},
    }
    outputs.write_text(json.dumps(arns))
    for words in (("--terraform-output", str(outputs), "list"), ("list", "--terraform-output", str(outputs))):
        assert "There is no function shop-backup-there-is-not" in call(*words).err
