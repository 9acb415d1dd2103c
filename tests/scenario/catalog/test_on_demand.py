"""On-demand backups in the list: those of modules/on_demand_backup, each at its place, and nobody else's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.scenario.backup.conftest import Configure
from tests.scenario.backup.kit import Answer, Stage, back_up, some_items

DAY = 86_400
PREFIX = "shop-prod-"


@pytest.fixture
def shop(stage: Stage, configure: Configure) -> Stage:
    """Two tables, and the list told of the on-demand backups ``shop-prod-...``, kept for three days."""
    configure("orders", "customers", ON_DEMAND_BACKUP_NAME_PREFIX=PREFIX)
    stage.create_table("orders", some_items(2))
    stage.create_table("customers")
    return stage


def make(stage: Stage, name: str, *, days_ago: float = 0, table: str = "orders", kind: str = "USER") -> str:
    stage.aws.backups.configure(seconds=0, age_seconds=days_ago * DAY, type=kind)
    arn: str = stage.dynamodb.create_backup(TableName=table, BackupName=name)["BackupDetails"]["BackupArn"]
    stage.aws.backups.configure(age_seconds=0, type="USER")
    return arn


def list_points(**event: Any) -> Answer:
    return back_up({"action": "list", **event})


def points(answer: Answer, table: str = "orders") -> list[dict[str, Any]]:
    (found,) = (one for one in answer.body["tables"] if one["table_name"] == table)
    return list(found["recovery_points"])


def day(days_ago: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days_ago)).date().isoformat()


def test_they_stand_among_the_others_newest_first(shop: Stage) -> None:
    older = make(shop, f"{PREFIX}20260101T050000Z", days_ago=2)
    made = back_up().body["run_id"]
    newer = make(shop, f"{PREFIX}20260103T050000Z")
    answer = list_points()
    assert answer.code == 200
    assert answer.body["total_recovery_points"] == 4
    found = points(answer)
    assert [(one["backup_type"], one["backup_arn"]) for one in found] == [
        ("DYNAMODB_ON_DEMAND", newer),
        ("DYNAMODB_NATIVE_EXPORT", None),
        ("DYNAMODB_ON_DEMAND", older),
    ]
    assert found[1]["run_id"] == made
    assert answer.body["unreadable_dates"] == [], "a date with on-demand backups alone lacks nothing"
    (table,) = (one for one in answer.body["tables"] if one["table_name"] == "orders")
    assert table["newest_verified"]["run_id"] == made, "nobody has compared an on-demand backup with anything"


def test_one_says_its_status_size_and_when_it_may_be_deleted(shop: Stage) -> None:
    make(shop, f"{PREFIX}20260101T050000Z", days_ago=2)
    make(shop, f"{PREFIX}by-hand-0123456789ab", days_ago=1)
    newest, older = points(list_points())
    assert (newest["status"], newest["run_id"], newest["expires_at"]) == ("AVAILABLE", "by-hand-0123456789ab", None)
    assert older["backup_date"] == older["export_time"][:10] == day(2)
    kept = datetime.fromisoformat(older["expires_at"]) - datetime.fromisoformat(older["export_time"])
    assert kept == timedelta(days=3)
    assert isinstance(older["billed_size_bytes"], int)
    assert not older["verified"]


def test_nobody_elses_are_shown(shop: Stage) -> None:
    make(shop, "shop-prod-before-the-migration")
    make(shop, "shop-prod-eu-20260101T050000Z")
    make(shop, "shop-20260101T050000Z")
    make(shop, f"{PREFIX}20260101T050000Z", kind="AWS_BACKUP")
    gone = make(shop, f"{PREFIX}20260102T050000Z")
    shop.dynamodb.delete_backup(BackupArn=gone)
    assert list_points().body["total_recovery_points"] == 0


@pytest.mark.parametrize("asked", [{}, {"tables": ["orders"]}])
def test_pages_hold_each_once(shop: Stage, asked: dict[str, Any]) -> None:
    back_up({"tables": ["orders"]})
    for number in range(1, 6):
        make(shop, f"{PREFIX}2026010{number}T050000Z", days_ago=number // 2)
    shop.aws.backups.configure(page_size=2)
    pages = [list_points(limit=1, **asked)]
    while pages[-1].body["next"]:
        assert len(pages) < 10
        pages.append(list_points(limit=1, next=pages[-1].body["next"], **asked))
    shop.aws.backups.configure(page_size=100)
    times = [point["export_time"] for page in pages for point in (points(page) if page.body["tables"] else [])]
    assert len(times) == 6
    assert times == sorted(times, reverse=True)


def test_dates_bound_them_and_the_newest_outside_still_counts(shop: Stage) -> None:
    make(shop, f"{PREFIX}20260101T050000Z", days_ago=4)
    make(shop, f"{PREFIX}20260102T050000Z", days_ago=2)
    make(shop, f"{PREFIX}20260103T050000Z")
    for asked in ({}, {"tables": ["orders"]}):
        (one,) = points(list_points(**{"from": day(3), "to": day(1), **asked}))
        assert one["backup_date"] == day(2)
        assert one["expires_at"]


def test_that_they_cannot_be_listed_is_said_by_name(shop: Stage) -> None:
    back_up()
    make(shop, f"{PREFIX}20260101T050000Z")
    with shop.aws.faults.deny("dynamodb", "ListBackups"):
        answer = list_points()
    assert answer.code == 207
    assert len(points(answer)) == 1, "what lies in S3 is listed"
    (warning,) = answer.body["warnings"]
    assert warning.startswith("on-demand backups are not in this list: ListBackups failed with AccessDenied")


def test_without_the_setting_nobody_asks(shop: Stage, configure: Configure) -> None:
    configure("orders", "customers", ON_DEMAND_BACKUP_NAME_PREFIX=None)
    make(shop, f"{PREFIX}20260101T050000Z")
    assert list_points().body["total_recovery_points"] == 0
    assert shop.aws.requests.count("dynamodb", "ListBackups") == 0
