"""A whole run over fake AWS: crashes, two invocations at once, expired tokens, old runs."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from typing import Any

import pytest

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.backup.record import RunRecord
from dynamodb_backup.backup.records import RunRecords
from dynamodb_backup.errors import BackupDamaged
from tests.unit.backup.conftest import Runner
from tests.unit.backup.fake_aws import BUCKET, FakeAws, Killed, client_error

TABLES = ("orders", "customers")
EVENT = {"id": "e-1", "time": "2026-01-31T12:00:00Z", "source": "aws.events", "detail-type": "Scheduled Event"}


def assert_whole(runner: Runner, date: str = "2026-01-31") -> None:
    for table in runner.tables:
        assert runner.recorded(table, date)["status"] == "COMPLETED"
        assert runner.aws.billed(table) == 1


def test_a_run_completes_every_table_once(runner: Runner) -> None:
    assert runner.invoke().status_code == 200
    assert_whole(runner)
    assert runner.recorded("orders")["item_count"] == 7
    assert runner.recorded("customers")["item_count"] == 0


class KillAt:
    """Ends the invocation at one AWS call: before it, or after it was carried out. Nothing more goes out then."""

    def __init__(self, number: int) -> None:
        self._left = number
        self.dead = False

    def __call__(self, operation: str, parameters: dict[str, Any]) -> None:
        self._left -= 1
        if self.dead or self._left <= 0:
            self.dead = True
            raise Killed


@pytest.mark.parametrize("joins", [False, True])
def test_an_execution_that_asks_again_since_the_last_answer_was_lost_gets_it_and_nothing_is_billed_again(
    runner: Runner, joins: bool
) -> None:
    event = {"execution": "by-hand"}
    runner.aws.export_seconds = 60.0
    if joins:
        assert runner.invoke({"execution": "which-died"}, seconds=10).status_code == 202
    first = runner.invoke(event, seconds=300)
    again = runner.invoke(event)
    assert (first.status_code, again.status_code, again.run_id) == (200, 200, first.run_id)
    assert_whole(runner)
    assert runner.invoke({"execution": "another"}, seconds=300).run_id != first.run_id


@pytest.mark.parametrize("seconds", [0.5, 2.0, 12.0])
def test_short_turns_reach_the_end(runner: Runner, seconds: float) -> None:
    runner.aws.export_seconds = 15.0
    codes = [runner.invoke(seconds=seconds).status_code for _ in range(1)]
    while codes[-1] == 202:
        assert len(codes) < 500
        codes.append(runner.invoke(seconds=seconds).status_code)
    assert codes[-1] == 200
    assert_whole(runner)


@pytest.mark.parametrize("cost", [0.02, pytest.param(0.1, marks=pytest.mark.long), 0.5])
def test_turns_that_are_over_before_anything_is_done_still_make_progress(runner: Runner, cost: float) -> None:
    runner.aws.files_per_export = 12
    runner.aws.before = lambda *_: runner.aws.time.advance(cost)
    codes: list[int] = []
    while not codes or codes[-1] == 202:
        assert len(codes) < 100
        codes.append(runner.invoke(EVENT, seconds=1.0).status_code)
    assert codes[-1] == 200
    assert_whole(runner)


def test_more_tables_than_one_turn_can_start_are_started_over_several_turns() -> None:
    names = tuple(f"table-{number:02d}" for number in range(24))
    runner = Runner(FakeAws(items=dict.fromkeys(names, 1)), names)
    runner.aws.before = lambda *_: runner.aws.time.advance(0.5)
    first = runner.invoke(EVENT, seconds=15)
    started = {table.table_name for table in first.tables if table.export_arn}
    assert first.status_code == 202
    assert 0 < len(started) < 24
    runner.aws.calls.clear()
    while (result := runner.invoke(EVENT, seconds=15)).status_code == 202:
        pass
    assert result.status_code == 200
    described = [parameters["TableName"] for name, parameters in runner.aws.calls if name == "describe_table"]
    assert not started & set(described), "what an earlier turn has done is not done again"
    assert_whole(runner)


def test_an_export_that_never_ends_is_in_progress_and_billed_once(runner: Runner) -> None:
    runner.aws.export_seconds = None
    for _ in range(3):
        result = runner.invoke(seconds=20)
        assert result.status_code == 202
        assert {table.status for table in result.tables} == {"IN_PROGRESS"}
        assert runner.recorded("orders")["status"] == "IN_PROGRESS"
    assert runner.aws.billed("orders") == 1


def during(runner: Runner, operation: str, number: int, act: Any) -> None:
    """Do something else in the middle of an invocation: before its n-th call of an operation."""
    seen = itertools.count(1)

    def hook(name: str, parameters: dict[str, Any]) -> None:
        if name == operation and next(seen) == number:
            runner.aws.before = lambda *_: None
            act()

    runner.aws.before = hook


CALLS_OF_A_RUN = [
    pytest.param(operation, number, marks=[] if number % 3 == 1 else [pytest.mark.long])
    for operation, most in (
        ("put_object", 8),
        ("get_object", 6),
        ("describe_export", 3),
        ("describe_table", 2),
        ("export_table_to_point_in_time", 2),
        ("list_objects_v2", 2),
    )
    for number in range(1, most + 1)
]


@pytest.mark.parametrize(("operation", "number"), CALLS_OF_A_RUN)
def test_another_invocation_in_the_middle_of_a_run_changes_nothing(runner: Runner, operation: str, number: int) -> None:
    runner.aws.export_seconds = 3.0
    inner: list[int] = []
    during(runner, operation, number, lambda: inner.append(runner.invoke(EVENT).status_code))
    outer = runner.invoke(EVENT)
    assert outer.status_code == 200
    assert inner in ([], [200])
    assert_whole(runner)


@pytest.mark.parametrize(("operation", "number"), CALLS_OF_A_RUN)
def test_a_run_of_other_tables_in_the_middle_of_a_run_is_recorded_beside_it(
    runner: Runner, operation: str, number: int
) -> None:
    runner.aws.export_seconds = 3.0
    runner.aws.items["users"] = 2
    others = Runner(runner.aws, ("users",))
    during(runner, operation, number, others.invoke)
    assert runner.invoke(seconds=300).status_code == 200
    assert_whole(runner)
    assert_whole(others)
    assert runner.recorded("users")["run_id"] != runner.recorded("orders")["run_id"]


def test_a_slower_invocation_never_takes_back_what_a_faster_one_has_completed(runner: Runner) -> None:
    # The outer one looks while the exports still go, then its time is up; in between the inner one completes the run.
    runner.aws.export_seconds = 30.0

    def complete() -> None:
        runner.aws.time.advance(31)
        assert runner.invoke().status_code == 200

    manifest_writes = itertools.count()

    def hook(name: str, parameters: dict[str, Any]) -> None:
        if name == "get_object" and parameters["Key"].endswith("manifest.json") and next(manifest_writes) == 0:
            runner.aws.before = lambda *_: None
            complete()

    runner.aws.before = hook
    result = runner.invoke(seconds=12)
    assert_whole(runner)
    assert result.status_code in {200, 202}


def test_an_invocation_that_cannot_start_an_export_does_not_hide_that_another_one_did(runner: Runner) -> None:
    runner.aws.export_seconds = 30.0
    refused = client_error("AccessDeniedException", "ExportTableToPointInTime")

    def refuse(name: str, parameters: dict[str, Any]) -> None:
        if name == "export_table_to_point_in_time":
            raise refused

    started = itertools.count()

    def hook(name: str, parameters: dict[str, Any]) -> None:
        # The outer one has started its exports but not yet saved them when the inner one fails to start any.
        if name == "put_object" and parameters["Key"].endswith("run.json") and runner.aws.exports and not next(started):
            runner.aws.before = refuse
            runner.invoke()
            runner.aws.before = lambda *_: None

    runner.aws.before = hook
    assert runner.invoke(seconds=120).status_code == 200
    assert_whole(runner)


def test_a_start_that_was_not_recorded_is_not_repeated_when_its_token_has_expired(runner: Runner) -> None:
    # DynamoDB forgets a ClientToken eight hours after the export ended.
    def kill(name: str, parameters: dict[str, Any]) -> None:
        if runner.aws.billed("orders") and runner.aws.billed("customers"):
            raise Killed

    runner.aws.before = kill
    with pytest.raises(Killed):
        runner.invoke()
    runner.aws.before = lambda *_: None
    first = len(runner.aws.exports)
    runner.aws.time.advance(timedelta(hours=9).total_seconds())
    runner.invoke()
    tokens = [export.token for export in runner.aws.exports]
    assert len(set(tokens)) == len(tokens), "one run exported a table twice"
    assert first == 2


def test_the_record_of_many_tables_is_not_written_after_each_of_them() -> None:
    tables = tuple(f"table-{number:03d}" for number in range(40))
    runner = Runner(FakeAws(items=dict.fromkeys(tables, 1)), tables)
    assert runner.invoke().status_code == 200
    writes = [call for call in runner.aws.calls if call[0] == "put_object" and call[1]["Key"].endswith("run.json")]
    assert len(writes) <= 10


def test_runs_that_ended_hours_ago_are_counted_but_not_kept(runner: Runner) -> None:
    runner.invoke()
    runner.aws.time.advance(timedelta(hours=3).total_seconds())
    runner.invoke()
    store = ObjectStore(runner.aws.clients().s3, BUCKET)
    recent = RunRecords(store, Layout("native-exports")).recent(runner.aws.time.utc())
    assert [run.run_id for run in recent.records] == ["2026-01-31-0002"]
    assert (recent.next_number("2026-01-31"), recent.next_number("2026-02-01")) == (3, 1)


def test_a_record_names_no_table_that_the_function_is_not_to_back_up(runner: Runner) -> None:
    runner.aws.items["secrets"] = 3
    runner.aws.export_seconds = None
    runner.invoke()
    key = "native-exports/2026-01-31/runs/2026-01-31-0001/run.json"
    record = json.loads(runner.aws.objects[key])
    record["tables"]["secrets"] = {"table_name": "secrets"}
    runner.aws.objects[key] = json.dumps(record).encode()

    result = runner.invoke({"run_id": "2026-01-31-0001"})

    assert runner.aws.billed("secrets") == 0
    (secrets,) = (one for one in result.to_response()["body"]["export_results"] if one["table_name"] == "secrets")
    assert secrets["status"] == "FAILED"
    assert "is not, or no longer, one of DYNAMODB_TABLES" in secrets["error"]


@pytest.mark.parametrize("change", [{"run_id": "2026-01-31-0002"}, {"tables": {"../x": {"table_name": "../x"}}}])
def test_a_record_that_is_not_its_keys_is_malformed(runner: Runner, change: dict[str, Any]) -> None:
    runner.invoke()
    key = "native-exports/2026-01-31/runs/2026-01-31-0001/run.json"
    body = json.dumps(json.loads(runner.aws.objects[key]) | change).encode()
    with pytest.raises(BackupDamaged, match=r"run\.json is malformed"):
        RunRecord.parse(key, body, '"1"')
