"""Superseded backups in the sandbox: their tags, and what the module's lifecycle rules then do to which objects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dynamodb_backup.backup.run import BackupRun
from tests.scenario.backup import kit
from tests.scenario.backup.conftest import Configure
from tests.scenario.backup.kit import BUCKET, PREFIX, Answer, Stage, back_up, some_items

DAYS = {"daily": 35, "weekly": 90, "monthly": 365, "incremental": 28, "failed": 7}
NEW_YEAR = datetime(2026, 1, 1, 3, tzinfo=UTC)


@pytest.fixture
def shop(stage: Stage, configure: Configure) -> Stage:
    stage.create_table("orders", some_items(5))
    stage.create_table("customers", some_items(2))
    configure("orders", "customers", RETENTION_CLASSES=json.dumps(DAYS))
    return stage


def back_up_on(moment: datetime, monkeypatch: pytest.MonkeyPatch) -> Answer:
    """Back up as if it were then; what DynamoDB and S3 write keeps the time of today."""
    original = BackupRun.__init__

    def at_that_time(self: BackupRun, settings: Any, clients: Any, deadline: Any, **others: Any) -> None:
        original(self, settings, clients, deadline, lambda: moment, **others)

    with monkeypatch.context() as patch:
        patch.setattr(BackupRun, "__init__", at_that_time)
        return back_up()


def tags(stage: Stage) -> Iterator[tuple[str, dict[str, str]]]:
    for key, found in stage.aws.contents.objects(BUCKET).items():
        yield key, dict(found.tags)


def classes(stage: Stage, given_tags: Sequence[tuple[str, dict[str, str]]] = ()) -> dict[str, set[str | None]]:
    """Return the classes of each date's exports."""
    found: dict[str, set[str | None]] = {}
    for key, given in given_tags or tags(stage):
        if "/AWSDynamoDB/" in key:
            found.setdefault(key.split("/")[1], set()).add(given.get("backup-retention"))
    return found


