"""The field ``confirm``: what it may hold, and that a refusal says exactly what to add."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dynamodb_backup.contract.confirmation import refuse_other_tables
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.contract.undo import UndoRequest
from dynamodb_backup.errors import RequestRefused

UNDO = {"from": "2026-08-01T12:00:00Z", "to": "2026-08-01T13:00:00Z"}


@pytest.mark.parametrize(
    ("given", "read"),
    [("orders", ("orders",)), (["orders"], ("orders",)), (["users", "orders", "users"], ("orders", "users"))],
)
def test_one_name_or_an_array_of_names(given: Any, read: tuple[str, ...]) -> None:
    restore, undo = RestoreRequest.from_event({"confirm": given}), UndoRequest.from_event(UNDO | {"confirm": given})
    assert restore.confirm == undo.confirm == read
    for request in (restore, undo):
        assert type(request).from_event(_given(request.to_dict())) == request


def _given(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in json.loads(json.dumps(document)).items() if value is not None}


@pytest.mark.parametrize("given", [True, "", "yes please", "a/b", [], ["a/b"], [1], None, 1, {"orders": True}])
def test_whatever_is_no_table_name_is_refused(given: Any) -> None:
    for read in (RestoreRequest.from_event, UndoRequest.from_event):
        with pytest.raises(RequestRefused, match="'confirm'"):
            read((UNDO if read == UndoRequest.from_event else {}) | {"confirm": given})


@pytest.mark.parametrize("changed", [["orders"], ["orders", "users"]])
def test_an_event_with_what_the_refusal_says_is_taken(changed: list[str]) -> None:
    for confirmed in (None, ["other"], ["orders", "users", "other"]):
        with pytest.raises(RequestRefused) as refused:
            refuse_other_tables(confirmed, changed, "deletes items of")
        wanted = json.loads("{" + str(refused.value).partition("if you mean that, ")[2].partition(" ")[2] + "}")
        refuse_other_tables(RestoreRequest.from_event(wanted).confirm, changed, "deletes items of")


def test_a_part_of_the_tables_is_not_enough() -> None:
    with pytest.raises(RequestRefused, match='is "orders", but this event deletes items of orders, users'):
        refuse_other_tables(("orders",), ("orders", "users"), "deletes items of")
