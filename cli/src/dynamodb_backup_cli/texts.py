"""Numbers and times in words."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["NOTHING", "age", "count", "hours_since", "moment", "size", "span"]

NOTHING = "-"
MINUTE, HOUR, DAY = 60, 3600, 86400


def count(number: float | None) -> str:
    """Return a number with its thousands apart."""
    return NOTHING if number is None else f"{number:,.0f}"


def size(number: float | None) -> str:
    """Return bytes in decimal units."""
    if number is None:
        return NOTHING
    amount = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def moment(text: str | None) -> str:
    """Return a time of the contract to the second."""
    return NOTHING if not text else f"{_parsed(text):%Y-%m-%d %H:%M:%SZ}"


def hours_since(text: str, now: datetime) -> float:
    """Return how many hours ago a time of the contract was."""
    return (now - _parsed(text)).total_seconds() / HOUR


def age(text: str | None, now: datetime) -> str:
    """Return how long ago a time of the contract was."""
    return NOTHING if not text else span((now - _parsed(text)).total_seconds())


def span(seconds: float) -> str:
    """Return a duration in its two largest units."""
    whole = max(0, round(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE:02d} s" if whole < 10 * MINUTE else f"{whole // MINUTE} min"
    if whole < 2 * DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE:02d} min"
    return f"{whole // DAY} d"


def _parsed(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
