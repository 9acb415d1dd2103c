"""What the list shows, in which order, and what it never hides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dynamodb_backup.archive import store
from dynamodb_backup.errors import ReadInterrupted
from tests.unit.catalog.fake_s3 import PREFIX, FakeS3, all_pages, entry, list_points, manifest, points_of


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dynamodb_backup.aws_errors.time.sleep", lambda _: None)


Days = dict[str, bytes | Callable[[], bytes] | None]


def days(*dates: str, tables: tuple[str, ...] = ("orders",)) -> Days:
    return {date: manifest(*(entry(table, date) for table in tables)) for date in dates}


def of(body: dict[str, Any], table: str) -> dict[str, Any]:
    (found,) = (one for one in body["tables"] if one["table_name"] == table)
    return dict(found)


def test_each_table_has_its_points_newest_first() -> None:
    s3 = FakeS3(days("2026-01-09", "2026-01-10", "2025-12-31", tables=("users", "orders")))
    response = list_points(s3)
    assert response["statusCode"] == 200
    assert points_of(response["body"]) == [
        (table, date, "COMPLETED")
        for table in ("orders", "users")
        for date in ("2026-01-10", "2026-01-09", "2025-12-31")
    ]
    assert response["body"]["total_recovery_points"] == 6
    assert response["body"]["next"] is None
    assert "warnings" not in response["body"]


def test_a_point_says_what_a_person_chooses_by() -> None:
    body = list_points(FakeS3(days("2026-01-10")))["body"]
    (point,) = of(body, "orders")["recovery_points"]
    assert point == {
        "backup_date": "2026-01-10",
        "status": "COMPLETED",
        "verified": True,
        "export_time": "2026-01-10T03:00:00.000Z",
        "item_count": 600,
        "billed_size_bytes": 52690,
        "compressed_bytes": 5329,
        "run_id": "2026-01-10-0001",
        "export_type": "FULL_EXPORT",
        "export_manifest": f"{PREFIX}/2026-01-10/orders/AWSDynamoDB/20260110-00000001/manifest-summary.json",
        "backup_type": "DYNAMODB_NATIVE_EXPORT",
        "backup_arn": None,
        "retention_class": None,
        "expires_at": None,
        "legal_hold": None,
        "error": None,
    }
    assert of(body, "orders")["newest_verified"] == point


def test_failed_attempts_stand_beside_the_good_backup_of_their_date_newest_run_first() -> None:
    date = "2026-01-10"
    failed = [entry("orders", date, status="FAILED", run=run) for run in (1, 3)]
    body = list_points(FakeS3({date: manifest(entry("orders", date, run=2), failed=failed)}))["body"]
    points = of(body, "orders")["recovery_points"]
    assert [(point["run_id"][-1], point["status"], point["verified"]) for point in points] == [
        ("3", "FAILED", False),
        ("2", "COMPLETED", True),
        ("1", "FAILED", False),
    ]
    assert points[0]["error"] == "point-in-time recovery is off"
    assert of(body, "orders")["newest_verified"]["run_id"] == "2026-01-10-0002"


def test_a_manifest_of_another_tool_is_listed_but_not_called_verified() -> None:
    theirs = {"table_name": "orders", "status": "COMPLETED", "item_count": "600", "billed_size_bytes": True}
    body = list_points(FakeS3({"2026-01-10": manifest(theirs)}))["body"]
    (point,) = of(body, "orders")["recovery_points"]
    assert (point["status"], point["verified"], point["item_count"]) == ("COMPLETED", False, None)
    assert (point["billed_size_bytes"], point["export_manifest"]) == (None, None)
    assert of(body, "orders")["newest_verified"] is None


def test_a_copied_backup_is_placed_where_it_lies() -> None:
    copied = entry("orders", "2026-01-10", s3_prefix="elsewhere/2026-01-10/orders", export_manifest="elsewhere/x")
    body = list_points(FakeS3({"2026-01-10": manifest(copied)}))["body"]
    (point,) = of(body, "orders")["recovery_points"]
    assert point["export_manifest"].startswith(f"{PREFIX}/2026-01-10/orders/AWSDynamoDB/")


def test_a_configured_table_without_any_backup_is_shown_as_such() -> None:
    body = list_points(FakeS3(days("2026-01-10")), configured=("orders", "users"))["body"]
    assert of(body, "users") == {"table_name": "users", "newest_verified": None, "chains": [], "recovery_points": []}


def test_no_backup_at_all_is_an_empty_list() -> None:
    response = list_points(FakeS3({}))
    assert response["statusCode"] == 200
    assert response["body"]["tables"] == []


def test_only_the_tables_and_dates_asked_for_are_listed() -> None:
    s3 = FakeS3(days("2026-01-08", "2026-01-09", "2026-01-10", "2026-01-11", tables=("orders", "users")))
    body = list_points(
        s3, tables=["users", "gone"], earliest="2026-01-09", to="2026-01-10", configured=("orders", "users")
    )["body"]
    assert points_of(body) == [("users", "2026-01-10", "COMPLETED"), ("users", "2026-01-09", "COMPLETED")]
    assert [table["table_name"] for table in body["tables"]] == ["gone", "users"]


@pytest.mark.parametrize("filters", [{}, {"to": "2026-01-09"}, {"earliest": "2026-01-11"}, {"limit": 1}])
def test_the_newest_verified_backup_is_found_whatever_dates_are_asked_for(filters: dict[str, Any]) -> None:
    s3 = FakeS3(
        {
            **days("2026-01-08", "2026-01-09", "2026-01-10"),
            "2026-01-11": manifest(entry("orders", "2026-01-11", status="FAILED")),
            "2026-01-12": manifest(entry("users", "2026-01-12")),
        }
    )
    response = list_points(s3, tables=["orders"], **filters)
    assert of(response["body"], "orders")["newest_verified"]["backup_date"] == "2026-01-10"
    assert response["statusCode"] == 200


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'{"exports": [{}]}', b"\xff\xfe", b"[" * 100_000],
    ids=["cut off", "an array", "an entry without a name", "not UTF-8", "nested too deeply"],
)
def test_a_damaged_manifest_is_named_and_does_not_stop_the_list(body: bytes) -> None:
    s3 = FakeS3({**days("2026-01-08", "2026-01-10"), "2026-01-09": body})
    response = list_points(s3)
    assert response["statusCode"] == 207
    assert [date for _, date, _ in points_of(response["body"])] == ["2026-01-10", "2026-01-08"]
    (damaged,) = response["body"]["unreadable_dates"]
    key = f"{PREFIX}/2026-01-09/manifest.json"
    assert (damaged["backup_date"], damaged["status"], damaged["manifest"]) == ("2026-01-09", "DAMAGED", key)
    assert key in damaged["error"]
    assert response["body"]["warnings"] == [
        "dates that cannot be read: 1, the newest is 2026-01-09; see unreadable_dates"
    ]


def test_a_manifest_that_may_not_be_read_is_named_with_the_cause() -> None:
    s3 = FakeS3(days("2026-01-08", "2026-01-09"), denied=frozenset({"2026-01-09"}))
    response = list_points(s3)
    assert response["statusCode"] == 207
    (denied,) = response["body"]["unreadable_dates"]
    assert (denied["status"], denied["error"]) == ("UNREADABLE", "GetObject failed with AccessDenied: no")
    assert len(points_of(response["body"])) == 1


def test_a_date_without_a_manifest_is_shown_and_is_no_fault() -> None:
    response = list_points(FakeS3({**days("2026-01-08"), "2026-01-09": None}))
    assert response["statusCode"] == 200
    (going_on,) = response["body"]["unreadable_dates"]
    assert (going_on["backup_date"], going_on["status"]) == ("2026-01-09", "NO_MANIFEST")


def test_a_damaged_date_that_may_hide_a_newer_verified_backup_is_said_although_it_was_not_asked_for() -> None:
    s3 = FakeS3({**days("2026-01-08", "2026-01-09"), "2026-01-10": b"{"})
    response = list_points(s3, to="2026-01-08")
    assert response["statusCode"] == 207
    assert response["body"]["unreadable_dates"] == []
    (warning,) = response["body"]["warnings"]
    assert "may hide a newer verified backup: 1, the newest is 2026-01-10: " in warning
    assert of(response["body"], "orders")["newest_verified"]["backup_date"] == "2026-01-09"


def test_reading_that_breaks_off_again_and_again_is_unreadable_not_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ReadInterrupted("reading broke off")

    monkeypatch.setattr(store.ObjectStore, "get", broken)
    response = list_points(FakeS3(days("2026-01-08")))
    assert response["body"]["unreadable_dates"][0]["status"] == "UNREADABLE"


def test_pages_cover_every_date_once() -> None:
    dates = [f"2026-01-{day:02d}" for day in range(1, 32)]
    s3 = FakeS3({**days(*dates, tables=("orders", "users")), "2026-01-15": b"{"})
    pages = all_pages(s3, limit=7)
    assert len(pages) == 10
    assert all(page["total_recovery_points"] <= 7 for page in pages)
    listed = sorted(point for page in pages for point in points_of(page))
    assert listed == sorted(
        (table, date, "COMPLETED") for table in ("orders", "users") for date in dates if date != "2026-01-15"
    )
    assert [date["backup_date"] for page in pages for date in page["unreadable_dates"]] == ["2026-01-15"]


def test_only_the_first_page_searches_the_newest_verified_backups() -> None:
    first, second = all_pages(FakeS3(days("2026-01-09", "2026-01-10")), limit=1, configured=("orders", "users"))
    assert of(first, "orders")["newest_verified"]["backup_date"] == "2026-01-10"
    assert [table["table_name"] for table in second["tables"]] == ["orders"]
    assert "newest_verified" not in of(second, "orders")


def test_a_page_ends_between_two_dates() -> None:
    s3 = FakeS3(days("2026-01-09", "2026-01-10", tables=("orders", "users")))
    first, second = all_pages(s3, limit=3)
    assert {date for _, date, _ in points_of(first)} == {"2026-01-10"}
    assert first["next"] == "2026-01-09"
    assert {date for _, date, _ in points_of(second)} == {"2026-01-09"}


def test_one_date_that_is_more_than_a_page_goes_on_within_the_date() -> None:
    tables = tuple(f"table-{number}" for number in range(5))
    pages = all_pages(FakeS3(days("2026-01-09", "2026-01-10", tables=tables)), limit=2)
    assert [page["next"] for page in pages[:3]] == ["2026-01-10+2", "2026-01-10+4", "2026-01-09"]
    assert sorted(point for page in pages for point in points_of(page)) == sorted(
        (table, date, "COMPLETED") for table in tables for date in ("2026-01-09", "2026-01-10")
    )


def test_the_last_page_says_that_it_is_the_last_without_reading_on() -> None:
    body = list_points(FakeS3(days("2026-01-09", "2026-01-10")), limit=2)["body"]
    assert body["total_recovery_points"] == 2
    assert body["next"] is None
