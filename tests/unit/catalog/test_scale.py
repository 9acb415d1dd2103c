"""Three years of daily backups: how often S3 is asked, how large an answer gets, and that a short turn gets on.

1,100 dates x 50 tables: their folders do not fit into one answer of S3. ``make scale`` has 4,000 dates.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date as calendar_date
from datetime import timedelta

import pytest

from dynamodb_backup.archive.catalog import Catalog
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from tests.unit.catalog.fake_s3 import (
    BUCKET,
    PREFIX,
    FakeS3,
    NoTimeLeft,
    all_pages,
    entry,
    list_points,
    manifest,
    points_of,
)

DATES = tuple((calendar_date(2015, 1, 1) + timedelta(days=number)).isoformat() for number in range(1100))
TABLES = tuple(f"shop-production-table-{number:02d}" for number in range(50))
MOST_ANSWER_BYTES = 6 * 1_048_576
"""docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
FOLDER_CALLS = 2
"""1,101 folders, 1,000 in an answer."""
READ_AHEAD = 32

FEW_TABLES = TABLES[:3]
"""What every date is read for depends on the dates."""


def daily(dates: Sequence[str], tables: Sequence[str] = TABLES) -> FakeS3:
    """Return a bucket with a backup of every table for each date; a manifest is made when it is read."""
    one_day = manifest(*(entry(table, "DATE") for table in tables))

    def day(date: str) -> Callable[[], bytes]:
        return lambda: one_day.replace(b"DATE", date.encode())

    return FakeS3({date: day(date) for date in dates})


@pytest.fixture
def three_years() -> FakeS3:
    return daily(DATES)


def catalog_of(s3: FakeS3) -> Catalog:
    return Catalog(ObjectStore(s3.clients().s3, BUCKET), Layout(PREFIX))


def test_the_first_page_reads_little_more_than_it_shows(three_years: FakeS3) -> None:
    body = list_points(three_years, configured=TABLES)["body"]
    assert body["total_recovery_points"] == 1000
    assert all(table["newest_verified"]["backup_date"] == DATES[-1] for table in body["tables"])
    assert three_years.calls["ListObjectsV2"] == FOLDER_CALLS + 1
    assert three_years.calls["GetObject"] <= 1 + READ_AHEAD


def test_one_date_s_points_are_one_read_and_one_more_for_the_newest_verified(three_years: FakeS3) -> None:
    middle = DATES[500]
    body = list_points(three_years, tables=[TABLES[7]], earliest=middle, to=middle)["body"]
    assert points_of(body) == [(TABLES[7], middle, "COMPLETED")]
    assert body["tables"][0]["newest_verified"]["backup_date"] == DATES[-1]
    assert three_years.calls == {"ListObjectsV2": FOLDER_CALLS + 1, "GetObject": 2}


def test_one_table_s_whole_history_is_one_answer_and_one_read_a_date() -> None:
    three_years = daily(DATES, FEW_TABLES)
    body = list_points(three_years, tables=[FEW_TABLES[1]], limit=5000)["body"]
    assert [point[1] for point in points_of(body)] == sorted(DATES, reverse=True)
    assert body["next"] is None
    assert three_years.calls == {"ListObjectsV2": FOLDER_CALLS + 1, "GetObject": len(DATES)}


def test_the_largest_page_stays_below_lambda_s_answer(three_years: FakeS3) -> None:
    response = list_points(three_years, limit=5000)
    assert response["body"]["next"]
    assert response["body"]["total_recovery_points"] > 4000
    assert len(json.dumps(response)) < MOST_ANSWER_BYTES
    assert three_years.calls["ListObjectsV2"] == FOLDER_CALLS + 1
    assert three_years.calls["GetObject"] <= 1 + 4 * READ_AHEAD


def test_a_table_that_was_never_backed_up_costs_one_read_a_date_and_no_more() -> None:
    one_year = daily(DATES[:365], FEW_TABLES)
    body = list_points(one_year, tables=["never-backed-up"])["body"]
    assert body["tables"] == [
        {"table_name": "never-backed-up", "newest_verified": None, "chains": [], "recovery_points": []}
    ]
    assert one_year.calls["GetObject"] == 365


def test_latest_of_every_table_is_one_read(three_years: FakeS3) -> None:
    newest = catalog_of(three_years).newest(TABLES)
    assert {backup.manifest.backup_date for backup in newest.found.values()} == {DATES[-1]}
    assert three_years.calls == {"ListObjectsV2": FOLDER_CALLS, "GetObject": 1}


def test_latest_of_a_table_that_is_in_no_backup_is_one_read_a_date() -> None:
    three_years = daily(DATES, FEW_TABLES)
    assert set(catalog_of(three_years).newest([*FEW_TABLES, "never-backed-up"]).found) == set(FEW_TABLES)
    assert three_years.calls == {"ListObjectsV2": FOLDER_CALLS, "GetObject": len(DATES)}


def test_texts_of_any_length_stay_below_lambda_s_answer() -> None:
    long = "\N{SNOWMAN}" * 1_000_000
    odd = entry("orders", "2026-01-10", status=long, run_id=long, s3_prefix=long, export_type=long, error=long)
    named = entry(long, "2026-01-10", error=long)
    s3 = FakeS3({"2026-01-10": manifest(odd), "2026-01-09": b"{" + long.encode(), "2026-01-08": manifest(named)})
    response = list_points(s3)
    assert len(response["body"]["tables"]) == 1
    assert len(json.dumps(response)) < 1_000_000


def test_a_date_with_more_attempts_than_an_answer_can_hold_is_split_by_size() -> None:
    attempts = [entry("orders", "2026-01-10", status="FAILED", run=run, error="x" * 1024) for run in range(1, 2501)]
    s3 = FakeS3({"2026-01-10": manifest(failed=attempts)})
    pages = all_pages(s3, limit=5000)
    assert len(pages) > 1
    assert all(len(json.dumps(page)) < MOST_ANSWER_BYTES for page in pages)
    runs = [point["run_id"] for page in pages for table in page["tables"] for point in table["recovery_points"]]
    assert len(runs) == len(set(runs)) == 2500


def test_a_turn_that_is_too_short_still_gets_on() -> None:
    dates = DATES[:40]
    s3 = FakeS3({day: manifest(entry("orders", day)) for day in dates})
    pages = all_pages(s3, deadline=NoTimeLeft())
    assert [point[1] for page in pages for point in points_of(page)] == sorted(dates, reverse=True)


def test_a_search_that_time_cut_short_says_so() -> None:
    s3 = FakeS3({day: manifest(entry("orders", day)) for day in DATES[:40]})
    response = list_points(s3, tables=["users"], deadline=NoTimeLeft())
    assert response["statusCode"] == 207
    assert "time ran out before the newest verified backup was found of users" in response["body"]["warnings"][0]