def test_every_object_of_a_superseded_backup_has_its_class(shop: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in range(30, 34):
        assert back_up_on(NEW_YEAR + timedelta(days=day), monkeypatch).code == 200
    found = list(tags(shop))
    assert classes(shop, found) == {
        "2026-01-31": {"monthly"},
        "2026-02-01": {"weekly"},
        "2026-02-02": {"daily"},
        "2026-02-03": {None},
    }
    assert {key.rpartition("/")[2] for key, given in found if not given and "2026-02-03" not in key} == {
        "manifest.json",
        "run.json",
        "progress.json",
    }
    assert shop.recorded("orders", "2026-01-31")["retention_class"] == "monthly"


# What was throttled is caught up with like what was denied: by the next run, which looks for what has no tags.
@pytest.mark.parametrize("fault", ["denied", pytest.param("throttled", marks=pytest.mark.long)])
def test_without_tags_a_backup_counts_all_the_same_and_the_next_one_catches_up(
    shop: Stage, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    back_up_on(NEW_YEAR, monkeypatch)
    injected = (
        shop.aws.faults.deny("s3", "PutObjectTagging", resource=f"{BUCKET}/*")
        if fault == "denied"
        else shop.aws.faults.error("s3", "PutObjectTagging", code="SlowDown", status=503)
    )
    with injected:
        answer = back_up_on(NEW_YEAR + timedelta(days=1), monkeypatch)
        assert injected.hits
    assert answer.code == 200
    (warning,) = answer.body["warnings"]
    assert "superseded backups of 2 tables have no retention class yet" in warning
    assert ("AccessDenied" if fault == "denied" else "SlowDown") in warning
    assert classes(shop) == {"2026-01-01": {None}, "2026-01-02": {None}}
    assert "warnings" not in back_up_on(NEW_YEAR + timedelta(days=2), monkeypatch).body
    assert classes(shop) == {"2026-01-01": {"daily"}, "2026-01-02": {"daily"}, "2026-01-03": {None}}


def test_passing_throttling_of_tags_is_not_even_a_warning(shop: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    back_up_on(NEW_YEAR, monkeypatch)
    shop.aws.faults.error("s3", "PutObjectTagging", code="SlowDown", status=503, times=5)
    answer = back_up_on(NEW_YEAR + timedelta(days=1), monkeypatch)
    assert "warnings" not in answer.body
    assert classes(shop)["2026-01-01"] == {"daily"}


def test_what_a_failed_export_left_behind_is_classified_when_the_table_is_well_again(
    shop: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up_on(NEW_YEAR, monkeypatch)
    shop.aws.exports.configure(fail_with="S3AccessDenied")
    assert back_up_on(NEW_YEAR + timedelta(days=1), monkeypatch).code == 500
    assert classes(shop)["2026-01-01"] == {None}
    shop.aws.exports.configure(fail_with=None)
    assert back_up_on(NEW_YEAR + timedelta(days=2), monkeypatch).code == 200
    assert classes(shop)["2026-01-01"] == {"daily"}
    assert shop.recorded("orders", "2026-01-02")["retention_class"] == "failed"


def test_a_table_that_lost_its_items_keeps_its_older_backups_until_somebody_accepts_that(
    shop: Stage, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    guarded = {"RETENTION_CLASSES": json.dumps(DAYS), "ITEM_COUNT_COLLAPSE": '{"percent": 50, "minimum_items": 5}'}
    configure("orders", "customers", **guarded)
    back_up_on(NEW_YEAR, monkeypatch)
    for item in some_items(5)[:3]:
        shop.dynamodb.delete_item(TableName="orders", Key={"id": {"S": item["id"]["S"]}})

    answer = back_up_on(NEW_YEAR + timedelta(days=1), monkeypatch)

    assert answer.code == 200
    (warning,) = answer.body["warnings"]
    assert warning == answer.of("orders")["item_count_alert"]
    assert shop.recorded("orders", "2026-01-02")["warnings"] == [warning]
    assert classes(shop)["2026-01-01"] == {None, "daily"}  # those of customers go on
    assert "retention_class" not in shop.recorded("orders", "2026-01-01")

    accepted = back_up({"action": "accept_collapse", "tables": ["orders"]})
    assert accepted.body["accept_results"] == [
        {
            "table_name": "orders",
            "status": "ACCEPTED",
            "run_id": "2026-01-02-0001",
            "item_count": 2,
            "items_before": 5,
        }
    ]
    assert "warnings" not in back_up_on(NEW_YEAR + timedelta(days=2), monkeypatch).body
    assert classes(shop) == {"2026-01-01": {"daily"}, "2026-01-02": {"daily"}, "2026-01-03": {None}}


def test_the_list_tells_class_and_expiry(shop: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    today = datetime.now(UTC)
    back_up_on(today - timedelta(days=1), monkeypatch)
    back_up_on(today, monkeypatch)
    answer = back_up({"action": "list", "tables": ["orders"]})
    newest, older = answer.body["tables"][0]["recovery_points"]
    assert (newest["retention_class"], newest["expires_at"]) == (None, None)
    assert older["retention_class"] in {"daily", "weekly", "monthly", "yearly"}
    if older["retention_class"] in DAYS:
        # The export itself was written today.
        expires = datetime.combine(today.date(), datetime.min.time(), UTC) + timedelta(
            days=DAYS[older["retention_class"]] + 1
        )
        assert datetime.fromisoformat(older["expires_at"]) - expires in (timedelta(), timedelta(days=1))


def test_a_malformed_retention_is_refused_by_name(shop: Stage, configure: Configure) -> None:
    for value, cause in [
        ("{", "not JSON"),
        ("[]", "whole days by class"),
        ('{"daily": 0}', "whole days by class"),
        ('{"daily": true}', "whole days by class"),
        ('{"hourly": 1}', "'hourly'"),
        ('{"weekly": 1}', "no class 'daily'"),
    ]:
        configure("orders", RETENTION_CLASSES=value)
        answer = kit.back_up()
        assert answer.code == 500
        assert "RETENTION_CLASSES" in answer.body["error"]
        assert cause in answer.body["error"]
    assert shop.exports_started() == 0
    assert shop.all_keys(PREFIX) == []
