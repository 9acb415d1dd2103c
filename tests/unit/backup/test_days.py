"""Several runs: on one day, over midnight, days apart, of the same event and of different ones."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dynamodb_backup.errors import BackupNotFound
from tests.unit.backup.conftest import Runner
from tests.unit.backup.fake_aws import Killed, client_error

HOUR = 3600.0


def event(number: int) -> dict[str, Any]:
    moment = f"2026-01-31T{number:02d}:00:00Z"
    return {"id": f"e-{number}", "time": moment, "source": "aws.scheduler", "detail-type": "Scheduled Event"}


def fail_exports_of(runner: Runner, table: str) -> None:
    def refuse(operation: str, parameters: dict[str, Any]) -> None:
        if operation == "export_table_to_point_in_time" and parameters["TableArn"].endswith(f"/{table}"):
            raise client_error("PointInTimeRecoveryUnavailableException")

    runner.aws.before = refuse


def recover(runner: Runner) -> None:
    runner.aws.before = lambda *_: None


def test_a_second_good_run_of_a_day_is_named_instead_of_the_first(runner: Runner) -> None:
    runner.invoke()
    first = runner.recorded("orders")["export_arn"]
    runner.aws.items["orders"] = 9
    runner.invoke()
    assert runner.recorded("orders")["export_arn"] != first
    assert runner.recorded("orders")["item_count"] == 9
    assert runner.manifest()["failed_attempts"] == []


def test_a_failed_second_run_stands_beside_the_good_first(runner: Runner) -> None:
    runner.invoke()
    good = runner.recorded("orders")
    fail_exports_of(runner, "orders")
    assert runner.invoke().status_code == 207
    assert runner.recorded("orders") == good
    (attempt,) = runner.manifest()["failed_attempts"]
    assert attempt["table_name"] == "orders"
    assert attempt["status"] == "FAILED"
    assert "point-in-time recovery" in attempt["error"]
    assert runner.manifest()["successful_exports"] == 2
    assert runner.manifest()["failed_exports"] == 0


def test_a_good_second_run_replaces_the_failed_first_which_stays_known(runner: Runner) -> None:
    fail_exports_of(runner, "orders")
    assert runner.invoke().status_code == 207
    assert runner.recorded("orders")["status"] == "FAILED"
    recover(runner)
    assert runner.invoke().status_code == 200
    assert runner.recorded("orders")["status"] == "COMPLETED"
    assert [one["status"] for one in runner.manifest()["failed_attempts"]] == ["FAILED"]


def test_a_second_run_that_is_still_going_does_not_hide_the_good_first(runner: Runner) -> None:
    runner.invoke()
    good = runner.recorded("orders")
    runner.aws.export_seconds = None
    assert runner.invoke(seconds=10).status_code == 202
    assert runner.recorded("orders") == good
    # And the next one, failed as a whole, does not either.
    for export in runner.aws.exports:
        export.failure = export.failure or (None if export.ends else "S3AccessDenied")
    assert runner.invoke().status_code == 500
    assert runner.recorded("orders") == good


def test_the_same_event_delivered_twice_is_one_run(runner: Runner) -> None:
    first = runner.invoke(event(3))
    second = runner.invoke(event(3))
    assert first.status_code == second.status_code == 200
    assert second.run_id == first.run_id
    assert runner.aws.billed("orders") == 1


def test_another_event_is_another_run(runner: Runner) -> None:
    assert runner.invoke(event(3)).run_id != runner.invoke(event(4)).run_id
    assert runner.aws.billed("orders") == 2


def test_an_event_that_asks_on_after_somebody_else_finished_its_long_run_gets_its_result(runner: Runner) -> None:
    runner.aws.export_seconds = 3 * HOUR
    first = runner.invoke(event(3), seconds=60)
    assert first.status_code == 202
    runner.aws.time.advance(3 * HOUR)
    assert runner.invoke(seconds=60).status_code == 200
    last = runner.invoke(event(3), seconds=60)
    assert last.status_code == 200
    assert last.run_id == first.run_id
    assert runner.aws.billed("orders") == 1


def test_a_run_id_goes_on_with_exactly_that_run_and_gets_its_result_when_it_has_ended(runner: Runner) -> None:
    runner.aws.export_seconds = 60.0
    first = runner.invoke({"tables": ["orders"]}, seconds=30)
    assert first.status_code == 202
    runner.invoke(event(3), seconds=20)
    for _ in range(2):
        answer = runner.invoke({"run_id": first.run_id}, seconds=300)
        assert (answer.status_code, answer.run_id) == (200, first.run_id)
        assert [table.table_name for table in answer.tables] == ["orders"]
    runner.aws.time.advance(30 * HOUR)
    assert runner.invoke({"run_id": first.run_id}).status_code == 200
    assert runner.aws.billed("orders") == 2


def test_a_run_id_that_does_not_exist_is_refused_by_name(runner: Runner) -> None:
    with pytest.raises(BackupNotFound, match="2026-01-31-0007"):
        runner.invoke({"run_id": "2026-01-31-0007"})
    assert runner.aws.exports == []


def test_a_run_over_midnight_stays_with_the_date_on_which_it_began(runner: Runner) -> None:
    runner.aws.time.advance(11 * HOUR + 3590)
    runner.aws.export_seconds = 600.0
    first = runner.invoke(event(23), seconds=60)
    assert (first.status_code, first.backup_date) == (202, "2026-01-31")
    last = runner.invoke(event(23), seconds=900)
    assert (last.status_code, last.backup_date, last.run_id) == (200, "2026-01-31", first.run_id)
    assert not any(key.startswith("native-exports/2026-02-01/") for key in runner.aws.objects)
    assert runner.recorded("orders")["s3_prefix"] == "native-exports/2026-01-31/orders"


def test_a_run_that_began_past_midnight_is_gone_on_with_where_the_clock_is_behind(runner: Runner) -> None:
    runner.aws.time.advance(12 * HOUR)
    runner.aws.export_seconds = 600.0
    first = runner.invoke(event(0), seconds=60)
    assert (first.status_code, first.backup_date) == (202, "2026-02-01")
    runner.aws.time.advance(-HOUR)
    last = runner.invoke(event(0), seconds=900)
    assert last.run_id == first.run_id
    assert runner.aws.billed("orders") == 1


def test_a_failed_run_is_no_answer_to_a_retry_because_the_clock_was_set_back_between_them(runner: Runner) -> None:
    fail_exports_of(runner, "orders")
    first = runner.invoke(event(3))
    assert first.status_code == 207
    recover(runner)
    runner.aws.time.advance(-HOUR)
    second = runner.invoke(event(3))
    assert second.status_code == 200
    assert second.run_id != first.run_id


@pytest.mark.parametrize("hours", [24, 7 * 24], ids=["daily", "weekly"])
def test_a_run_that_nobody_continued_is_recorded_by_the_next_schedule(runner: Runner, hours: int) -> None:
    runner.aws.export_seconds = 600.0
    assert runner.invoke(event(3), seconds=60).status_code == 202
    runner.aws.time.advance(hours * HOUR)
    result = runner.invoke(event(4), seconds=900)
    assert result.status_code == 200
    assert (result.backup_date or "") > "2026-01-31"
    assert runner.recorded("orders")["status"] == "COMPLETED"
    assert runner.recorded("orders", result.backup_date or "")["status"] == "COMPLETED"
    assert runner.aws.billed("orders") == 2


def test_a_subset_that_nobody_continued_is_recorded_by_the_next_run(runner: Runner) -> None:
    runner.aws.export_seconds = 600.0
    assert runner.invoke({"tables": ["orders"]}, seconds=60).status_code == 202
    first = runner.recorded("orders")["export_arn"]
    runner.aws.time.advance(24 * HOUR)
    runner.invoke(event(4), seconds=900)
    assert runner.recorded("orders")["status"] == "COMPLETED"
    assert runner.recorded("orders")["export_arn"] == first


@pytest.mark.parametrize("hours", [10, 16])
def test_a_schedule_makes_its_own_backup_though_an_older_run_is_unfinished(runner: Runner, hours: int) -> None:
    runner.aws.export_seconds = 600.0
    assert runner.invoke(seconds=60).status_code == 202
    runner.aws.time.advance(hours * HOUR)
    result = runner.invoke(event(3), seconds=900)
    assert result.status_code == 200
    assert runner.recorded("orders", result.backup_date or "")["run_id"] == result.run_id
    started = [export.started for export in runner.aws.exports if export.parameters["TableArn"].endswith("/orders")]
    assert len(started) == 2
    assert (started[1] - started[0]).total_seconds() >= hours * HOUR
    if result.backup_date != "2026-01-31":
        assert runner.recorded("orders")["status"] == "COMPLETED"


@pytest.mark.parametrize("next_event", [{}, event(3)], ids=["same", "schedule"])
def test_a_run_that_died_before_it_started_anything_does_not_cost_the_next_backup(
    runner: Runner, next_event: dict[str, Any]
) -> None:
    def kill(operation: str, parameters: dict[str, Any]) -> None:
        if operation == "describe_table":
            raise Killed

    runner.aws.before = kill
    with pytest.raises(Killed):
        runner.invoke()
    recover(runner)
    runner.aws.time.advance(9 * HOUR)
    result = runner.invoke(next_event)
    assert result.status_code == 200
    assert runner.recorded("orders")["status"] == "COMPLETED"
    assert runner.aws.billed("orders") == 1


def test_an_export_that_is_still_going_when_the_next_schedule_comes_is_not_given_up(runner: Runner) -> None:
    runner.aws.export_seconds = 30 * HOUR
    assert runner.invoke(event(3), seconds=60).status_code == 202
    runner.aws.time.advance(24 * HOUR)
    runner.aws.export_seconds = 60.0
    assert runner.invoke(event(4), seconds=300).status_code == 200
    assert runner.recorded("orders")["status"] == "IN_PROGRESS"
    runner.aws.time.advance(24 * HOUR)
    assert runner.invoke(event(5), seconds=300).status_code == 200
    assert runner.recorded("orders")["status"] == "COMPLETED"
    assert runner.aws.billed("orders") == 3


BROKEN = {
    "an old manifest": ("native-exports/2026-01-31/manifest.json", b"not json"),
    "an old record": ("native-exports/2026-01-31/runs/2026-01-31-0001/run.json", b"{}"),
    "a strange run folder": ("native-exports/2026-02-01/runs/2026-02-01-x/run.json", b"{}"),
    "a foreign folder": ("native-exports/2026-02-01/runs/AWSDynamoDB/x", b""),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_from_earlier_is_a_warning_and_stops_no_backup(runner: Runner, what: str) -> None:
    key, body = BROKEN[what]
    runner.aws.export_seconds = 600.0
    runner.invoke(event(3), seconds=60)
    runner.aws.objects[key] = body
    runner.aws.time.advance(24 * HOUR)
    result = runner.invoke(event(4), seconds=900)
    assert result.status_code == 200
    assert result.backup_date == "2026-02-01"
    if what.startswith("an old"):
        assert key in str(result.warnings)
        assert runner.aws.objects[key] == body


def test_a_record_of_a_newer_version_is_continued(runner: Runner) -> None:
    runner.aws.export_seconds = 600.0
    first = runner.invoke(event(3), seconds=60)
    key = "native-exports/2026-01-31/runs/2026-01-31-0001/run.json"
    record = json.loads(runner.aws.objects[key])
    record["unheard_of"] = 1
    record["tables"]["orders"]["unheard_of"] = 1
    runner.aws.objects[key] = json.dumps(record).encode()
    last = runner.invoke(event(3), seconds=900)
    assert (last.status_code, last.run_id) == (200, first.run_id)
    assert runner.aws.billed("orders") == 1


def test_throttling_does_not_make_an_old_export_a_failed_one(runner: Runner) -> None:
    runner.aws.export_seconds = 600.0
    runner.invoke(event(3), seconds=60)
    runner.aws.time.advance(24 * HOUR)
    calls = iter(range(10_000))

    def throttle_first(operation: str, parameters: dict[str, Any]) -> None:
        if operation == "describe_export" and next(calls) < 2:
            raise client_error("ThrottlingException")

    runner.aws.before = throttle_first
    runner.invoke(event(4), seconds=900)
    assert runner.recorded("orders")["status"] != "FAILED"
    recover(runner)
    runner.invoke(event(5), seconds=900)
    assert runner.recorded("orders")["status"] == "COMPLETED"
