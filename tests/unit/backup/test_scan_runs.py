"""Backups by scan over fake AWS: crashes at every call, invocations at once, and the read rate in virtual time."""

from __future__ import annotations

import gzip
import json
import random
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from dynamodb_backup.backup_methods import MethodChoice
from tests.unit.backup.conftest import Runner
from tests.unit.backup.fake_aws import FakeAws, Killed, client_error
from tests.unit.backup.test_passing_faults import PASSING
from tests.unit.backup.test_run import EVENT, KillAt, during

SCAN = MethodChoice("scan", segments=2)


def scanning(items: int = 14, choice: MethodChoice = SCAN) -> Runner:
    return Runner(FakeAws(items={"orders": items}), ("orders",), methods={"orders": choice})


def listed_files(runner: Runner, table: str) -> list[dict[str, Any]]:
    root = runner.recorded(table)["export_manifest"].removesuffix("manifest-summary.json")
    return [json.loads(line) for line in runner.aws.objects[f"{root}manifest-files.json"].splitlines()]


def assert_exact(runner: Runner, table: str = "orders") -> None:
    entry = runner.recorded(table)
    assert (entry["status"], entry["method"]) == ("COMPLETED", "scan")
    files = listed_files(runner, table)
    lines = [line for file in files for line in gzip.decompress(runner.aws.objects[file["dataFileS3Key"]]).splitlines()]
    found = sorted(json.loads(line)["Item"]["id"]["S"] for line in lines)
    assert found == sorted(f"{table}-{number}" for number in range(runner.aws.items[table]))
    assert entry["item_count"] == sum(file["itemCount"] for file in files) == len(found)
    assert not runner.aws.exports


def until_done(runner: Runner, seconds: float, most: int = 200) -> int:
    """Repeat the event while the answer is 202, and return the last code."""
    for _ in range(most):
        code = runner.invoke(EVENT, seconds=seconds).status_code
        if code != 202:
            return code
    raise AssertionError(f"not done after {most} turns")


@pytest.mark.parametrize("items", [0, 1, 14])
def test_every_item_is_backed_up_once(items: int) -> None:
    runner = scanning(items)
    assert runner.invoke().status_code == 200
    assert_exact(runner)


def test_it_runs_beside_native_exports() -> None:
    runner = Runner(FakeAws(items={"orders": 9, "users": 4}), ("orders", "users"), methods={"orders": SCAN})
    assert runner.invoke().status_code == 200
    assert runner.recorded("users")["method"] == "native_export"
    assert runner.aws.billed("users") == 1
    assert runner.aws.billed("orders") == 0


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", [3, 14, 23, *(pytest.param(more, marks=pytest.mark.long) for more in (9, 20))])
def test_killed_again_and_again_it_still_gets_on(moment: str, number: int) -> None:
    runner = scanning(200)
    runner.aws.before = lambda *_: runner.aws.time.advance(0.05)
    for turn in range(40):
        setattr(runner.aws, moment, KillAt(number + turn % 20))
        with suppress(Killed):
            runner.invoke(EVENT, seconds=1)
    runner.aws.before = runner.aws.after = lambda *_: None
    assert until_done(runner, 60) == 200
    assert_exact(runner)


@pytest.mark.parametrize("cost", [0.02, pytest.param(0.1, marks=pytest.mark.long), 0.5])
def test_turns_that_are_over_before_anything_is_done_still_make_progress(cost: float) -> None:
    runner = scanning(40)
    runner.aws.before = lambda *_: runner.aws.time.advance(cost)
    assert until_done(runner, seconds=1.0) == 200
    assert_exact(runner)


CALLS = [
    pytest.param(operation, number, marks=[] if number % 3 == 1 else [pytest.mark.long])
    for operation, most in (("put_object", 12), ("get_object", 10), ("metered_page", 6), ("describe_table", 2))
    for number in range(1, most + 1)
]


