"""Time that runs out, invocations at the same time and answers that get lost: one run, one export per table."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.scenario.backup.conftest import Configure
from tests.scenario.backup.kit import BUCKET, PREFIX, Stage, back_up, back_up_in_turns, scheduled_event, some_items


@pytest.fixture
def two_tables(stage: Stage, configure: Configure) -> Stage:
    stage.create_table("orders", some_items(20))
    stage.create_table("customers", some_items(3))
    configure("orders", "customers")
    return stage


def assert_whole(stage: Stage) -> None:
    for table in ("orders", "customers"):
        assert stage.recorded(table)["status"] == "COMPLETED"
        assert stage.exports_billed(table) == 1


# An event by hand differs in its start alone; that it goes on is shown by every other test of turns.
@pytest.mark.parametrize(
    "event", [pytest.param({}, id="direct", marks=pytest.mark.long), pytest.param(scheduled_event(), id="scheduled")]
)
def test_an_export_that_does_not_end_is_202_and_the_same_event_goes_on(two_tables: Stage, event: object) -> None:
    two_tables.aws.exports.configure(seconds=2)
    first = back_up(event, seconds=1)
    assert first.code == 202
    assert set(first.statuses.values()) == {"IN_PROGRESS"}
    assert first.of("orders")["export_arn"]
    assert first.of("orders")["error"] is None
    assert first.body["successful_exports"] == first.body["failed_exports"] == 0
    assert two_tables.recorded("orders")["status"] == "IN_PROGRESS"
    last = back_up(event)
    assert last.code == 200
    assert last.of("orders")["export_arn"] == first.of("orders")["export_arn"]
    assert two_tables.exports_started("orders") == 1
    assert two_tables.exports_started("customers") == 1
    assert_whole(two_tables)


def test_one_table_done_and_one_going_is_202(two_tables: Stage, configure: Configure) -> None:
    configure("orders", "missing")
    two_tables.aws.exports.configure(seconds=60)
    answer = back_up(seconds=1)
    assert answer.code == 202
    assert answer.statuses == {"orders": "IN_PROGRESS", "missing": "FAILED"}


def test_two_invocations_at_once_are_one_run(two_tables: Stage) -> None:
    two_tables.aws.exports.configure(seconds=1)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: back_up(scheduled_event()), range(2)))
    assert [answer.code for answer in answers] == [200, 200]
    assert answers[0].body["run_id"] == answers[1].body["run_id"]
    assert_whole(two_tables)


def test_the_same_scheduled_event_delivered_again_is_answered_without_a_second_export(two_tables: Stage) -> None:
    first, second = back_up(scheduled_event()), back_up(scheduled_event())
    assert first.code == second.code == 200
    assert second.of("orders")["export_arn"] == first.of("orders")["export_arn"]
    assert_whole(two_tables)


def test_very_short_turns_reach_the_end(stage: Stage, configure: Configure) -> None:
    stage.create_table("orders", some_items(60))
    stage.create_table("customers", some_items(30))
    configure("orders", "customers")
    stage.aws.exports.configure(partitions=10)
    answers = back_up_in_turns(seconds=0.3)
    assert answers[-1].code == 200
    assert len(answers) > 2
    assert_whole(stage)


def test_the_answer_comes_before_the_deadline_when_dynamodb_throttles(two_tables: Stage) -> None:
    fault = two_tables.aws.faults.throttle("dynamodb", "DescribeExport")
    started = time.monotonic()
    answer = back_up(seconds=8)
    assert time.monotonic() - started < 8
    assert answer.code == 202
    assert "ThrottlingException" in answer.of("orders")["error"]
    fault.clear()
    assert back_up().code == 200
    assert_whole(two_tables)


LOST = [
    ("dynamodb", "ExportTableToPointInTime", "*"),
    ("dynamodb", "DescribeExport", "*"),
    ("s3", "PutObject", f"{BUCKET}/{PREFIX}/*/run.json"),
    ("s3", "PutObject", f"{BUCKET}/{PREFIX}/*/manifest.json"),
    ("s3", "GetObject", f"{BUCKET}/{PREFIX}/*/manifest-*.json"),
]


@pytest.mark.parametrize("after", [False, True], ids=["requests-lost", "answers-lost"])
def test_broken_connections_cost_no_second_export(two_tables: Stage, after: bool) -> None:
    faults = [
        two_tables.aws.faults.reset_connection(service, operation, resource=resource, after=after, times=2)
        for service, operation, resource in LOST
    ]
    assert back_up_in_turns(seconds=30)[-1].code == 200
    assert all(fault.hits for fault in faults)
    assert_whole(two_tables)
    assert two_tables.manifest()["failed_attempts"] == []


def test_a_manifest_that_somebody_writes_at_the_same_moment_is_merged_again(two_tables: Stage) -> None:
    conflict = two_tables.aws.faults.error(
        "s3", "PutObject", resource="*/manifest.json", code="PreconditionFailed", status=412, times=2
    )
    assert back_up().code == 200
    assert conflict.hits == 2
    assert_whole(two_tables)


def test_a_manifest_that_can_never_be_written_is_500(two_tables: Stage) -> None:
    two_tables.aws.faults.error("s3", "PutObject", resource="*/manifest.json", code="PreconditionFailed", status=412)
    answer = back_up()
    assert answer.code == 500
    assert "manifest.json" in answer.body["error"]
    two_tables.aws.faults.clear()
    assert back_up().code == 200
    assert_whole(two_tables)
