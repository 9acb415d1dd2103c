"""Handing superseded backups over, run after run: what carries a tag, what it costs, and what goes wrong."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from dynamodb_backup.backup import retention
from dynamodb_backup.contract.backup import BackupResult
from tests.unit.backup.conftest import Runner
from tests.unit.backup.fake_aws import FakeAws, Killed, client_error

DAY = 86_400.0
PROGRESS = "native-exports/retention/progress.json"
DAYS = {"daily": 35, "weekly": 90, "monthly": 365, "incremental": 28, "failed": 7}


@pytest.fixture
def runner() -> Runner:
    """Daily backups from Saturday, 2026-01-31."""
    return Runner(FakeAws(items={"orders": 7, "customers": 0}), ("orders", "customers"), DAYS)


def next_day(runner: Runner, event: object = None, *, seconds: float = 60.0) -> BackupResult:
    runner.aws.time.now = runner.aws.time.now.replace(hour=12, minute=0, second=0)
    runner.aws.time.advance(DAY)
    return runner.invoke(event, seconds=seconds)


def tagged(runner: Runner, table: str | None = None) -> dict[str, set[str]]:
    """Return the classes of the objects of each date's exports and definitions; no tag is ``-``."""
    classes: dict[str, set[str]] = {}
    for key in runner.aws.objects:
        if ("/AWSDynamoDB/" in key or "/definitions/" in key) and (table is None or table in key):
            name = runner.aws.tags.get(key, {}).get("backup-retention", "-")
            classes.setdefault(key.split("/")[1], set()).add(name)
    return classes


def noted(runner: Runner, date: str, table: str = "orders") -> Any:
    return runner.recorded(table, date).get("retention_class")


def calls(runner: Runner) -> Counter[str]:
    return Counter(operation for operation, _ in runner.aws.calls)


def fail_exports(runner: Runner, table: str) -> None:
    """Let DynamoDB give the exports of one table up from now on, with a part of them written."""

    def start(operation: str, parameters: dict[str, Any]) -> None:
        if operation == "export_table_to_point_in_time" and parameters["TableArn"].endswith(f"/{table}"):
            export = next(
                one for one in reversed(runner.aws.exports) if one.parameters["TableArn"] == parameters["TableArn"]
            )
            export.failure = "S3AccessDenied"
            folder = f"{parameters['S3Prefix']}/AWSDynamoDB/{export.arn.rpartition('/')[2]}"
            runner.aws.objects[f"{folder}/_started"] = b""

    runner.aws.after = start


def test_each_backup_is_classified_when_the_next_one_is_verified(runner: Runner) -> None:
    assert runner.invoke().status_code == 200
    assert tagged(runner) == {"2026-01-31": {"-"}}
    assert next_day(runner).status_code == 200
    assert tagged(runner) == {"2026-01-31": {"monthly"}, "2026-02-01": {"-"}}
    assert noted(runner, "2026-01-31") == "monthly"
    assert noted(runner, "2026-02-01") is None
    for _ in range(3):
        assert not next_day(runner).warnings
    assert tagged(runner) == {
        "2026-01-31": {"monthly"},
        "2026-02-01": {"weekly"},
        "2026-02-02": {"daily"},
        "2026-02-03": {"daily"},
        "2026-02-04": {"-"},
    }


def test_what_is_no_part_of_an_export_never_gets_a_tag(runner: Runner) -> None:
    for _ in range(4):
        next_day(runner)
    kept = [key for key in runner.aws.objects if key not in runner.aws.tags]
    assert {key.rpartition("/")[2] for key in kept if "2026-02-04" not in key} == {
        "manifest.json",
        "run.json",
        "progress.json",
    }


def test_an_ordinary_run_looks_at_two_dates_however_many_there_are(runner: Runner) -> None:
    for _ in range(12):
        next_day(runner)
    runner.aws.calls.clear()
    next_day(runner)
    read = [parameters["Key"] for operation, parameters in runner.aws.calls if operation == "get_object"]
    assert (
        len([key for key in read if key.endswith("/run.json")]) == 9 + 2
    )  # the last days' runs; then what retention reads
    assert calls(runner)["put_object_tagging"] == 2 * (
        2 + 4 + 1 + 1 + 1
    )  # files, manifests, _started, definition, key index


def test_several_backups_of_a_day_leave_the_last_one(runner: Runner) -> None:
    runner.invoke()
    runner.aws.time.advance(4 * 3600)
    runner.invoke()
    assert tagged(runner) == {"2026-01-31": {"daily", "-"}}
    next_day(runner)
    assert tagged(runner) == {"2026-01-31": {"daily", "monthly"}, "2026-02-01": {"-"}}


