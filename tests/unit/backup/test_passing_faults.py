"""What passes by itself (throttling, 5xx, broken connections) costs time, and neither a table nor a second export."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from dynamodb_backup.aws_errors import error_code
from tests.unit.backup.conftest import Runner
from tests.unit.backup.fake_aws import FakeAws, Killed, client_error
from tests.unit.backup.test_run import EVENT, assert_whole


def fails(operation: str, error: Exception, times: int) -> Any:
    seen = itertools.count(1)

    def hook(name: str, parameters: dict[str, Any]) -> None:
        if name == operation and next(seen) <= times:
            raise error

    return hook


CONNECTION_CLOSED = ConnectionClosedError(endpoint_url="https://dynamodb.us-east-1.amazonaws.com")
PASSING = [
    client_error("ThrottlingException"),
    client_error("InternalServerError"),
    client_error("ServiceUnavailable"),
    client_error("RequestLimitExceeded"),
    CONNECTION_CLOSED,
]


@pytest.mark.parametrize("error", PASSING, ids=error_code)
@pytest.mark.parametrize("operation", ["describe_table", "export_table_to_point_in_time", "describe_export"])
def test_what_passes_by_itself_fails_no_table(runner: Runner, operation: str, error: Exception) -> None:
    runner.aws.before = fails(operation, error, times=3)
    assert runner.invoke(seconds=300).status_code == 200
    assert_whole(runner)


@pytest.mark.parametrize("operation", ["describe_table", "export_table_to_point_in_time", "describe_export"])
def test_what_does_not_pass_before_the_deadline_is_in_progress_and_goes_on(runner: Runner, operation: str) -> None:
    runner.aws.before = fails(operation, client_error("ThrottlingException"), times=10_000)
    assert runner.invoke(seconds=60).status_code == 202
    runner.aws.before = lambda *_: None
    assert runner.invoke(seconds=60).status_code == 200
    assert_whole(runner)


def test_more_exports_than_the_quota_wait_for_a_place(runner: Runner) -> None:
    runner.aws.before = fails("export_table_to_point_in_time", client_error("LimitExceededException"), times=8)
    assert runner.invoke(seconds=300).status_code == 200
    assert_whole(runner)


@pytest.mark.parametrize("code", ["SlowDown", "InternalError", "ServiceUnavailable"])
def test_s3_busy_during_the_verification_is_no_damage(runner: Runner, code: str) -> None:
    runner.invoke(seconds=0.1)

    def hook(name: str, parameters: dict[str, Any]) -> None:
        if name == "get_object" and "/AWSDynamoDB/" in parameters["Key"]:
            raise client_error(code, "GetObject")

    runner.aws.before = hook
    first = runner.invoke(seconds=60)
    runner.aws.before = lambda *_: None
    assert first.status_code == 202
    assert runner.invoke(seconds=60).status_code == 200
    assert_whole(runner)


@pytest.mark.parametrize("operation", ["put_object", "get_object", "list_objects_v2"])
@pytest.mark.parametrize(
    "error", [client_error("SlowDown"), client_error("InternalError"), CONNECTION_CLOSED], ids=error_code
)
def test_s3_busy_for_a_moment_is_no_failure_of_the_run(runner: Runner, operation: str, error: Exception) -> None:
    runner.aws.before = fails(operation, error, times=3)
    codes = [runner.invoke(EVENT, seconds=60).status_code]
    while codes[-1] == 202:
        codes.append(runner.invoke(EVENT, seconds=60).status_code)
    assert codes[-1] == 200
    assert_whole(runner)


def test_a_lost_answer_to_the_start_is_asked_for_again_under_the_same_token(runner: Runner) -> None:
    seen = itertools.count(1)

    def lose(name: str, parameters: dict[str, Any]) -> None:
        if name == "export_table_to_point_in_time" and next(seen) <= 4:
            raise CONNECTION_CLOSED

    runner.aws.after = lose
    assert runner.invoke(seconds=300).status_code == 200
    assert_whole(runner)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_passes_and_whenever_the_same_event_ends_in_one_whole_backup(seed: int) -> None:
    runner = Runner(FakeAws(items={"orders": 7, "customers": 0, "users": 3}), ("orders", "customers", "users"))
    runner.aws.export_seconds = 20.0
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
    assert_whole(runner)
    assert runner.manifest()["failed_attempts"] == []
