"""Events and settings that cannot be accepted are refused by name, before anything is read or written."""

from __future__ import annotations

from typing import Any

import pytest

from dynamodb_backup.handlers.restore import lambda_handler
from sandbox import Sandbox
from tests.scenario.restore.kit import DATE, Answer, Stage, canonicals, restore, strings

NOT_BOOLEAN: list[Any] = ["true", "yes", 1, 0, None, [], {}]
NOT_DATE: list[Any] = [
    "",
    "Latest",
    "2026-1-31",
    "2026-02-30",
    "2026-13-01",
    "20260131",
    "2026-W01-5",
    "2026-01-31T00:00:00",
    " 2026-01-31",
    "2026-01-31\n",
    "2026/01/31",
    "../2026-01-31",
    "\uff12\uff10\uff12\uff16-01-31",
    20260131,
    None,
    True,
    ["2026-01-31"],
]
NOT_TABLES: list[Any] = [
    "orders",
    "",
    [],
    {},
    None,
    1,
    True,
    [1],
    [None],
    ["orders", ["customers"]],
    [""],
    ["a/b"],
    ["a b"],
]
NOT_WORKERS: list[Any] = [0, -1, 65, 1000, "5", 5.0, 5.5, None, True, False, [5], "many"]
NOT_TARGETS: list[Any] = [
    "copy",
    [],
    None,
    ["orders"],
    {"orders": 1},
    {"orders": None},
    {"orders": ""},
    {"": "copy"},
    {"orders": "a/b"},
]
NOT_EXPORT: list[Any] = [
    "",
    None,
    True,
    "latest",
    "backups/AWSDynamoDB/01715685260608-c488b4e1/",
    "https://backups/AWSDynamoDB/01715685260608-c488b4e1/",
    "s3://backups/",
    "s3://backups/AWSDynamoDB/",
    "s3:///AWSDynamoDB/01715685260608-c488b4e1/",
    "s3://backups/x/01715685260608-c488b4e1/",
    "s3://backups/AWSDynamoDB/01715685260608-c488b4e1/data/",
    "s3://backups/AWSDynamoDB/01715685260608-c488b4e1/manifest-summary.json",
]
NOT_RESTORE_ID: list[Any] = ["", None, 1, "../../2026-01-31/manifest", "a/b", "x" * 65, ["a"]]

WRONG_VALUES = [
    (field, value)
    for field, values in {
        "backup_date": NOT_DATE,
        "tables": NOT_TABLES,
        "dry_run": NOT_BOOLEAN,
        "clear_existing_data": NOT_BOOLEAN,
        "max_workers": NOT_WORKERS,
        "target_tables": NOT_TARGETS,
        "restore_id": NOT_RESTORE_ID,
    }.items()
    for value in values
]


@pytest.fixture
def untouched(aws: Sandbox, stage: Stage) -> Sandbox:
    """A sandbox with a backup that could be restored, and an empty log of requests."""
    stage.create_table("orders")
    stage.back_up("orders", strings(3))
    aws.requests.clear()
    return aws


def assert_refused(answer: Answer, *words: str) -> None:
    assert answer.code == 500
    for word in words:
        assert word in answer.body["error"]
    assert answer.body["restore_results"] == []
    assert (answer.body["environment"], answer.body["s3_bucket"]) == ("test", "backups")


def test_wrong_values_are_refused_with_field_value_and_rule(untouched: Sandbox, subtests: pytest.Subtests) -> None:
    rules = {
        "backup_date": "latest",
        "tables": "table name",
        "dry_run": "true or false",
        "clear_existing_data": "true or false",
        "max_workers": "from 1 to 64",
        "target_tables": "table name",
        "restore_id": "restore_id",
    }
    for field, value in WRONG_VALUES:
        with subtests.test(field=field, value=value):
            assert_refused(restore({field: value}), f"'{field}'", rules[field])
    assert untouched.requests.list() == []


