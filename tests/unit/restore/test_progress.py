"""Progress of a restore: what the numbers say, and that they come back from S3 as they were."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from dynamodb_backup.errors import BackupDamaged
from dynamodb_backup.restore.progress import Progress, TableProgress
from dynamodb_backup.timing import iso

BEGAN = datetime(2026, 1, 31, 12, tzinfo=UTC)


def begun(*, dry_run: bool = False) -> Progress:
    return Progress("r-1", dry_run, iso(BEGAN), iso(BEGAN))


def table(written: int = 0, *, verified: int = 0, expected: int = 1000, status: str = "IN_PROGRESS") -> TableProgress:
    return TableProgress(
        "orders", "orders", "write", status, items_expected=expected, items_verified=verified, items_written=written
    )


def after(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def test_nothing_is_estimated_before_anything_is_written() -> None:
    progress = begun().brought_to([table(verified=1000)], after(10))
    assert (progress.percent, progress.estimated_end) == (0.0, None)


def test_the_end_is_estimated_from_the_rate_of_writing_alone() -> None:
    progress = begun().brought_to([table(verified=1000)], after(500))
    progress = progress.brought_to([table(100)], after(600)).brought_to([table(200)], after(610))
    assert progress.percent == 20.0
    assert progress.estimated_end == iso(after(610 + 80))


def test_a_dry_run_counts_verified_items() -> None:
    progress = begun(dry_run=True).brought_to([table(verified=500)], after(10))
    assert progress.percent == 50.0


def test_it_is_a_hundred_percent_only_when_every_table_has_ended() -> None:
    nearly = begun().brought_to([table(1000), table(1000, status="COMPLETED")], after(10))
    assert (nearly.percent, nearly.status) == (99.9, "IN_PROGRESS")
    ended = nearly.brought_to([table(10, status="FAILED"), table(1000, status="COMPLETED")], after(20))
    assert (ended.percent, ended.status, ended.estimated_end) == (100.0, "ENDED", None)


def test_an_empty_backup_has_no_percent_to_divide_by() -> None:
    assert begun().brought_to([table(expected=0)], after(1)).percent == 0.0


def test_it_is_read_back_as_it_was_written_also_with_what_a_newer_version_adds() -> None:
    progress = begun().brought_to([table(100)], after(10)).brought_to([table(300)], after(20))
    document = json.loads(progress.to_json())
    document["tables"][0]["new"] = document["new"] = 1
    assert Progress.parse("key", json.dumps(document).encode()) == progress


def test_an_end_after_the_last_year_of_all_calendars_is_not_told() -> None:
    """So many items at such a rate: no date has room for it. The restore went on, but nobody heard of it any more."""
    progress = begun().brought_to([table(0)], after(0)).brought_to([table(1)], after(10))
    progress.tables[0].items_expected = 10**18
    progress.moving_since, progress.moving_from = progress.started_at, 0
    assert progress.estimated_end is None
    assert progress.to_json()


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"tables": [{}]}', b"[" * 100_000])
def test_what_is_not_progress_is_refused_by_name(body: bytes) -> None:
    with pytest.raises(BackupDamaged, match=r"progress some/key is malformed"):
        Progress.parse("some/key", body)