def test_a_table_that_fails_keeps_its_last_good_backup_until_a_newer_one_is_verified(runner: Runner) -> None:
    runner.invoke()
    fail_exports(runner, "orders")
    for _ in range(12):  # longer than a run looks back
        assert next_day(runner).status_code == 207
    assert tagged(runner, "/orders")["2026-01-31"] == {"-"}
    assert tagged(runner, "/customers")["2026-01-31"] == {"monthly"}
    assert set().union(*tagged(runner, "/orders").values()) == {"-"}
    runner.aws.after = lambda *_: None
    assert next_day(runner).status_code == 200
    orders = tagged(runner, "/orders")
    assert orders.pop("2026-02-13") == {"-"}
    assert orders.pop("2026-01-31") == {"monthly"}
    assert set().union(*orders.values()) == {"failed"}
    assert noted(runner, "2026-02-12") == "failed"


def test_a_table_that_is_no_longer_backed_up_keeps_its_last_backup(runner: Runner) -> None:
    runner.invoke()
    runner.tables = ("customers",)
    for _ in range(3):
        next_day(runner)
    assert tagged(runner, "/orders") == {"2026-01-31": {"-"}}


def test_a_table_that_comes_back_is_taken_up_again(runner: Runner) -> None:
    next_day(runner)
    for _ in range(12):
        next_day(runner, {"tables": ["customers"]})
    next_day(runner)
    assert tagged(runner, "/orders") == {"2026-02-01": {"weekly"}, "2026-02-14": {"-"}}


def test_a_new_table_begins_where_it_first_appears(runner: Runner) -> None:
    runner.invoke()
    next_day(runner)
    runner.tables = ("orders", "customers", "payments")
    runner.aws.items["payments"] = 1
    next_day(runner)
    next_day(runner)
    assert tagged(runner, "/payments") == {"2026-02-02": {"daily"}, "2026-02-03": {"-"}}


def test_retention_that_is_switched_on_later_takes_up_what_is_there(runner: Runner) -> None:
    runner.retention_days = {}
    for _ in range(30):
        next_day(runner)
    assert runner.aws.tags == {}
    assert PROGRESS not in runner.aws.objects
    runner.retention_days = DAYS
    next_day(runner)
    counted = Counter(name for names in tagged(runner).values() for name in names)
    # 31 days from Sunday, 2026-02-01: five Sundays, of which none is a month's end, and the end of February.
    assert counted == {"daily": 24, "weekly": 5, "monthly": 1, "-": 1}


@pytest.mark.parametrize("code", ["AccessDenied", "SlowDown", "MethodNotAllowed"])
def test_a_refused_tag_is_a_warning_and_the_next_run_catches_up(runner: Runner, code: str) -> None:
    runner.invoke()

    def refuse(operation: str, _: object) -> None:
        if operation == "put_object_tagging":
            raise client_error(code, "PutObjectTagging")

    runner.aws.before = refuse
    result = next_day(runner)
    assert result.status_code == 200
    (warning,) = result.warnings
    assert "2 tables" in warning
    assert f"PutObjectTagging failed with {code}" in warning
    assert runner.aws.tags == {}
    assert noted(runner, "2026-01-31") is None
    runner.aws.before = lambda *_: None
    assert not next_day(runner).warnings
    assert tagged(runner) == {"2026-01-31": {"monthly"}, "2026-02-01": {"weekly"}, "2026-02-02": {"-"}}


def test_one_table_that_cannot_be_tagged_does_not_keep_the_others_from_it(runner: Runner) -> None:
    runner.invoke()

    def refuse(operation: str, parameters: dict[str, Any]) -> None:
        if operation == "put_object_tagging" and "/orders" in parameters["Key"]:
            raise client_error("AccessDenied", "PutObjectTagging")

    runner.aws.before = refuse
    (warning,) = next_day(runner).warnings
    assert "table orders" in warning
    assert tagged(runner, "/customers")["2026-01-31"] == {"monthly"}
    assert tagged(runner, "/orders")["2026-01-31"] == {"-"}


def test_an_object_that_is_gone_already_is_no_trouble(runner: Runner) -> None:
    runner.invoke()

    def expire(operation: str, parameters: dict[str, Any]) -> None:
        if operation == "put_object_tagging" and parameters["Key"].endswith(".json.gz"):
            runner.aws.objects.pop(parameters["Key"], None)

    runner.aws.before = expire
    assert not next_day(runner).warnings
    assert noted(runner, "2026-01-31") == "monthly"


