"""Restore tests: what is proven, what fails and is published, what is deleted, and what is never touched."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dynamodb_backup.handlers.restore_test import lambda_handler
from sandbox import Sandbox
from tests.scenario.restore.kit import DATE, PREFIX, LambdaContext, Stage, listening, strings
from tests.scenario.restore.test_new_target import LOCAL_INDEX, definition
from tests.scenario.restore_test.conftest import SCRATCH

ITEMS = [{**item, "at": {"N": "1"}, "day": {"S": "d"}} for item in strings(60)]
STATUS = f"{PREFIX}/restore-tests/status/orders.json"
CHANGES = {"CreateTable", "DeleteTable", "UpdateTable", "BatchWriteItem", "PutItem", "DeleteItem", "TagResource"}


def back_up(
    stage: Stage,
    table: str = "orders",
    items: Any = ITEMS,
    size: int = 4096,
    definition_sha256: str | None = None,
    **how: Any,
) -> Any:
    key = f"{PREFIX}/{DATE}/runs/run-1/definitions/{table}.json"
    stage.put(key, json.dumps(definition(TableName=table, LocalSecondaryIndexes=LOCAL_INDEX)))
    entry = {"table_definition": key, "table_definition_sha256": definition_sha256, "billed_size_bytes": size}
    return stage.back_up(table, items, entry=entry, **how)


def call(event: Any = None, *, seconds: float = 60) -> tuple[int, dict[str, Any]]:
    answer = lambda_handler(event or {}, LambdaContext(seconds))
    return answer["statusCode"], json.loads(json.dumps(answer["body"]))


def result_of(body: dict[str, Any]) -> dict[str, Any]:
    assert len(body["test_results"]) == 1, body
    return dict(body["test_results"][0])


def metrics(capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    """Return the metrics of table orders, by name, as they were last written."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    found = {}
    for line in lines:
        assert line["table"] == "orders", "no metric of a scratch table is ever made"
        for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]:
            found[metric["Name"]] = line[metric["Name"]][0]
    return found


def assert_only_scratch_tables_were_changed(aws: Sandbox) -> None:
    touched = {name for one in aws.requests.list("dynamodb") if one.operation in CHANGES for name in one.resources}
    assert all(name.startswith(SCRATCH) for name in touched), touched


