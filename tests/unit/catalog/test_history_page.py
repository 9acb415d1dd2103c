"""Pages of versions: wherever they end, together they say the same as one page would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from dynamodb_backup.catalog import history_page
from dynamodb_backup.catalog.history_page import HistoryPage
from dynamodb_backup.catalog.points import Point
from dynamodb_backup.catalog.reading import LARGEST_PAIR, Reading
from dynamodb_backup.contract.history import (
    HistoryRequest,
    ItemVersion,
    UnreadablePoint,
    Version,
    WrittenVersion,
)
from dynamodb_backup.errors import BackupDamaged
from dynamodb_backup.verify.fingerprint import item_digest

KEYS = [{"id": {"S": name}} for name in "abc"]
DAMAGED = None
Backup = Mapping[int, dict[str, Any] | None] | None
"""Items by the key's place; ``None``: it cannot be read."""


def item(place: int, value: int, padding: int = 0) -> dict[str, Any]:
    return {**KEYS[place], "v": {"N": str(value)}, "padding": {"S": "x" * padding}}


class Window(dict[int, dict[str, Any] | None]):
    """What an increment wrote; ``None``: deleted."""


FULL: dict[str, Backup] = {
    "2026-01-05": {0: item(0, 1), 1: item(1, 2)},
    "2026-01-04": {0: item(0, 1), 1: item(1, 1), 2: item(2, 1)},
    "2026-01-03": DAMAGED,
    "2026-01-02": {1: item(1, 1)},
    "2026-01-01": {0: item(0, 1), 1: item(1, 1)},
}
MIXED: dict[str, Backup] = {
    "2026-01-09": Window({0: None, 1: item(1, 3)}),
    "2026-01-08": Window(),
    "2026-01-07": {0: item(0, 1), 1: item(1, 2)},
    "2026-01-06": Window({0: item(0, 1), 1: item(1, 2), 2: None}),
    "2026-01-05": Window({2: item(2, 1)}),
    "2026-01-03": DAMAGED,
    "2026-01-02": {1: item(1, 1)},
    "2026-01-01": {0: item(0, 1), 1: item(1, 1)},
}
either = pytest.mark.parametrize("backups", [FULL, MIXED], ids=["full", "mixed"])


def recovery_point(date: str) -> Point:
    return Point(date, f"{date.replace('-', '')}-0-0", UnreadablePoint(date, "DAMAGED", "why"))


def full(page: HistoryPage, date: str, start: int, items: Mapping[int, dict[str, Any]]) -> Reading:
    reading = Reading.of_all(start, len(KEYS), page.room, ItemVersion(date, None), [])
    for place, one in items.items():
        reading.add(place, ItemVersion(date, None, one), item_digest(one))
    return reading


def increment(page: HistoryPage, date: str, start: int, items: Mapping[int, dict[str, Any] | None]) -> Reading:
    reading = Reading(start, len(KEYS), page.room)
    for place, one in items.items():
        reading.add(place, WrittenVersion(date, date, date, one), item_digest(one) if one else 0)
    return reading


def read_page(event: dict[str, Any], backups: Mapping[str, Backup] = FULL, most: int = 1000) -> HistoryPage:
    """Fill a page as the use case does, with time for so many recovery points."""
    page = HistoryPage(HistoryRequest.from_event({"tables": ["orders"], "keys": KEYS, **event}))
    resumed, given = page.request.start
    read = 0
    for date, backup in backups.items():
        point = recovery_point(date)
        if resumed[0] and point.place > resumed:
            continue
        start = given if point.place == resumed else 0
        page.reach(point.token(start))
        if page.next_page and not page.waits:
            break
        if page.next_page and isinstance(backup, Window):
            continue
        if page.begun and read >= most:
            page.end_early(point.token(start))
            break
        read += 1
        if backup is None:
            page.miss(UnreadablePoint(date, "DAMAGED", "why"))
        elif isinstance(backup, Window):
            page.take_increment(point, increment(page, date, start, backup))
        else:
            page.take_full(point, full(page, date, start, cast("dict[int, dict[str, Any]]", backup)))
    return page


def all_pages(event: dict[str, Any], **how: Any) -> tuple[list[list[Any]], list[str], list[HistoryPage]]:
    versions: list[list[Version]] = [[] for _ in KEYS]
    unreadable: list[str] = []
    pages = [read_page(event, **how)]
    while pages[-1].next_page and len(pages) < 50:
        pages.append(read_page({**event, "next": pages[-1].next_page}, **how))
    for page in pages:
        unreadable += [point.backup_date for point in page.unreadable]
        for place, found in enumerate(page.versions):
            versions[place] += found
    assert pages[-1].next_page is None
    return versions, unreadable, pages


def shown(versions: list[Version]) -> list[tuple[str, bool, bool | None, str | None]]:
    full_backups = [one for one in versions if isinstance(one, ItemVersion)]
    return [(one.backup_date[-2:], one.item is not None, one.changed, one.compared_with) for one in full_backups]


def dates(versions: list[Version]) -> list[str]:
    return [(one.backup_date if isinstance(one, ItemVersion) else one.end)[-2:] for one in versions]


