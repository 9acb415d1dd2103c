"""Backups in a bucket with S3 Object Lock: how long they are locked by class, and legal holds."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from dynamodb_backup.handlers.backup import lambda_handler
from tests.scenario.backup.conftest import Configure
from tests.scenario.backup.kit import BUCKET, PREFIX, Answer, Stage, some_items
from tests.scenario.backup.test_retention import DAYS, NEW_YEAR, back_up_on, tags

LOCK = {"mode": "GOVERNANCE", "default_days": 7, "days": {"daily": 35, "weekly": 90, "monthly": 180, "incremental": 28}}
NEW_YEARS_DAY = "2026-01-01"


@pytest.fixture
def shop(stage: Stage, configure: Configure) -> Stage:
    stage.create_table("orders", some_items(5))
    stage.create_table("customers", some_items(2))
    configure("orders", "customers", RETENTION_CLASSES=json.dumps(DAYS), OBJECT_LOCK=json.dumps(LOCK))
    return stage


def lock(stage: Stage, mode: str = "GOVERNANCE", days: int = 7) -> None:
    stage.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    rule: Any = {"DefaultRetention": {"Mode": mode, "Days": days}}
    stage.s3.put_object_lock_configuration(
        Bucket=BUCKET, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )


def locked_days(stage: Stage, *keys: str) -> set[int]:
    """Return for how many days objects were locked when they were written."""
    objects = stage.aws.contents.objects(BUCKET)
    found = [objects[key].headers for key in keys]
    return {
        round(
            (
                datetime.fromisoformat(one["x-amz-object-lock-retain-until-date"])
                - parsedate_to_datetime(one["last-modified"])
            )
            / timedelta(days=1)
        )
        for one in found
    }


def hold(status: str, **others: Any) -> Answer:
    answer = lambda_handler({"action": "legal_hold", "hold": status, "backup_date": NEW_YEARS_DAY, **others}, None)
    return Answer(answer["statusCode"], answer["body"])


def held(stage: Stage) -> set[str]:
    """Return the keys that have a legal hold."""
    objects = stage.aws.contents.objects(BUCKET)
    return {key for key, one in objects.items() if one.headers.get("x-amz-object-lock-legal-hold") == "ON"}


def of_table(stage: Stage, table: str) -> set[str]:
    folder = f"{PREFIX}/{NEW_YEARS_DAY}/"
    own = {key for key in stage.all_keys() if key.startswith(folder)}
    return {key for key in own if key.startswith(f"{folder}{table}/") or f"/definitions/{table}" in key}


def listed(table: str) -> dict[str, Any]:
    points = lambda_handler({"action": "list", "tables": [table]}, None)["body"]["tables"][0]["recovery_points"]
    return next(point for point in points if point["backup_date"] == NEW_YEARS_DAY)


def test_a_superseded_backup_is_locked_as_long_as_its_class_is(shop: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(shop)
    now = datetime.now(UTC)
    for day in (0, 1, 40):
        assert back_up_on(now + timedelta(days=day - 41), monkeypatch).code == 200
    keys: dict[str | None, list[str]] = {}
    for key, given in tags(shop):
        if "/AWSDynamoDB/" in key:
            keys.setdefault(given.get("backup-retention"), []).append(key)
    by_class = {name: locked_days(shop, *of_class) for name, of_class in keys.items()}
    assert by_class.pop(None) == {7}
    assert {name: LOCK["days"][name] for name in by_class if name} == {  # type: ignore[index]
        name: days.pop() for name, days in by_class.items() if name and len(days) == 1
    }
    first_day = (now - timedelta(days=41)).date().isoformat()
    (of_manifest,) = locked_days(shop, f"{PREFIX}/{first_day}/manifest.json")
    assert of_manifest > 7 - 1


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (None, "has no S3 Object Lock that locks new objects by default"),
        (("COMPLIANCE", 7), "locks new objects by default as COMPLIANCE for 7 days"),
        (("GOVERNANCE", 6), "locks new objects by default as GOVERNANCE for 6 days"),
    ],
)
def test_a_bucket_that_does_not_lock_is_refused_before_anything_is_exported(
    shop: Stage, monkeypatch: pytest.MonkeyPatch, found: tuple[str, int] | None, says: str
) -> None:
    if found:
        lock(shop, *found)
    answer = back_up_on(NEW_YEAR, monkeypatch)
    assert answer.code == 500
    assert says in answer.body["error"]
    assert BUCKET in answer.body["error"]
    assert shop.all_keys() == []
    assert shop.aws.requests.count("dynamodb", "ExportTableToPointInTime") == 0


def test_a_lock_that_is_longer_already_is_left(shop: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(shop, days=100)
    back_up_on(NEW_YEAR, monkeypatch)
    answer = back_up_on(NEW_YEAR + timedelta(days=1), monkeypatch)
    assert "warnings" not in answer.body
    assert locked_days(shop, *of_table(shop, "orders")) == {100}


def test_a_hold_is_on_everything_of_a_table_and_seen_in_the_list(shop: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(shop)
    back_up_on(NEW_YEAR, monkeypatch)
    folder = f"{PREFIX}/{NEW_YEARS_DAY}/"

    answer = hold("on", tables=["orders"])

    (result,) = answer.body["hold_results"]
    assert (answer.code, result["status"], result["error"]) == (200, "ON", None)
    assert held(shop) == of_table(shop, "orders") | {
        f"{folder}manifest.json",
        f"{folder}runs/{NEW_YEARS_DAY}-0001/run.json",
    }
    assert result["objects"] == len(held(shop))
    assert (listed("orders")["legal_hold"], listed("customers")["legal_hold"]) == ("ON", None)


def test_a_held_backup_does_not_expire_and_a_released_one_does(shop: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(shop)
    back_up_on(NEW_YEAR, monkeypatch)
    hold("on", tables=["orders"])
    back_up_on(NEW_YEAR + timedelta(days=1), monkeypatch)
    found = dict(tags(shop))
    assert {json.dumps(found[key]) for key in of_table(shop, "orders")} == {'{"backup-retention-held": "daily"}'}
    assert {json.dumps(found[key]) for key in of_table(shop, "customers")} == {'{"backup-retention": "daily"}'}
    assert listed("orders")["expires_at"] is None
    hold("on")
    assert json.dumps(dict(tags(shop))[min(of_table(shop, "customers"))]) == '{"backup-retention-held": "daily"}'

    assert hold("off", tables=["orders"]).code == 200
    assert held(shop) >= of_table(shop, "customers")
    assert f"{PREFIX}/{NEW_YEARS_DAY}/manifest.json" in held(shop), "the other table still needs it"
    assert hold("off").code == 200

    assert held(shop) == set()
    assert {json.dumps(given) for key, given in tags(shop) if key in of_table(shop, "orders")} == {
        '{"backup-retention": "daily"}'
    }
    assert listed("orders")["legal_hold"] is None
    assert listed("orders")["expires_at"] is not None


def test_a_hold_goes_on_where_time_ran_out(shop: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(shop)
    back_up_on(NEW_YEAR, monkeypatch)
    monkeypatch.setattr("dynamodb_backup.holds.run.KEYS_AT_ONCE", 2)
    monkeypatch.setattr("dynamodb_backup.holds.run.THREADS", 1)

    class Short:
        def get_remaining_time_in_millis(self) -> int:
            return 40

    event = {"action": "legal_hold", "hold": "on", "backup_date": NEW_YEARS_DAY, "tables": ["orders"]}
    answers = [lambda_handler(event, Short())]
    assert answers[0]["statusCode"] == 202
    assert listed("orders")["legal_hold"] == "PLACING"
    while answers[-1]["statusCode"] == 202 and len(answers) < 50:
        answers.append(lambda_handler(event, None))
    assert answers[-1]["body"]["hold_results"][0]["status"] == "ON"
    assert held(shop) >= of_table(shop, "orders")


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({"hold": "maybe"}, "field 'hold' must be off or on"),
        ({"hold": "on"}, "field 'backup_date' is missing"),
        ({"hold": "on", "backup_date": "2026-01-01", "date": 1}, "field 'date' is unknown"),
        ({"hold": "on", "backup_date": "2026-01-02"}, "nothing lies under"),
    ],
)
def test_a_wrong_hold_is_refused(shop: Stage, event: dict[str, Any], says: str) -> None:
    answer = lambda_handler({"action": "legal_hold"} | event, None)
    assert (answer["statusCode"], says in answer["body"]["error"]) == (500, True), answer


def test_a_table_without_backup_fails_alone(shop: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(shop)
    back_up_on(NEW_YEAR, monkeypatch)
    answer = hold("on", tables=["orders", "elsewhere"])
    assert answer.code == 207
    assert "there is no backup of table elsewhere of 2026-01-01" in answer.body["hold_results"][1]["error"]


def test_without_object_lock_there_is_no_hold(shop: Stage, configure: Configure) -> None:
    configure("orders", OBJECT_LOCK=None)
    answer = hold("on")
    assert answer.code == 500
    assert "set the module's input immutability" in answer.body["error"]