@pytest.mark.parametrize(("operation", "number"), CALLS)
@pytest.mark.parametrize("seconds", [0.3, 60.0])
def test_another_invocation_in_the_middle_corrupts_nothing(operation: str, number: int, seconds: float) -> None:
    runner = scanning(30)
    runner.aws.before = lambda *_: runner.aws.time.advance(0.01)
    during(runner, operation, number, lambda: runner.invoke(EVENT, seconds=seconds))
    assert until_done(runner, 60) == 200
    assert_exact(runner)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_passes_and_whenever_the_same_event_ends_in_one_whole_backup(seed: int) -> None:
    runner = Runner(
        FakeAws(items={"orders": 40, "users": 3}), ("orders", "users"), methods={"orders": SCAN, "users": SCAN}
    )
    chance = random.Random(seed)

    def trouble(operation: str, parameters: dict[str, Any]) -> None:
        runner.aws.time.advance(chance.random() / 10)
        if chance.random() < 0.1:
            raise chance.choice([*PASSING, client_error("SlowDown"), Killed()])

    runner.aws.before = runner.aws.after = trouble
    for _ in range(300):
        try:
            code = runner.invoke(EVENT, seconds=chance.choice([1, 8, 30])).status_code
        except (Killed, ClientError, ConnectionClosedError):
            continue
        assert code in {200, 202}
        if code == 200:
            break
    runner.aws.before = runner.aws.after = lambda *_: None
    assert runner.invoke(EVENT).status_code == 200
    assert_exact(runner, "orders")
    assert_exact(runner, "users")
    assert runner.manifest()["failed_attempts"] == []


@pytest.mark.parametrize("seconds", [3.0, 900.0])
@pytest.mark.parametrize("units_per_item", [0.1, 1.0, 25.0])
def test_the_read_rate_is_kept_over_all_turns(seconds: float, units_per_item: float) -> None:
    rate = 10.0
    items = 400 if units_per_item <= 1 else 60
    runner = scanning(items, MethodChoice("scan", max_read_units_per_second=rate, segments=1))
    runner.aws.items_per_page, runner.aws.units_per_item = 100, units_per_item
    read: list[tuple[float, int]] = []

    def note(operation: str, parameters: dict[str, Any]) -> None:
        if operation == "metered_page":
            read.append((runner.aws.time.monotonic(), parameters["limit"]))

    runner.aws.before = note
    began = runner.aws.time.monotonic()
    assert until_done(runner, seconds, most=2000) == 200
    assert_exact(runner)
    took = read[-1][0] - began
    total = items * units_per_item
    largest = max(rate, units_per_item) + units_per_item
    assert total - largest <= took * rate, f"{total} units in {took} s"
    assert took * rate <= total * 1.3 + 100, f"{total} units took {took} s"
    assert all(limit >= 1 for _, limit in read)


def test_a_slow_scan_does_not_keep_an_export_from_being_seen() -> None:
    slow = MethodChoice("scan", max_read_units_per_second=1, segments=1)
    runner = Runner(
        FakeAws(items={"orders": 4000, "users": 4}, export_seconds=70.0), ("orders", "users"), methods={"orders": slow}
    )
    result = runner.invoke(EVENT, seconds=300)
    assert {table.table_name: table.status for table in result.tables} == {
        "orders": "IN_PROGRESS",
        "users": "COMPLETED",
    }


def test_a_segment_s_checkpoint_that_was_overwritten_fails_the_table() -> None:
    runner = scanning(400)
    runner.aws.before = lambda *_: runner.aws.time.advance(0.2)
    assert runner.invoke(EVENT, seconds=1).status_code == 202
    (key,) = [key for key in runner.aws.objects if key.endswith("segment-0000.json")]
    runner.aws.objects[key] = b"[]"
    result = runner.invoke(EVENT, seconds=60)
    assert result.status_code == 500
    assert key in str(result.tables[0].error)


def test_a_method_of_a_newer_version_is_refused_by_name() -> None:
    runner = scanning()
    runner.aws.before = lambda *_: runner.aws.time.advance(1.0)
    assert runner.invoke(EVENT, seconds=1).status_code == 202
    (key,) = [key for key in runner.aws.objects if key.endswith("run.json")]
    runner.aws.objects[key] = runner.aws.objects[key].replace(b'"method": "scan"', b'"method": "telepathy"')
    result = runner.invoke(EVENT, seconds=60)
    assert "telepathy" in str(result.tables[0].error)