def test_each_version_is_compared_with_the_next_older_one_that_could_be_read() -> None:
    page = read_page({})
    assert shown(page.versions[0]) == [
        ("05", True, False, "2026-01-04"),
        ("04", True, True, "2026-01-02"),
        ("02", False, True, "2026-01-01"),
        ("01", True, None, None),
    ]
    assert [one[2] for one in shown(page.versions[1])] == [True, False, False, None]
    assert [one[1] for one in shown(page.versions[2])] == [False, True, False, False]
    assert [point.backup_date for point in page.unreadable] == ["2026-01-03"]
    assert page.next_page is None


def test_increments_stand_between_full_backups_which_are_compared_with_one_another() -> None:
    page = read_page({}, MIXED)
    assert dates(page.versions[0]) == ["09", "07", "06", "02", "01"]
    assert dates(page.versions[2]) == ["07", "06", "05", "02", "01"]
    assert shown(page.versions[0]) == [
        ("07", True, True, "2026-01-02"),
        ("02", False, True, "2026-01-01"),
        ("01", True, None, None),
    ]
    assert (page.full_backups, page.increments) == (3, 4)


@either
@pytest.mark.parametrize("limit", range(1, 15))
def test_limited_pages_together_say_the_same(limit: int, backups: dict[str, Backup]) -> None:
    whole = read_page({}, backups)
    versions, unreadable, pages = all_pages({"limit": limit}, backups=backups)
    assert versions == whole.versions
    assert unreadable == ["2026-01-03"]
    assert all(sum(map(len, page.versions)) + len(page.unreadable) <= limit for page in pages)


@either
@pytest.mark.parametrize("page_bytes", [1, 600, 1500])
def test_pages_of_few_bytes_together_say_the_same(
    monkeypatch: pytest.MonkeyPatch, page_bytes: int, backups: dict[str, Backup]
) -> None:
    whole = read_page({}, backups)
    monkeypatch.setattr(history_page, "PAGE_BYTES", page_bytes)
    versions, unreadable, pages = all_pages({}, backups=backups)
    assert versions == whole.versions
    assert unreadable == ["2026-01-03"]
    assert len(pages) > 1


@either
@pytest.mark.parametrize("most", [1, 2, 3, 4, 5])
def test_pages_that_run_out_of_time_show_all_and_once(most: int, backups: dict[str, Backup]) -> None:
    versions, unreadable, _ = all_pages({}, backups=backups, most=most)
    whole = read_page({}, backups)
    uncompared = [
        [replace(one, changed=None, compared_with=None) if isinstance(one, ItemVersion) else one for one in found]
        for found in (*versions, *whole.versions)
    ]
    assert uncompared[: len(KEYS)] == uncompared[len(KEYS) :]
    assert unreadable == ["2026-01-03"]
    # A damaged backup and increments take their time as well; with too little a full backup stays without comparison.
    if most > (2 if backups is FULL else 4):
        assert versions == whole.versions


def test_a_page_with_time_for_one_backup_says_that_it_was_not_compared() -> None:
    page = read_page({}, most=1)
    assert shown(page.versions[0]) == [("05", True, None, None)]
    assert page.next_page == recovery_point("2026-01-04").token(0)
    assert "'changed' is null" in page.warnings[0]


def test_a_page_holds_no_more_than_its_bytes_and_neither_does_memory() -> None:
    big = {
        date: {place: item(place, 1, padding=900_000) for place in range(3)} for date in ("2026-01-02", "2026-01-01")
    }
    versions, _, pages = all_pages({}, backups=big)
    assert [len(found) for found in versions] == [2, 2, 2]
    for page in pages:
        size = sum(len(json.dumps(one.to_dict())) for found in page.versions for one in found)
        assert size <= history_page.PAGE_BYTES


def test_what_was_before_an_item_is_left_out_where_both_are_too_large_for_an_answer() -> None:
    page = HistoryPage(HistoryRequest.from_event({"tables": ["orders"], "keys": KEYS}))
    reading = Reading(0, 3, page.room)
    large = item(1, 1, padding=LARGEST_PAIR // 2)
    reading.add(1, WrittenVersion("from", "to", "at", large, large, changed=False), 0)
    (version,) = reading.versions.values()
    assert isinstance(version, WrittenVersion)
    assert (version.item, version.old_item) == (large, None)
    assert "key 2 of the request, increment up to to" in reading.warnings[0]


def test_two_different_items_of_one_key_are_damage() -> None:
    page = HistoryPage(HistoryRequest.from_event({"tables": ["orders"], "keys": KEYS}))
    reading = full(page, "2026-01-01", 0, {0: item(0, 1)})
    reading.add(0, ItemVersion("2026-01-01", None, item(0, 1)), item_digest(item(0, 1)))
    with pytest.raises(BackupDamaged):
        reading.add(0, ItemVersion("2026-01-01", None, item(0, 2)), item_digest(item(0, 2)))


def test_warnings_are_counted_and_not_piled_up() -> None:
    page = HistoryPage(HistoryRequest.from_event({"tables": ["orders"], "keys": KEYS}))
    for number in range(1, 30):
        page.take_increment(recovery_point(f"2026-01-{number:02d}"), Reading(0, 3, page.room, warnings=["no index"]))
    assert len(page.warnings) == 21
    assert page.warnings[0] == "2026-01-01: no index"
    assert page.warnings[-1] == "9 more warnings of older recovery points"
