"""Every field of the restore event can be given on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest

from dynamodb_backup.contract import undo as undo_contract
from dynamodb_backup.contract import verify as verify_contract
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.contract.restore_fields import FIELDS
from dynamodb_backup_cli.commands.undo import undo
from dynamodb_backup_cli.commands.verification import verify
from dynamodb_backup_cli.restore_options import DESCRIBED, NOT_OPTIONS, event_of, restore_parameters
from dynamodb_backup_cli.values import key_of_words


def event(*words: str) -> dict[str, Any]:
    """Return the event that words on the command line mean."""
    command = click.Command("restore", params=restore_parameters())
    with command.make_context("restore", list(words)) as context:
        return event_of(context.params)


def test_every_field_is_described() -> None:
    assert {*FIELDS} - NOT_OPTIONS <= DESCRIBED.keys(), "describe the contract's new field in restore_options.py"


def test_every_field_of_undo_and_verify_can_be_given() -> None:
    for fields, command in ((undo_contract._FIELDS, undo), (verify_contract.FIELDS, verify)):
        assert {*fields} - {"action"} <= {parameter.name for parameter in command.params}


def test_a_field_that_nobody_described_yet_can_be_given_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dynamodb_backup_cli.restore_options.FIELDS", (*FIELDS, "new_field"))
    assert event("--new-field", '{"a": 1}') == {"new_field": {"a": 1}}


def test_nothing_given_is_an_empty_event() -> None:
    assert event() == {}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["a-table", "b-table"], {"tables": ["a-table", "b-table"]}),
        (["--backup-date", "2026-08-01"], {"backup_date": "2026-08-01"}),
        (["--clear-existing-data"], {"clear_existing_data": True}),
        (["--write-mode", "diff"], {"write_mode": "diff"}),
        (["--prove"], {"prove": True}),
        (["--no-prove"], {"prove": False}),
        (["--max-workers", "16"], {"max_workers": 16}),
        (["--max-write-units-per-second", "100"], {"max_write_units_per_second": 100}),
        (
            ["--target-table", "aaa=bbb", "--target-table", "ccc=ddd"],
            {"target_tables": {"aaa": "bbb", "ccc": "ddd"}},
        ),
        (["--method", "import"], {"method": "import"}),
        (
            ["--create-missing-tables", "--warm-write-units-per-second", "9"],
            {"create_missing_tables": True, "warm_write_units_per_second": 9},
        ),
        (["aaa", "--keys", "id:N=5"], {"tables": ["aaa"], "keys": [{"id": {"N": "5"}}]}),
        (["aaa", "--keys", '{"id": {"S": "x"}}'], {"tables": ["aaa"], "keys": [{"id": {"S": "x"}}]}),
        (
            ["aaa", "--partition-keys", '[{"id": {"S": "x"}}, {"id": {"S": "y"}}]'],
            {"tables": ["aaa"], "partition_keys": [{"id": {"S": "x"}}, {"id": {"S": "y"}}]},
        ),
        (
            ["--restore-to", "2026-08-01T14:30:00Z", "--allow-gap"],
            {"restore_to": "2026-08-01T14:30:00Z", "allow_gap": True},
        ),
        (["aaa", "--on-demand-backup", "latest"], {"tables": ["aaa"], "on_demand_backup": "latest"}),
        (["--restore-id", "20260801T091116Z-6dbe7faa"], {"restore_id": "20260801T091116Z-6dbe7faa"}),
    ],
    ids=str,
)  # fmt: skip
def test_options_are_the_event_s_fields(words: list[str], expected: dict[str, Any]) -> None:
    assert event(*words) == expected
    RestoreRequest.from_event(event(*words))


def test_json_and_secrets_can_come_from_files(tmp_path: Path) -> None:
    rules, salt = tmp_path / "rules.json", tmp_path / "salt"
    rules.write_text(json.dumps({"aaa": [{"attribute": "mail", "action": "hash"}]}))
    salt.write_text("sixteen characters\n")
    given = event("aaa", "--target-table", "aaa=bbb", "--transform", f"@{rules}", "--transform-salt", f"@{salt}")
    assert given["transform"] == {"aaa": [{"attribute": "mail", "action": "hash"}]}
    assert given["transform_salt"] == "sixteen characters"
    RestoreRequest.from_event(given)


def test_a_key_of_several_attributes_is_several_words() -> None:
    assert key_of_words(["customer=c=1", "line:N=3"]) == {"customer": {"S": "c=1"}, "line": {"N": "3"}}
    assert key_of_words(['{"a": {"B": "AA=="}}']) == {"a": {"B": "AA=="}}


@pytest.mark.parametrize("words", [["x"], ["x:Q=1"], ["=1"], ["{no json"], ["x="]], ids=str)
def test_what_is_no_key_is_refused(words: list[str]) -> None:
    with pytest.raises(ValueError, match="key"):
        key_of_words(words)
