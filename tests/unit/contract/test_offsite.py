"""The off-site copy's event and answer."""

from __future__ import annotations

import pytest

from dynamodb_backup.contract.offsite import OffsiteRequest, OffsiteResult, UnitCopy
from dynamodb_backup.errors import RequestRefused


def test_an_empty_event_copies_what_is_configured() -> None:
    assert OffsiteRequest.from_event({}) == OffsiteRequest("copy", None, None)


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ([], "event"),
        ({"tables": ["orders"]}, "tables"),
        ({"action": "restore"}, "action"),
        ({"backup_date": "yesterday"}, "backup_date"),
        ({"days": 0}, "days"),
        ({"days": "7"}, "days"),
        ({"days": 7, "backup_date": "latest"}, "days"),
        ({"action": "fetch"}, "backup_date"),
        ({"action": "report", "days": 7}, "action"),
    ],
)
def test_a_wrong_event_is_refused_by_name(event: object, field: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        OffsiteRequest.from_event(event)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("statuses", "already", "code"),
    [
        ([], 0, 200),
        (["COPIED"], 0, 200),
        (["COPIED", "IN_PROGRESS"], 0, 202),
        (["FAILED", "IN_PROGRESS"], 0, 202),
        (["COPIED", "FAILED"], 0, 207),
        (["PARTIAL"], 0, 207),
        (["FAILED"], 3, 207),
        (["FAILED"], 0, 500),
    ],
)
def test_codes_are_true(statuses: list[str], already: int, code: int) -> None:
    copies = tuple(UnitCopy("date", "2026-01-31", status) for status in statuses)
    assert OffsiteResult("test", "backups", copies=copies, already=already).to_response()["statusCode"] == code


def test_waiting_for_another_invocation_is_not_done() -> None:
    assert OffsiteResult("test", "backups", waiting="another invocation is at it").status_code == 202


def test_errors_of_tables_are_one_text_too() -> None:
    copy = UnitCopy("date", "2026-01-31", "PARTIAL", {"users": "altered", "orders": "gone"})
    assert copy.to_dict()["error"] == "orders: gone; users: altered"
    assert UnitCopy("date", "2026-01-31", "COPIED").to_dict()["error"] is None


def test_a_long_answer_begins_with_what_is_not_copied() -> None:
    copies = [UnitCopy("date", str(number), "COPIED") for number in range(300)]
    body = OffsiteResult("test", "backups", copies=(*copies, UnitCopy("date", "x", "FAILED"))).to_response()["body"]
    assert (body["copies"][0]["name"], len(body["copies"]), body["copied"]) == ("x", 200, 300)
