"""Years of backups, good ones, failed ones and missing ones: what is kept is what was promised."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta

import pytest

from dynamodb_backup.backup.record import RunRecord, TableRun
from dynamodb_backup.backup.superseded import Attempt, superseded
from dynamodb_backup.contract.retention import CALENDAR_CLASSES, RETENTION_CLASSES

FIRST = datetime(2024, 1, 1, 3, tzinfo=UTC)
GOOD: dict[str, object] = {"status": "COMPLETED", "item_count": 5, "verification": {"files": 1}}
DAMAGED: dict[str, object] = {"status": "FAILED", "item_count": 5}
GIVEN_UP: dict[str, object] = {"status": "FAILED"}
GOING_ON: dict[str, object] = {"status": "IN_PROGRESS"}


def attempt(day: date, kind: Mapping[str, object], number: int = 1, *, export_type: str = "FULL_EXPORT") -> Attempt:
    table = TableRun("orders", **kind)  # type: ignore[arg-type]
    began = datetime(day.year, day.month, day.day, 3, tzinfo=UTC).isoformat()
    run = RunRecord(
        f"{day}-{number:04d}", day.isoformat(), began, export_type, None, {"orders": table}, finished=table.settled
    )
    return Attempt(run, table)


def history(seed: int, years: int = 3) -> list[Attempt]:
    """Return attempts of some years, with gaps of days and weeks, failures, damage, and several on one day."""
    chance = random.Random(seed)
    made: list[Attempt] = []
    day = FIRST.date()
    while day < FIRST.date() + timedelta(days=365 * years):
        for number in range(1, chance.choice([1, 1, 1, 2, 3]) + 1):
            kind = chance.choices([GOOD, GIVEN_UP, DAMAGED, GOING_ON], [85, 8, 4, 3])[0]
            made.append(attempt(day, kind, number))
        day += timedelta(days=chance.choices([1, 2, 5, 20], [90, 6, 3, 1])[0])
    return made


def as_it_happened(made: list[Attempt]) -> dict[str, str | None]:
    """Classify after each attempt what is superseded then, as the runs do; check each time what must never happen."""
    waiting: list[Attempt] = []
    classes: dict[str, str | None] = {}
    newest: Attempt | None = None
    for one in made:
        newest = one if one.verified else newest
        waiting.append(one)
        now = datetime.fromisoformat(one.run.started_at) + timedelta(hours=2)
        found = superseded(waiting, RETENTION_CLASSES, now)
        del waiting[: len(found)]
        classes.update({done.run_id: name for done, name in found})
        assert newest is None or newest.run_id not in classes
    return classes


@pytest.mark.parametrize("seed", range(8))
def test_the_newest_verified_backup_is_never_classified(seed: int) -> None:
    made = history(seed)
    classes = as_it_happened(made)
    assert len(classes) > len(made) * 0.8


@pytest.mark.parametrize("seed", range(8))
def test_the_last_good_backup_of_each_period_has_its_class_and_no_other_has_it(seed: int) -> None:
    made = history(seed)
    classes = as_it_happened(made)
    good = [one for one in made if one.verified and one.run_id in classes]
    periods: dict[str, Callable[[date], tuple[int, ...]]] = {
        "yearly": lambda day: (day.year,),
        "monthly": lambda day: (day.year, day.month),
        "weekly": lambda day: day.isocalendar()[:2],
    }
    for name, period in periods.items():
        by_period = defaultdict(list)
        for one in good:
            by_period[period(one.day)].append(one)
        newest_period = max(period(one.day) for one in made if one.verified)
        longest = CALENDAR_CLASSES.index(name)
        for key, members in by_period.items():
            *others, last = members
            kept_as = [CALENDAR_CLASSES.index(classes[one.run_id] or "") for one in (*others, last)]
            assert key == newest_period or kept_as[-1] >= longest
            assert name == "weekly" or all(rank < longest for rank in kept_as[:-1])


def test_damaged_and_unknown_attempts_are_kept_and_leftovers_of_failed_ones_are_not() -> None:
    days = [FIRST.date() + timedelta(days=number) for number in range(5)]
    made = [
        attempt(days[0], DAMAGED),
        attempt(days[1], GIVEN_UP),
        attempt(days[2], {"status": "COMPLETED", "item_count": 5}),  # by a tool that verified nothing
        attempt(days[3], GOOD),
        attempt(days[4], GIVEN_UP),
    ]
    assert [name for _, name in superseded(made, RETENTION_CLASSES, FIRST + timedelta(days=5))] == [
        None,
        "failed",
        None,
    ]


def test_nothing_is_superseded_by_a_backup_that_no_manifest_names() -> None:
    newer = attempt(date(2024, 1, 2), GOOD)
    newer.run.finished = False
    assert superseded([attempt(date(2024, 1, 1), GOOD), newer], RETENTION_CLASSES, FIRST) == []


def test_a_run_that_is_going_on_is_waited_for_and_not_for_ever() -> None:
    made = [attempt(date(2024, 1, 1), GOING_ON), attempt(date(2024, 1, 2), GOOD), attempt(date(2024, 1, 3), GOOD)]
    assert superseded(made, RETENTION_CLASSES, FIRST + timedelta(days=3)) == []
    assert [name for _, name in superseded(made, RETENTION_CLASSES, FIRST + timedelta(days=9))] == [None, "daily"]


def windows(chain: str, **others: object) -> dict[str, object]:
    """Return what a run knows of a table of which it exported one window of a chain."""
    window = {"chain_id": chain, "status": "COMPLETED", "export_manifest": "p/AWSDynamoDB/1/manifest-summary.json"}
    return {"status": "COMPLETED", "item_count": 3, "windows": (window,), **others}


INCREMENTAL = "INCREMENTAL_EXPORT"


def test_increments_end_with_the_full_backup_that_follows_and_supersede_nothing() -> None:
    chain = "2024-01-01-0001"
    made = [
        attempt(date(2024, 1, 1), GOOD),
        attempt(date(2024, 1, 1), windows(chain), 2, export_type=INCREMENTAL),
        attempt(date(2024, 1, 2), windows(chain, status="FAILED", item_count=None), export_type=INCREMENTAL),
        attempt(date(2024, 1, 2), {"status": "COMPLETED"}, 2, export_type=INCREMENTAL),  # nothing to export yet
    ]
    assert superseded(made, RETENTION_CLASSES, FIRST) == []
    made.append(attempt(date(2024, 1, 2), GOOD, 3))
    found = [name for _, name in superseded(made, RETENTION_CLASSES, FIRST)]
    assert found == ["daily", "incremental", "incremental", None]


def test_increments_of_the_newest_backup_are_kept_even_if_their_run_began_before_it() -> None:
    made = [
        attempt(date(2024, 1, 1), GOOD),
        attempt(date(2024, 1, 2), windows("2024-01-02-0002"), export_type=INCREMENTAL),
        attempt(date(2024, 1, 2), GOOD, 2),
    ]
    assert [name for _, name in superseded(made, RETENTION_CLASSES, FIRST)] == ["daily", None]


def test_a_full_backup_that_an_incremental_run_had_to_make_counts_as_one() -> None:
    full = {**GOOD, "full_because": "the chain could not be joined"}
    made = [attempt(date(2024, 1, 31), full, export_type=INCREMENTAL), attempt(date(2024, 2, 1), full)]
    assert [name for _, name in superseded(made, RETENTION_CLASSES, FIRST)] == ["monthly"]


def test_a_class_without_days_is_not_given() -> None:
    made = [attempt(date(2024, 1, 1), GIVEN_UP), attempt(date(2024, 1, 31), GOOD), attempt(date(2024, 2, 1), GOOD)]
    assert [name for _, name in superseded(made, ("daily",), FIRST + timedelta(days=40))] == [None, "daily"]
