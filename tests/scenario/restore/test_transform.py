"""A copy without personal data: what stands in the target, what is refused, and what nobody gets to see."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import io
import json
from typing import Any

import pytest

from dynamodb_backup.telemetry import logger
from sandbox import Sandbox
from tests.scenario.restore.kit import BUCKET, PREFIX, Stage, canonicals, restore, restore_in_turns, table_writes
from tests.scenario.restore.steps import Execution

SALT = "a secret of some length"
RULES = [
    {"attribute": "email", "action": "hash"},
    {"attribute": "profile.phone", "action": "mask"},
    {"attribute": "ssn", "action": "drop"},
]
EVENT: dict[str, Any] = {
    "tables": ["orders"],
    "target_tables": {"orders": "copy"},
    "transform": {"orders": RULES},
    "transform_salt": SALT,
}


def person(number: int, **others: Any) -> dict[str, Any]:
    return {
        "id": {"S": f"{number}"},
        "email": {"S": f"person-{number}@example.com"},
        "profile": {"M": {"phone": {"S": f"+41-{number}"}, "since": {"N": "2020.50"}}},
        "ssn": {"N": "756"},
        "picture": {"B": "AAEC/w=="},
        **others,
    }


def harmless(number: int) -> dict[str, Any]:
    content = b"S\0" + f"person-{number}@example.com".encode()
    item = person(number, email={"S": hmac.new(SALT.encode(), content, hashlib.sha256).hexdigest()})
    item["profile"] = {"M": {"phone": {"S": "***"}, "since": {"N": "2020.50"}}}
    del item["ssn"]
    return item


@pytest.fixture
def people(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setenv("DYNAMODB_TABLES", '["orders", "users"]')
    stage.back_up("orders", [person(number) for number in range(24)], file_count=2)
    stage.create_table("orders")
    stage.create_table("copy")
    return stage


def test_the_copy_holds_what_the_rules_leave(
    people: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", log)
    answer = restore(EVENT)
    assert answer.code == 200
    assert people.items("copy") == canonicals(harmless(number) for number in range(24))
    assert people.items("orders") == []
    assert answer.result["transformed_attributes"] == {"email": 24, "profile.phone": 24, "ssn": 24}
    assert answer.result["warnings"] == []
    said = log.getvalue() + capsys.readouterr().out + json.dumps(answer.body)
    assert SALT not in said
    assert "person-" not in said


@pytest.mark.parametrize("paced", [{}, {"max_write_units_per_second": 10_000}])
def test_only_missing_items_are_transformed_however_they_are_written(people: Stage, paced: dict[str, Any]) -> None:
    people.fill("copy", [person(7)])
    assert restore({**EVENT, "write_mode": "only_missing", **paced}).code == 200
    assert people.items("copy") == canonicals(person(7) if number == 7 else harmless(number) for number in range(24))


@pytest.mark.parametrize("paced", [{}, {"max_write_units_per_second": 10_000}])
def test_with_a_write_budget_too(people: Stage, paced: dict[str, Any]) -> None:
    assert restore({**EVENT, **paced}).code == 200
    assert people.items("copy") == canonicals(harmless(number) for number in range(24))


def test_single_keys_are_transformed_too(people: Stage) -> None:
    assert restore({**EVENT, "keys": [{"id": {"S": "3"}}]}).code == 200
    assert people.items("copy") == canonicals([harmless(3)])


def test_with_clear_existing_data_the_copy_holds_nothing_else(people: Stage) -> None:
    people.fill("copy", [person(7), person(1000)])
    assert restore({**EVENT, "clear_existing_data": True}).code == 200
    assert people.items("copy") == canonicals(harmless(number) for number in range(24))


def test_over_several_turns_every_item_is_transformed(people: Stage, aws: Sandbox) -> None:
    aws.faults.delay("dynamodb", "BatchWriteItem", seconds=0.4)
    answers = restore_in_turns({**EVENT, "max_workers": 1}, seconds=1.0)
    assert len(answers) > 1
    assert answers[-1].code == 200
    assert people.items("copy") == canonicals(harmless(number) for number in range(24))
    assert answers[-1].result["transformed_attributes"]["ssn"] >= 24


def test_another_salt_does_not_go_on_with_a_restore_and_is_not_shown(people: Stage, aws: Sandbox) -> None:
    aws.faults.delay("dynamodb", "BatchWriteItem", seconds=0.4)
    first = restore({**EVENT, "max_workers": 1}, seconds=1.0)
    assert first.code == 202
    answer = restore({**EVENT, "restore_id": first.body["restore_id"], "transform_salt": "quite another secret"})
    assert answer.code == 500
    assert "transform_salt" in answer.errors
    assert SALT not in answer.errors
    assert people.items("orders") == []


def test_the_salt_is_forgotten_when_the_restore_ends_and_a_repeat_still_answers(people: Stage, aws: Sandbox) -> None:
    aws.faults.delay("dynamodb", "BatchWriteItem", seconds=0.4)
    *_, last = restore_in_turns({**EVENT, "max_workers": 1}, seconds=1.0)
    restore_id = last.body["restore_id"]
    assert SALT.encode() not in people.get(f"{PREFIX}/restores/{restore_id}/checkpoint.json")
    for event in ({}, EVENT | {"max_workers": 1}):
        again = restore({**event, "restore_id": restore_id})
        assert (again.code, again.result) == (200, last.result)
    other = {"orders": [{"attribute": "email", "action": "drop"}]}
    assert (
        "'transform'"
        in restore(
            {
                "restore_id": restore_id,
                "transform": other,
                "tables": ["orders"],
                "target_tables": {"orders": "copy"},
            }
        ).errors
    )


def test_the_state_machine_keeps_the_salt_with_what_is_not_done_alone(people: Stage) -> None:
    people.back_up("users", [person(1)])
    event = EVENT | {"tables": ["orders", "users"]}
    execution = Execution(people, event)
    answer = execution.run()
    assert answer.of("orders")["status"] == "COMPLETED"
    assert people.items("copy") == canonicals(harmless(number) for number in range(24))
    keys = people.keys(f"{PREFIX}/restores/")
    assert any(key.endswith("/plan.json") for key in keys)
    assert [key for key in keys if SALT.encode() in people.get(key)] == []


def test_throttled_and_unprocessed_items_are_transformed_too(people: Stage, aws: Sandbox) -> None:
    aws.faults.unprocessed("copy", keep=10, times=3)
    aws.faults.throttle("dynamodb", "BatchWriteItem", resource="copy", times=2)
    assert restore(EVENT).code == 200
    assert people.items("copy") == canonicals(harmless(number) for number in range(24))


def test_refused_items_are_kept_without_what_was_dropped(people: Stage) -> None:
    people.entries.clear()
    people.back_up("orders", [person(1), person(2, empty={"NS": []})])
    answer = restore(EVENT)
    assert answer.code == 207
    folder = answer.result["failed_items_export"].removeprefix(f"s3://{BUCKET}/")
    kept = b"".join(gzip.decompress(people.get(key)) for key in people.keys(folder) if key.endswith(".json.gz"))
    assert b'"2"' in kept
    assert b"person-2" not in kept
    assert b"ssn" not in kept


@pytest.mark.parametrize("paced", [{}, {"write_mode": "only_missing"}, {"clear_existing_data": True}])
def test_a_value_that_has_no_type_is_refused_with_its_item_alone(people: Stage, paced: dict[str, Any]) -> None:
    people.entries.clear()
    people.back_up("orders", [person(1), person(2, email="person-2@example.com"), person(3)])
    answer = restore({**EVENT, **paced})
    assert (answer.code, answer.result["status"]) == (207, "PARTIAL_SUCCESS")
    assert (answer.result["items_written"], answer.result["items_failed"]) == (2, 1)
    assert people.items("copy") == canonicals([harmless(1), harmless(3)])
    folder = answer.result["failed_items_export"].removeprefix(f"s3://{BUCKET}/")
    kept = b"".join(gzip.decompress(people.get(key)) for key in people.keys(folder) if key.endswith(".gz"))
    assert b"which 'transform' names" in kept
    assert b"person-2" not in kept


def test_a_rule_that_meets_nothing_is_a_warning(people: Stage) -> None:
    rules = [{"attribute": "e-mail", "action": "drop"}]
    answer = restore({**EVENT, "transform": {"orders": rules}, "transform_salt": SALT})
    assert answer.code == 200
    assert "no item of table orders has the attribute 'e-mail'" in answer.result["warnings"][0]


@pytest.mark.parametrize("captured", [False, True])
@pytest.mark.parametrize("dry_run", [False, True])
def test_rules_for_a_key_are_refused(people: Stage, aws: Sandbox, *, captured: bool, dry_run: bool) -> None:
    if captured:
        key = "native-exports/2026-01-31/runs/run-1/definitions/orders.json"
        definition = {"Table": people.dynamodb.describe_table(TableName="orders")["Table"]}
        people.put(key, json.dumps(definition, default=str))
        people.entries.clear()
        people.back_up("orders", [person(1)], entry={"table_definition": key})
    answer = restore({**EVENT, "transform": {"orders": [{"attribute": "id", "action": "hash"}]}, "dry_run": dry_run})
    assert answer.code == 500
    assert "'id' of table 'orders', which is part of the primary key" in answer.errors
    assert table_writes(aws) == []


def test_rules_for_a_table_that_is_not_restored_are_refused(people: Stage, aws: Sandbox) -> None:
    for event, cause in [
        (EVENT, "'order', which is not in 'tables'"),
        ({**EVENT, "tables": None, "target_tables": {"orders": "copy"}}, "would overwrite table 'order' itself"),
        ({**EVENT, "tables": None, "target_tables": {"order": "copy"}}, "does not hold"),
    ]:
        given = {name: value for name, value in event.items() if value is not None}
        answer = restore({**given, "transform": {"order": RULES}})
        assert answer.code == 500
        assert cause in answer.errors
    assert table_writes(aws) == []
