"""What a history event may ask, and what its result says."""

from __future__ import annotations

from typing import Any

import pytest

from dynamodb_backup.contract.history import HistoryRequest, HistoryResult, ItemVersion, UnreadablePoint, WrittenVersion
from dynamodb_backup.errors import RequestRefused

KEY = {"id": {"S": "a-secret"}}
EVENT = {"action": "history", "tables": ["orders"], "keys": [KEY]}


def test_defaults() -> None:
    request = HistoryRequest.from_event(EVENT)
    assert (request.table, request.keys, request.limit, request.start) == ("orders", (KEY,), 1000, (("", ""), 0))
    assert request.covers("2026-01-31")


def test_a_page_covers_its_date_and_older_ones() -> None:
    request = HistoryRequest.from_event(
        {**EVENT, "keys": [KEY, KEY], "from": "2026-01-02", "to": "2026-01-31", "next": "2026-01-10+0a-1-ff+1"}
    )
    assert request.start == (("2026-01-10", "0a-1-ff"), 1)
    dates = ("2026-01-01", "2026-01-02", "2026-01-10", "2026-01-11", "2026-02-01")
    assert [date for date in dates if request.covers(date)] == ["2026-01-02", "2026-01-10"]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"tables": None}, "tables"),
        ({"tables": ["orders", "users"]}, "tables"),
        ({"keys": []}, "keys"),
        ({"keys": [{"id": "a-secret"}]}, "keys"),
        ({"keys": [KEY] * 101}, "keys"),
        ({"partition_keys": [KEY]}, "partition_keys"),
        ({"backup_date": "latest"}, "backup_date"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-02-01", "to": "2026-01-01"}, "from"),
        ({"limit": 0}, "limit"),
        ({"limit": 5001}, "limit"),
        ({"next": "2026-01-10"}, "next"),
        ({"next": "2026-01-10+0a-1-ff+1"}, "next"),
        ({"next": "2026-01-10+0a-1-ff"}, "next"),
    ],
)
def test_bad_fields_are_refused_by_name_without_a_key(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        HistoryRequest.from_event({**EVENT, **fields})
    assert refused.value.field == named
    assert "a-secret" not in str(refused.value)


@pytest.mark.parametrize("missing", ["tables", "keys"])
def test_missing_fields_are_refused_by_name(missing: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        HistoryRequest.from_event({name: value for name, value in EVENT.items() if name != missing})
    assert refused.value.field == missing


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("DAMAGED", 207),
        ("MISSING", 207),
        ("OTHER_KEY", 207),
        ("UNREADABLE", 207),
        ("EXPIRED", 200),
        ("NO_MANIFEST", 200),
    ],
)
def test_what_is_not_a_loss_does_not_change_the_code(status: str, code: int) -> None:
    result = HistoryResult("test", "backups", unreadable_points=(UnreadablePoint("2026-01-01", status, "why"),))
    assert result.status_code == code
    assert HistoryResult("test", "backups", error="none").status_code == 500


def test_only_a_present_version_has_an_item() -> None:
    assert ItemVersion("2026-01-01", None, {}, True, "2025-12-31").to_dict() == {
        "type": "full",
        "backup_date": "2026-01-01",
        "export_time": None,
        "status": "present",
        "changed": True,
        "compared_with": "2025-12-31",
        "item": {},
    }
    absent = ItemVersion("2026-01-01", None).to_dict()
    assert (absent["status"], "item" in absent) == ("absent", False)


def test_an_increment_tells_what_was_before() -> None:
    deleted = WrittenVersion("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", "2026-01-01T00:30:00Z", None, {}, True)
    assert deleted.to_dict() == {
        "type": "increment",
        "from": "2026-01-01T00:00:00Z",
        "to": "2026-01-01T01:00:00Z",
        "written_at": "2026-01-01T00:30:00Z",
        "status": "absent",
        "changed": True,
        "old_item": {},
    }
