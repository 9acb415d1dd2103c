"""The list's event and result."""

from __future__ import annotations

from typing import Any

import pytest

from dynamodb_backup.contract.catalog import (
    ListRequest,
    ListResult,
    RecoveryPoint,
    TableRecoveryPoints,
)
from dynamodb_backup.errors import RequestRefused


def test_a_bare_list_event_means_everything_from_the_newest_on() -> None:
    assert ListRequest.from_event({"action": "list"}) == ListRequest(None, None, None, 1000, None)


def test_every_field_is_taken() -> None:
    event = {
        "action": "list",
        "tables": ["users", "orders", "users"],
        "from": "2026-01-01",
        "to": "2026-01-31",
        "limit": 5000,
        "next": "2026-01-17+250",
    }
    request = ListRequest.from_event(event)
    assert request == ListRequest(("users", "orders"), "2026-01-01", "2026-01-31", 5000, "2026-01-17+250")
    assert request.start == ("2026-01-17", 250)


@pytest.mark.parametrize(
    ("event", "field", "said"),
    [
        ({"action": "lst"}, "action", 'must be accept_collapse or legal_hold or list, but is "lst" (string)'),
        ({"action": None}, "action", "null"),
        ({"action": ["list"]}, "action", "(array)"),
        ({"table": ["orders"]}, "table", "known fields are action, from, limit, next, tables, to"),
        ({"export_type": "FULL_EXPORT"}, "export_type", "is unknown"),
        ({"tables": "orders"}, "tables", '"orders" (string)'),
        ({"tables": []}, "tables", "non-empty"),
        ({"tables": ["no"]}, "tables", '"no" (string)'),
        ({"from": "2026-13-01"}, "from", "a date such as 2026-01-31"),
        ({"from": "latest"}, "from", "a date such as 2026-01-31"),
        ({"to": 20260131}, "to", "20260131 (integer)"),
        ({"to": "20260131"}, "to", '"20260131" (string)'),
        ({"to": None}, "to", "null"),
        ({"from": "2026-02-01", "to": "2026-01-31"}, "from", "is 2026-02-01, which is later than 'to', 2026-01-31"),
        ({"limit": 0}, "limit", "an integer from 1 to 5000"),
        ({"limit": 5001}, "limit", "5001"),
        ({"limit": "10"}, "limit", '"10" (string)'),
        ({"limit": True}, "limit", "true (boolean)"),
        ({"next": "yesterday"}, "next", "the 'next' of an earlier answer"),
        ({"next": None}, "next", "null"),
    ],
)
def test_what_is_wrong_is_named_with_what_was_given_and_what_is_allowed(
    event: dict[str, Any], field: str, said: str
) -> None:
    with pytest.raises(RequestRefused) as refusal:
        ListRequest.from_event({"action": "list", **event})
    assert refusal.value.field == field
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("event", "meant"),
    [
        ({"action": "list"}, True),
        ({"action": "anything"}, True),
        ({}, False),
        ({"tables": ["orders"]}, False),
        (["action"], False),
        (None, False),
        ({"source": "aws.events", "detail-type": "Scheduled Event", "action": "list"}, False),
    ],
)
def test_only_an_event_of_ours_that_names_an_action_asks_for_one(event: object, meant: bool) -> None:
    assert ListRequest.is_meant(event) is meant


def test_dates_are_covered_with_both_ends_and_never_before_the_page() -> None:
    request = ListRequest(earliest="2026-01-02", latest="2026-01-05", page="2026-01-04+3")
    covered = [day for day in range(1, 8) if request.covers(f"2026-01-{day:02d}")]
    assert covered == [2, 3, 4]


def test_the_body_holds_exactly_what_is_promised() -> None:
    point = RecoveryPoint("orders", "2026-01-10", "COMPLETED", verified=True)
    table = TableRecoveryPoints("orders", (point,), point, searched=True)
    response = ListResult("test", "backups", (table,), next_page="2026-01-09").to_response()
    assert response["statusCode"] == 200
    assert response["body"] == {
        "environment": "test",
        "s3_bucket": "backups",
        "total_recovery_points": 1,
        "tables": [
            {
                "table_name": "orders",
                "newest_verified": point.to_dict(),
                "chains": [],
                "recovery_points": [point.to_dict()],
            },
        ],
        "unreadable_dates": [],
        "next": "2026-01-09",
    }


def test_the_code_says_whether_everything_could_be_read() -> None:
    assert ListResult("test", "backups", warnings=("one date is damaged",)).status_code == 207
    failed = ListResult(None, None, warnings=("w",), error="AccessDenied", error_type="AccessDenied").to_response()
    assert failed["statusCode"] == 500
    assert failed["body"]["error"] == failed["body"]["error_type"] == "AccessDenied"
