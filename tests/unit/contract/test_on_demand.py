"""The on-demand backup's event and answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from dynamodb_backup.contract.on_demand import OnDemandRequest, OnDemandResult, RequestedBackup
from dynamodb_backup.errors import RequestRefused

TABLES = ("orders", "users")


def test_an_empty_event_means_all_tables() -> None:
    assert OnDemandRequest.from_event({}, TABLES) == OnDemandRequest(TABLES)


def test_a_schedule_s_event_has_its_time_whatever_else_it_holds() -> None:
    event = {"source": "aws.scheduler", "detail-type": "x", "time": "2026-08-01T03:00:00Z", "new": 1}

    assert OnDemandRequest.from_event(event, TABLES).moment == datetime(2026, 8, 1, 3, tzinfo=UTC)


@pytest.mark.parametrize("time", [None, 1, "noon"])
def test_an_event_without_a_good_time_is_a_request_by_hand(time: object) -> None:
    event = {"source": "aws.scheduler", "detail-type": "x", "time": time}

    assert OnDemandRequest.from_event(event, TABLES).moment is None


@pytest.mark.parametrize(
    ("event", "field", "says"),
    [
        ({"table": "orders"}, "table", "is unknown"),
        ({"tables": ["strangers"]}, "tables", "not one of DYNAMODB_TABLES"),
        ({"tables": []}, "tables", "non-empty array"),
        ({"run_id": "../x"}, "run_id", "the run_id of an earlier answer"),
        ({"run_id": "20260801T030000Z", "tables": ["orders"]}, "run_id", "continues a run of all tables"),
        ([], "event", "must be a JSON object"),
    ],
)
def test_bad_events_are_refused_by_name(event: object, field: str, says: str) -> None:
    with pytest.raises(RequestRefused, match=says) as refused:
        OnDemandRequest.from_event(event, TABLES)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("statuses", "code"),
    [(["CREATING", "AVAILABLE"], 200), (["CREATING", "FAILED"], 207), (["FAILED", "FAILED"], 500), ([], 500)],
)
def test_the_code_is_true(statuses: list[str], code: int) -> None:
    tables = tuple(RequestedBackup(f"table-{number}", status) for number, status in enumerate(statuses))

    assert OnDemandResult("prod", tables=tables).status_code == code


def test_the_answer_counts_its_tables() -> None:
    result = OnDemandResult(
        "prod", "by-hand-1", "shop-by-hand-1", (RequestedBackup("orders", "FAILED", error="broken"),)
    )
    body: dict[str, Any] = result.to_response()["body"]

    assert (body["total_tables_processed"], body["requested_backups"], body["failed_backups"]) == (1, 0, 1)
