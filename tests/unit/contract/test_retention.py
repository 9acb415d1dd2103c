"""The rule of the calendar, and when S3 may delete."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from dynamodb_backup.contract.retention import CALENDAR_CLASSES, class_between, expiry

ALL = CALENDAR_CLASSES


@pytest.mark.parametrize(
    ("day", "following", "earned"),
    [
        ("2026-08-04", "2026-08-05", "daily"),
        ("2026-08-04", "2026-08-04", "daily"),  # twice a day
        ("2026-08-09", "2026-08-10", "weekly"),  # Sunday, Monday
        ("2026-08-07", "2026-08-12", "weekly"),  # the weekend is missing
        ("2026-08-31", "2026-09-01", "monthly"),
        ("2026-08-29", "2026-09-03", "monthly"),  # the month's last days are missing
        ("2026-02-28", "2026-03-01", "monthly"),
        ("2028-02-28", "2028-02-29", "daily"),
        ("2026-12-31", "2027-01-01", "yearly"),
        ("2026-11-02", "2028-01-01", "yearly"),
        ("2026-12-30", "2026-12-31", "daily"),
        ("2024-12-29", "2024-12-30", "weekly"),  # ISO week 1 of 2025 begins on 2024-12-30
        ("2025-06-15", "2026-06-15", "yearly"),
    ],
)
def test_the_last_backup_of_a_year_month_or_week_earns_its_class(day: str, following: str, earned: str) -> None:
    assert class_between(date.fromisoformat(day), date.fromisoformat(following), ALL) == earned


def test_a_class_that_is_not_offered_falls_to_the_next_shorter_one() -> None:
    new_year = date(2026, 12, 31), date(2027, 1, 1)
    assert class_between(*new_year, ("daily", "weekly", "monthly")) == "monthly"
    assert class_between(*new_year, ("daily", "yearly")) == "yearly"
    assert class_between(*new_year, ("daily",)) == "daily"
    assert class_between(date(2026, 8, 30), date(2026, 8, 31), ("daily", "monthly")) == "daily"


def test_days_count_from_creation_and_end_at_midnight_utc() -> None:
    # The example of the user guide: created on the 15th at 10:30, three days.
    assert expiry(datetime(2014, 1, 15, 10, 30, tzinfo=UTC), 3) == datetime(2014, 1, 19, tzinfo=UTC)
    east = timezone(timedelta(hours=13))
    assert expiry(datetime(2014, 1, 16, 0, 30, tzinfo=east), 1) == datetime(2014, 1, 17, tzinfo=UTC)