def test_a_good_backup_is_proven_recorded_and_published(
    aws: Sandbox, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    back_up(stage, file_count=3)
    stage.create_table("orders", (("id", "S"), ("at", "N")))
    stage.fill("orders", ITEMS[:1])
    aws.requests.clear()

    code, body = call({"test_id": "weekly-1"})

    result = result_of(body)
    assert (code, result["status"], result["error"], result["proven"]) == (200, "PROVEN", None, True)
    assert (result["items_expected"], result["items_restored"]) == (60, 60)
    assert (result["backup_date"], result["scratch_table"], result["warnings"]) == (DATE, None, [])
    assert result["differences"] == {"missing": 0, "different": 0, "extra": 0}
    assert stage.dynamodb.list_tables()["TableNames"] == ["orders"]
    assert_only_scratch_tables_were_changed(aws)
    kept = json.loads(stage.get(f"{PREFIX}/restore-tests/results/orders/weekly-1.json"))
    assert kept == {"test_id": "weekly-1", **result}
    assert json.loads(stage.get(STATUS))["last_proven"] == kept
    published = metrics(capsys)
    assert (published["RestoreTestSucceeded"], published["RestoreTestFailed"]) == (1, 0)
    assert (published["LastProvenRestorable"], published["RestoreTestItems"]) == (0, 60)
    assert published["RestoreTestSeconds"] == pytest.approx(result["restore_seconds"])


def test_the_scratch_table_has_no_stream_ttl_recovery_protection_or_tags_of_the_source(
    aws: Sandbox, stage: Stage
) -> None:
    back_up(stage)
    assert call()[0] == 200
    operations = {one.operation for one in aws.requests.list("dynamodb")}
    assert not operations & {"UpdateTable", "UpdateTimeToLive", "UpdateContinuousBackups"}
    stored = json.loads(stage.get(f"{PREFIX}/restore-tests/definitions/orders.json"))
    assert [tag["Key"] for tag in stored["Tags"]] == ["dynamodb-backup:restore-test"]
    assert [one["IndexName"] for one in stored["Table"]["LocalSecondaryIndexes"]] == ["by-day-locally"]


def test_a_damaged_backup_fails_and_is_published(
    aws: Sandbox, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    export = back_up(stage, file_count=2)
    stage.put(export.data_keys[1], export.objects[export.data_keys[1]][:-9])

    code, body = call({"test_id": "t"})

    result = result_of(body)
    assert (code, result["status"], result["proven"]) == (500, "FAILED", False)
    assert export.data_keys[1] in result["error"]
    assert stage.dynamodb.list_tables()["TableNames"] == []
    assert json.loads(stage.get(STATUS))["last_proven"] is None
    assert metrics(capsys) == {"RestoreTestSucceeded": 0, "RestoreTestFailed": 1, "RestoreTestSkipped": 0}


def test_a_scratch_table_that_lacks_an_item_is_a_failure(aws: Sandbox, stage: Stage) -> None:
    back_up(stage, items=[*ITEMS, {"id": {"S": ""}, "at": {"N": "1"}, "day": {"S": "d"}}])
    code, body = call()
    assert (code, result_of(body)["status"]) == (500, "FAILED")
    assert "DynamoDB refused 1 of 61 items" in result_of(body)["error"]
    assert stage.dynamodb.list_tables()["TableNames"] == []


def test_a_failure_of_one_table_is_told_beside_the_proof_of_another(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RESTORE_TEST_TABLES")
    back_up(stage)
    code, body = call()
    assert (code, body["proven_tables"], body["failed_tables"]) == (207, 1, 1), body
    assert body["test_results"][1]["error"] == "no date holds a COMPLETED backup of table users"


@pytest.mark.parametrize("seconds", [0.2, 0.6])
def test_in_short_turns_it_goes_on_to_the_end(aws: Sandbox, stage: Stage, seconds: float) -> None:
    back_up(stage, file_count=3)
    codes: list[int] = []
    body: dict[str, Any] = {}
    while not codes or codes[-1] == 202:
        code, body = call({"test_id": "t"}, seconds=seconds)
        codes.append(code)
        assert len(codes) < 100
    assert (codes[-1], result_of(body)["status"], codes[0]) == (200, "PROVEN", 202)
    assert stage.dynamodb.list_tables()["TableNames"] == []
    assert call({"test_id": "t"}) == (200, body), "an ended test answers again as it ended"


class Killed(BaseException):
    """Lambda ends the process: nothing is caught, nothing is saved."""


@pytest.mark.parametrize("operation", ["CreateTable", "BatchWriteItem", "Scan", "DeleteTable"])
def test_a_killed_run_is_continued_and_leaves_no_table(
    aws: Sandbox, stage: Stage, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    from dynamodb_backup.aws import clients  # noqa: PLC0415 - the clients of this stage's environment

    back_up(stage, file_count=3)

    def die(**_: Any) -> None:
        raise Killed

    event = f"after-call.dynamodb.{operation}"
    with (
        listening(clients().dynamodb, event, die),
        listening(clients().dynamodb_writes, event, die),
        pytest.raises(Killed),
    ):
        pytest.fail(f"not killed, but answered: {call({'test_id': 't'})}")

    code, body = call({"test_id": "t"})

    assert (code, result_of(body)["status"], result_of(body)["error"]) == (200, "PROVEN", None)
    assert stage.dynamodb.list_tables()["TableNames"] == []
    assert aws.requests.count("dynamodb", "CreateTable") == 1


def test_a_write_of_the_tests_state_whose_answer_was_lost_is_taken_for_what_it_is(aws: Sandbox, stage: Stage) -> None:
    back_up(stage)
    lost = aws.faults.reset_connection(
        "s3", "PutObject", resource=f"*{PREFIX}/restore-tests/run.json", after=True, times=3
    )
    code, body = call()
    assert (code, result_of(body)["status"]) == (200, "PROVEN")
    assert lost.hits == 3


def test_a_run_that_nobody_continues_is_cleared_away_by_the_next(
    aws: Sandbox, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(stage)
    aws.faults.delay("dynamodb", "DeleteTable", seconds=9, times=1)
    with aws.faults.error("dynamodb", "BatchWriteItem", code="ThrottlingException", status=400):
        left: list[str] = []
        while not left:  # on a busy machine a turn may end before the table is there
            assert call({"test_id": "dead"}, seconds=1)[0] == 202
            left = stage.dynamodb.list_tables()["TableNames"]
    assert [name.startswith(SCRATCH) for name in left] == [True]

    code, body = call({"test_id": "next"})
    assert (code, body["error_type"]) == (500, "LeaseTaken")
    assert "restore test 'dead' is going on" in body["error"]

    run = json.loads(stage.get(f"{PREFIX}/restore-tests/run.json"))
    stage.put(f"{PREFIX}/restore-tests/run.json", json.dumps(run | {"updated_at": "2026-01-31T00:00:00.000Z"}))
    aws.faults.clear()
    code, body = call({"test_id": "next"})
    assert (code, body["leftovers"]) == (200, [])
    assert stage.dynamodb.list_tables()["TableNames"] == []


def test_a_table_under_the_prefix_without_our_tag_is_left_and_told(aws: Sandbox, stage: Stage) -> None:
    back_up(stage)
    stage.create_table(f"{SCRATCH}of-a-person")
    stage.create_table("test-restore-tesu-near")
    code, body = call()
    assert (code, result_of(body)["status"]) == (207, "PROVEN")
    assert "holds neither the tag" in body["leftovers"][0]
    assert stage.dynamodb.list_tables()["TableNames"] == [f"{SCRATCH}of-a-person", "test-restore-tesu-near"]


def test_a_deletion_that_fails_is_loud_and_the_proof_counts_all_the_same(
    aws: Sandbox, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    back_up(stage)
    with aws.faults.deny("dynamodb", "DeleteTable"):
        code, body = call()
    result = result_of(body)
    assert (code, result["status"], result["proven"]) == (500, "FAILED", True)
    assert "was not deleted and costs money: DeleteTable failed with AccessDenied" in result["error"]
    assert stage.dynamodb.list_tables()["TableNames"] == [result["scratch_table"]]
    assert json.loads(stage.get(STATUS))["last_proven"]["proven"] is True
    assert metrics(capsys)["RestoreTestFailed"] == 1


def test_a_table_above_the_limit_is_skipped_and_says_so(
    aws: Sandbox, stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RESTORE_TEST_TABLES", '["orders","users"]')
    monkeypatch.setenv("RESTORE_TEST_MAX_TABLE_BYTES", "4096")
    back_up(stage, size=4097)
    back_up(stage, "users")
    code, body = call()
    assert len(body["test_results"]) == 2, body
    skipped, proven = body["test_results"]
    assert (code, skipped["status"], proven["status"]) == (200, "SKIPPED", "PROVEN")
    assert "4097 bytes large, and max_table_bytes is 4096" in skipped["error"]
    assert aws.requests.count("dynamodb", "CreateTable") == 1
    assert json.loads(stage.get(STATUS))["last_test"]["status"] == "SKIPPED"
    code, body = call({"tables": ["orders"]})
    assert (code, body["skipped_tables"]) == (500, 1), "a test that shows nothing is no success"


def test_without_a_captured_definition_nothing_is_created(aws: Sandbox, stage: Stage) -> None:
    stage.back_up("orders", ITEMS)
    code, body = call()
    assert code == 500
    assert "no definition was captured with the backup of table orders" in result_of(body)["error"]
    assert aws.requests.count("dynamodb", "CreateTable") == 0


def test_an_altered_definition_is_found_although_a_table_could_be_made_of_it(aws: Sandbox, stage: Stage) -> None:
    back_up(stage, definition_sha256="0" * 64)
    code, body = call()
    assert code == 500
    assert "no scratch table can be made: the captured definition" in result_of(body)["error"]
    assert "is altered since it was captured" in result_of(body)["error"]
    assert aws.requests.count("dynamodb", "CreateTable") == 0


@pytest.mark.parametrize(
    ("event", "names"), [({"table": "orders"}, "'table'"), ({"tables": ["users"]}, "'tables'"), ([], "'event'")]
)
def test_a_bad_event_is_refused_by_name(aws: Sandbox, stage: Stage, event: Any, names: str) -> None:
    answer = lambda_handler(event, LambdaContext(9))
    assert answer["statusCode"] == 500
    assert f"request refused: field {names}" in answer["body"]["error"]
    assert aws.requests.list("dynamodb") == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RESTORE_TEST_PREFIX", ""),
        ("RESTORE_TEST_PREFIX", "short-"),
        ("RESTORE_TEST_PREFIX", "no-end-of-its-own"),
        ("RESTORE_TEST_TABLES", '["others"]'),
        ("RESTORE_TEST_TABLES", "{"),
        ("RESTORE_TEST_MAX_TABLE_BYTES", "1 GB"),
    ],
)
def test_a_bad_environment_is_refused_by_name(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    code, body = call()
    assert (code, body["error"].startswith(f"environment variable {name} ")) == (500, True)


def test_a_prefix_of_a_real_table_is_refused(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYNAMODB_TABLES", f'["orders","{SCRATCH}x"]')
    assert "a restore test must never touch" in call()[1]["error"]


def test_the_age_is_published_from_the_day_on_which_a_table_is_watched(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    code, body = call({"action": "report"})
    assert (code, body["tables"][0]["last_proven"]) == (200, None)
    assert metrics(capsys)["LastProvenRestorable"] == pytest.approx(0, abs=0.01)
    status = json.loads(stage.get(STATUS))
    stage.put(STATUS, json.dumps(status | {"watched_since": "2026-01-31T00:00:00.000Z"}))
    assert call({"action": "report"})[1]["tables"][0]["hours"] > 24
    back_up(stage)
    assert result_of(call()[1])["error"] is None
    assert call({"action": "report"})[1]["tables"][0]["hours"] < 1
    stage.put(STATUS, "{")
    code, body = call({"action": "report"})
    assert (code, "malformed" in body["tables"][0]["error"]) == (207, True)
