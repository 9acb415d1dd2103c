"""Which superseded backup is kept how long: the classes, the rule of the calendar, and when S3 may delete.

S3's lifecycle rules do the deleting, and only of objects that carry the tag below. An object without it never expires.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta

__all__ = [
    "CALENDAR_CLASSES",
    "FAILED",
    "HELD_TAG",
    "INCREMENTAL",
    "RETENTION_CLASSES",
    "TAG",
    "class_between",
    "expiry",
]

TAG = "backup-retention"
"""Key of the tag that the bucket's lifecycle rules look for; its value is the class."""

HELD_TAG = "backup-retention-held"
"""Takes that tag's place while an object has a legal hold. No lifecycle rule knows it: S3 would hide an expired object
behind a delete marker, although a held version stays."""

CALENDAR_CLASSES = ("daily", "weekly", "monthly", "yearly")
FAILED = "failed"
"""What an export left behind that DynamoDB itself gave up."""
INCREMENTAL = "incremental"
"""An incremental export whose chain a newer full backup has ended."""
RETENTION_CLASSES = (*CALENDAR_CLASSES, INCREMENTAL, FAILED)


def class_between(day: date, next_day: date, offered: Collection[str]) -> str:
    """Return the class of a backup, from its own day and that of the next verified backup of the same table.

    It is the last one of its year, month or ISO week exactly if the next one lies in another. So the rule needs no
    backup on any particular day: where the 31st is missing, the 30th is the month-end. A class that is not offered
    falls to the next shorter one.

    Parameters
    ----------
    offered
        Calendar classes that have a retention; always with ``daily``.
    """
    earned = {
        "yearly": day.year != next_day.year,
        "monthly": (day.year, day.month) != (next_day.year, next_day.month),
        "weekly": day.isocalendar()[:2] != next_day.isocalendar()[:2],
    }
    return next((name for name, is_last in earned.items() if is_last and name in offered), "daily")


def expiry(created: datetime, days: int) -> datetime:
    """Return from when on S3 may delete an object: so many days after its creation, rounded up to midnight UTC.

    docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html#intro-lifecycle-rules-number-of-days
    """
    last = created.astimezone(UTC).date() + timedelta(days=days)
    return datetime.combine(last + timedelta(days=1), time(), tzinfo=UTC)
