"""With REQUIRE_CONFIRMATION nothing is deleted from a table whose name the event does not repeat."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox
from tests.scenario.restore.kit import Stage, canonicals, restore, restore_in_turns, strings, table_writes
from tests.scenario.restore.steps import Execution

MIRROR: dict[str, Any] = {"tables": ["orders"], "write_mode": "mirror"}


@pytest.fixture(autouse=True)
def required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUIRE_CONFIRMATION", "true")


@pytest.fixture
def stage(stage: Stage, aws: Sandbox) -> Stage:
    """A table with an item that its backup does not hold."""
    stage.create_table("orders")
    stage.fill("orders", [{"id": {"S": "extra"}}])
    stage.back_up("orders", strings(24), file_count=2)
    aws.requests.clear()
    return stage


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (MIRROR, 'this event deletes items of orders; if you mean that, add "confirm": "orders"'),
        ({"tables": ["orders"], "clear_existing_data": True}, 'add "confirm": "orders"'),
        (MIRROR | {"confirm": "order"}, 'is "order", but this event deletes items of orders'),
        (MIRROR | {"confirm": ["orders", "users"]}, 'give "confirm": "orders"'),
        (MIRROR | {"confirm": "orders", "target_tables": {"orders": "users"}}, 'give "confirm": "users"'),
        (MIRROR | {"tables": ["orders", "users"], "confirm": "orders"}, 'give "confirm": ["orders", "users"]'),
        ({"write_mode": "mirror", "confirm": "orders"}, "field 'tables' is missing"),
        (MIRROR | {"dry_run": True, "confirm": "order"}, 'give "confirm": "orders"'),
        ({"tables": ["orders"], "confirm": "order"}, 'this event writes to orders; if you mean that, give "confirm"'),
        (
            {"export": "s3://b/AWSDynamoDB/1/", "target_tables": {"orders": "copy"}, "write_mode": "mirror"},
            'add "confirm": "copy"',
        ),
    ],
)
def test_what_is_not_confirmed_is_refused_before_anything_is_read(
    aws: Sandbox, stage: Stage, event: dict[str, Any], said: str
) -> None:
    answers = [restore(event), Execution(stage, event).run()]

    for answer in answers:
        assert answer.code == 500
        assert answer.body["error_type"] == "RequestRefused"
        assert said in answer.errors
    assert aws.requests.list("dynamodb") == []
    # An execution looks first whether it was planned before.
    assert {one.operation for one in aws.requests.list("s3")} <= {"GetObject"}


@pytest.mark.parametrize("event", [{}, {"tables": ["orders"], "write_mode": "diff"}, MIRROR | {"dry_run": True}])
def test_what_deletes_nothing_needs_no_confirmation(stage: Stage, event: dict[str, Any]) -> None:
    assert restore(event).code == 200


@pytest.mark.parametrize("confirm", ["orders", ["orders"]])
def test_a_confirmed_mirror_deletes_in_as_many_turns_as_it_takes(stage: Stage, confirm: Any) -> None:
    answers = restore_in_turns(MIRROR | {"confirm": confirm, "max_workers": 2}, seconds=0)

    assert {answer.code for answer in answers} == {202, 200}
    assert stage.items("orders") == canonicals(strings(24))


def test_a_confirmed_restore_goes_on_by_its_id_alone(stage: Stage) -> None:
    first = restore(MIRROR | {"confirm": "orders", "max_workers": 1}, seconds=0)
    assert first.code == 202
    other = restore({"restore_id": first.body["restore_id"], "confirm": "users"})
    assert "differs from the request that began restore" in other.errors
    assert restore({"restore_id": first.body["restore_id"]}).code == 200


def test_the_state_machine_s_workers_are_not_stopped(
    aws: Sandbox, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESTORE_SLICE_LINES", "20")
    answer = Execution(stage, MIRROR | {"confirm": "orders"}).run()

    assert (answer.code, answer.result["items_deleted"]) == (200, 1)
    assert table_writes(aws)
    assert stage.items("orders") == canonicals(strings(24))


def test_without_the_setting_the_documented_events_go_on_working(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUIRE_CONFIRMATION")
    assert restore({"clear_existing_data": True}).code == 200
    assert restore(MIRROR | {"confirm": "users"}).code == 500