def test_time_that_runs_out_leaves_the_rest_to_the_next_run(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "KEYS_AT_ONCE", 10)
    monkeypatch.setattr(retention, "TAG_THREADS", 1)
    runner.aws.files_per_export = 60
    runner.invoke()

    def slow(operation: str, _: object) -> None:
        if operation == "put_object_tagging":
            runner.aws.time.advance(1.0)

    runner.aws.before = slow
    result = next_day(runner, seconds=40.0)
    assert result.status_code == 200
    assert any("time ran out" in warning for warning in result.warnings)
    done = len(runner.aws.tags)
    assert 20 < done < 60
    progress = json.loads(runner.aws.objects[PROGRESS])
    assert {one["going_on"] for one in progress["tables"].values()} == {"2026-01-31-0001", None}
    runner.aws.before = lambda *_: None
    runner.aws.calls.clear()
    assert not next_day(runner).warnings
    assert tagged(runner)["2026-01-31"] == {"monthly"}
    again = [parameters["Key"] for operation, parameters in runner.aws.calls if operation == "put_object_tagging"]
    assert len([key for key in again if "/2026-01-31/" in key]) < 2 * 66 - done + 10


@pytest.mark.parametrize(
    "damage", [b"{", b'{"tables": 3}', b"[]", b'{"scanned_through": "x", "tables": {"a": {"b": 1}}}']
)
def test_a_malformed_record_is_made_anew(runner: Runner, damage: bytes) -> None:
    runner.invoke()
    next_day(runner)
    runner.aws.objects[PROGRESS] = damage
    assert not next_day(runner).warnings
    assert noted(runner, "2026-02-01") == "weekly"
    assert json.loads(runner.aws.objects[PROGRESS])["tables"]["orders"]["done_through"] == "2026-02-01-0001"


def test_a_damaged_manifest_stops_nothing(runner: Runner) -> None:
    runner.invoke()
    runner.aws.objects["native-exports/2026-01-31/manifest.json"] = b"{"
    # The earlier run is finished, so nothing else reads that manifest.
    assert not next_day(runner).warnings
    assert tagged(runner)["2026-01-31"] == {"monthly"}
    assert runner.aws.objects["native-exports/2026-01-31/manifest.json"] == b"{"


def test_a_manifest_that_is_gone_is_not_made_again(runner: Runner) -> None:
    runner.invoke()
    del runner.aws.objects["native-exports/2026-01-31/manifest.json"]
    assert not next_day(runner).warnings
    assert "native-exports/2026-01-31/manifest.json" not in runner.aws.objects


def test_killed_at_any_call_the_next_run_catches_up() -> None:
    number = 0
    while True:
        number += 1
        runner = Runner(FakeAws(items={"orders": 7}), ("orders",), DAYS)
        runner.invoke()
        left = [number]

        def kill(operation: str, _: object, left: list[int] = left, runner: Runner = runner) -> None:
            finished = any(
                b'"finished": true' in body for key, body in runner.aws.objects.items() if "02-01-0001" in key
            )
            left[0] -= finished
            if left[0] < 0:
                raise Killed

        runner.aws.before = kill
        try:
            next_day(runner)
        except Killed:
            killed = True
        else:
            killed = False
        runner.aws.before = lambda *_: None
        assert not next_day(runner).warnings
        assert tagged(runner) == {"2026-01-31": {"monthly"}, "2026-02-01": {"weekly"}, "2026-02-02": {"-"}}, number
        assert [noted(runner, day) for day in ("2026-01-31", "2026-02-01", "2026-02-02")] == ["monthly", "weekly", None]
        if not killed:
            assert number > 10
            return


def test_a_manifest_written_by_another_run_meanwhile_keeps_both(runner: Runner) -> None:
    runner.invoke()
    key = "native-exports/2026-01-31/manifest.json"
    meddled: list[str] = []

    def meddle(operation: str, parameters: dict[str, Any]) -> None:
        if operation == "put_object" and parameters["Key"] == key and not meddled:
            meddled.append(key)
            document = json.loads(runner.aws.objects[key])
            document["exports"][0]["warnings"] = ["somebody else's"]
            del document["sha256"]
            runner.aws.objects[key] = json.dumps(document).encode()

    runner.aws.before = meddle
    assert not next_day(runner).warnings
    assert meddled
    entry = runner.recorded("customers", "2026-01-31")
    assert (entry["warnings"], entry["retention_class"]) == (["somebody else's"], "monthly")
