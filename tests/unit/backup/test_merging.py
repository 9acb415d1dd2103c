"""Views of one run and runs of one day are joined in whatever order they come; the best is never lost."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations, product
from typing import Any

import pytest

from dynamodb_backup.archive.manifest import BackupManifest, ManifestEntry
from dynamodb_backup.backup.record import RunRecord, TableRun
from dynamodb_backup.contract.backup import BackupRequest

KEY = "native-exports/2026-01-31/manifest.json"
STATUSES = ("COMPLETED", "FAILED", "IN_PROGRESS")


def entry(run: int, status: str) -> ManifestEntry:
    run_id = f"2026-01-31-{run:04d}"
    fields: dict[str, Any] = {"table_name": "orders", "status": status, "run_id": run_id, "item_count": run}
    return ManifestEntry("orders", status, fields)


def merged(*attempts: ManifestEntry) -> dict[str, Any]:
    """Merge one attempt after the other, each time through the stored form."""
    manifest = BackupManifest(KEY, "2026-01-31", {})
    body = b""
    for attempt in attempts:
        body = manifest.merged([attempt]).to_json(environment="e", bucket="b", backup_type="t", created_at="c")
        manifest = BackupManifest.parse(KEY, "2026-01-31", body)
    document: dict[str, Any] = json.loads(body)
    return document


@pytest.mark.parametrize("statuses", list(product(STATUSES, repeat=3)), ids="-".join)
def test_the_newest_good_backup_of_a_day_is_named_whenever_each_run_was_recorded(statuses: tuple[str, ...]) -> None:
    attempts = [entry(number, status) for number, status in enumerate(statuses, start=1)]
    good = [number for number, status in enumerate(statuses, start=1) if status == "COMPLETED"]
    for order in permutations(attempts):
        document = merged(*order)
        (named,) = document["exports"]
        assert named["item_count"] == (max(good) if good else 3)
        assert document["successful_exports"] == bool(good)
        assert document["total_items_exported"] == (max(good) if good else 0)
        lesser = {number for number in (1, 2, 3) if number not in good and number != named["item_count"]}
        assert {attempt["item_count"] for attempt in document["failed_attempts"]} == lesser


@pytest.mark.parametrize("last", STATUSES)
def test_a_later_word_of_the_same_run_never_takes_a_good_backup_back(last: str) -> None:
    (named,) = merged(entry(1, "COMPLETED"), entry(1, last))["exports"]
    assert named["status"] == "COMPLETED"


def test_what_a_run_says_later_replaces_what_it_said_before() -> None:
    document = merged(entry(1, "IN_PROGRESS"), entry(2, "IN_PROGRESS"), entry(1, "FAILED"), entry(2, "COMPLETED"))
    assert [one["status"] for one in document["exports"]] == ["COMPLETED"]
    assert [(one["item_count"], one["status"]) for one in document["failed_attempts"]] == [(1, "FAILED")]


def test_fields_of_other_tools_stay_as_they_are() -> None:
    theirs = {"table_name": "orders", "status": "COMPLETED", "s3_prefix": "x/orders", "theirs": {"a": [1]}}
    manifest = BackupManifest.parse(KEY, "2026-01-31", json.dumps({"exports": [theirs]}).encode())
    again = manifest.merged([entry(1, "FAILED")])
    assert again.entries["orders"].fields == theirs
    assert [attempt.status for attempt in again.failed_attempts] == ["FAILED"]


@pytest.mark.parametrize("theirs", [[["w"]], "w", {"w": 1}, 1, [None, "w"]])
def test_warnings_of_somebody_else_s_form_do_not_keep_a_backup_from_being_recorded(theirs: Any) -> None:
    good = entry(1, "COMPLETED").fields
    standing, attempt = ({**good, "warnings": warnings} for warnings in (theirs, ["ours"]))
    body = json.dumps({"exports": [standing]}).encode()
    manifest = BackupManifest.parse(KEY, "2026-01-31", body)
    again = manifest.merged([ManifestEntry("orders", "COMPLETED", attempt)])
    assert again.entries["orders"].fields["warnings"] == (["w", "ours"] if theirs == [None, "w"] else ["ours"])


PENDING = TableRun("orders")
REFUSED = replace(PENDING, status="FAILED", error="refused")
GOING = replace(PENDING, status="IN_PROGRESS", export_arn="arn:a")
DAMAGED = replace(GOING, status="FAILED", error="damaged")
DONE = replace(GOING, status="COMPLETED", item_count=3)
ORDER = [PENDING, REFUSED, GOING, DAMAGED, DONE]
"""From the least to the most that one can know of an export."""


def record(table: TableRun, *, finished: bool = False) -> RunRecord:
    run = RunRecord.begin(1, BackupRequest(("orders",), "FULL_EXPORT"), "2026-01-31T12:00:00.000Z")
    run.update(table)
    run.finished = finished
    return run


@pytest.mark.parametrize("first", ORDER)
@pytest.mark.parametrize("second", ORDER)
def test_of_two_views_of_a_table_the_one_that_knows_more_is_kept(first: TableRun, second: TableRun) -> None:
    ours = record(first)
    ours.join(record(second))
    assert ours.tables["orders"] == max(first, second, key=ORDER.index)


def test_a_run_is_not_finished_while_one_view_knows_of_an_export_that_is_going() -> None:
    ours = record(GOING)
    ours.join(record(REFUSED, finished=True))
    assert not ours.finished


def test_progress_of_a_verification_is_kept() -> None:
    ours = record(replace(GOING, checked_files=2))
    ours.join(record(replace(GOING, checked_files=5, parsed_files=1)))
    assert (ours.tables["orders"].checked_files, ours.tables["orders"].parsed_files) == (5, 1)


def test_a_record_survives_its_stored_form() -> None:
    run = record(replace(DONE, warnings=("one",), verification={"files": 2}))
    key = f"native-exports/{run.backup_date}/runs/{run.run_id}/run.json"
    assert RunRecord.parse(key, run.to_json(), run.etag or "etag") == replace(run, etag="etag")


def test_a_token_belongs_to_one_table_of_one_run_of_one_place() -> None:
    run, other = record(PENDING), record(PENDING)
    other.run_id = "2026-01-31-0002"
    token = run.client_token("backups", "p/2026-01-31/orders", "orders")
    assert token == run.client_token("backups", "p/2026-01-31/orders", "orders")
    assert 1 <= len(token) <= 64
    assert "$" not in token
    others = {
        other.client_token("backups", "p/2026-01-31/orders", "orders"),
        run.client_token("backups", "p/2026-01-31/users", "users"),
        run.client_token("elsewhere", "p/2026-01-31/orders", "orders"),
    }
    assert len(others | {token}) == 4