def test_wrong_places_of_an_export_are_refused(untouched: Sandbox, subtests: pytest.Subtests) -> None:
    for value in NOT_EXPORT:
        with subtests.test(value=value):
            assert_refused(restore({"export": value, "tables": ["orders"]}), "'export'", "s3://bucket/.../AWSDynamoDB/")
    assert untouched.requests.list() == []


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"tabels": ["orders"]}, ["'tabels'", "unknown", "tables"]),
        ({"Tables": ["orders"]}, ["'Tables'", "unknown"]),
        ({"source": "aws.events", "detail-type": "Scheduled Event"}, ["unknown"]),
        ({"backup_date": DATE, "": 1}, ["''", "unknown"]),
        ([], ["'event'", "object"]),
        ("latest", ["'event'", "object"]),
        (7, ["'event'", "object"]),
        ({"tables": ["orders"], "target_tables": {"customers": "copy"}}, ["'target_tables'", "customers"]),
        ({"target_tables": {"orders": "copy", "customers": "copy"}}, ["'target_tables'", "orders", "customers"]),
        (
            {"tables": ["orders", "customers"], "target_tables": {"orders": "customers"}},
            ["'target_tables'", "customers"],
        ),
        ({"export": "s3://backups/AWSDynamoDB/0-a/"}, ["'export'", "tables"]),
        ({"export": "s3://backups/AWSDynamoDB/0-a/", "tables": ["orders", "customers"]}, ["'export'", "exactly"]),
        ({"export": "s3://backups/AWSDynamoDB/0-a/", "target_tables": {"a-a": "b-b", "c-c": "d-d"}}, ["'export'"]),
        (
            {"export": "s3://backups/AWSDynamoDB/0-a/", "tables": ["orders"], "backup_date": DATE},
            ["'export'", "backup_date"],
        ),
        (
            {"export": "s3://backups/AWSDynamoDB/0-a/", "tables": ["orders"], "target_tables": {"customers": "copy"}},
            ["'export'", "exactly"],
        ),
    ],
)
def test_contradictions_are_refused(untouched: Sandbox, event: Any, words: list[str]) -> None:
    answer = restore(event)

    assert_refused(answer, *words)
    assert untouched.requests.list() == []


def test_an_event_that_is_no_object_is_refused(untouched: Sandbox) -> None:
    response = lambda_handler(None, None)
    assert_refused(Answer(response["statusCode"], response["body"]), "'event'")
    assert untouched.requests.list() == []


def test_a_long_value_is_not_echoed_whole(untouched: Sandbox) -> None:
    assert len(restore({"backup_date": "x" * 100_000}).body["error"]) < 500


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BACKUP_BUCKET", None),
        ("BACKUP_BUCKET", ""),
        ("BACKUP_BUCKET", "  "),
        ("ENVIRONMENT", None),
        ("ENVIRONMENT", ""),
        ("DYNAMODB_TABLES", None),
        ("DYNAMODB_TABLES", ""),
        ("DYNAMODB_TABLES", "orders"),
        ("DYNAMODB_TABLES", "orders,customers"),
        ("DYNAMODB_TABLES", '{"orders":"orders"}'),
        ("DYNAMODB_TABLES", '"orders"'),
        ("DYNAMODB_TABLES", "[1]"),
        ("DYNAMODB_TABLES", '["orders","orders"]'),
        ("DYNAMODB_TABLES", '["a/b"]'),
        ("DYNAMODB_TABLES", "null"),
        ("TABLE_NAME_PATTERN", "orders("),
        ("TABLE_NAME_PATTERN", "*"),
        ("RESTORE_TARGET_TABLES", "copy"),
        ("RESTORE_TARGET_TABLES", '{"copy":1}'),
        ("RESTORE_TARGET_TABLES", "[null]"),
        ("S3_EXPORTS_PREFIX", "/"),
        ("S3_EXPORTS_PREFIX", "a//b"),
    ],
)
def test_a_missing_or_malformed_variable_is_named(
    untouched: Sandbox, monkeypatch: pytest.MonkeyPatch, variable: str, value: str | None
) -> None:
    if value is None:
        monkeypatch.delenv(variable)
    else:
        monkeypatch.setenv(variable, value)

    answer = restore({})

    assert answer.code == 500
    assert variable in answer.body["error"]
    assert untouched.requests.list() == []


@pytest.mark.parametrize("prefix", [None, "", "native-exports", "/native-exports/"])
def test_the_prefix_has_a_default_and_tolerates_slashes(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, prefix: str | None
) -> None:
    monkeypatch.delenv("S3_EXPORTS_PREFIX")
    if prefix is not None:
        monkeypatch.setenv("S3_EXPORTS_PREFIX", prefix)
    stage.create_table("orders")
    stage.back_up("orders", strings(3))

    assert restore({}).code == 200
    assert stage.items("orders") == canonicals(strings(3))


def test_a_bucket_that_is_not_there_is_named(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKUP_BUCKET", "no-such-bucket")
    answer = restore({})
    assert answer.code == 500
    assert "NoSuchBucket" in answer.errors
    assert answer.body["s3_bucket"] == "no-such-bucket"


@pytest.mark.parametrize("workers", [1, 64])
def test_the_bounds_of_max_workers_are_allowed(stage: Stage, workers: int) -> None:
    stage.create_table("orders")
    stage.back_up("orders", strings(200), file_count=3)

    assert restore({"max_workers": workers}).code == 200
    assert stage.items("orders") == canonicals(strings(200))


def test_a_table_named_twice_is_restored_once(stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", strings(3))

    answer = restore({"tables": ["orders", "orders"]})

    assert (answer.code, answer.body["tables_requested"], answer.body["total_items_written"]) == (200, 1, 3)
