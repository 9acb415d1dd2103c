"""Events and settings that are refused: 500, the culprit named, and not one AWS call made."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenario.backup.conftest import Configure
from tests.scenario.backup.kit import Stage, back_up, scheduled_event
from tests.scenario.backup.test_result import BODY_FIELDS


def assert_refused(stage: Stage, event: object, *named: str) -> None:
    stage.aws.requests.clear()
    answer = back_up(event)
    assert answer.code == 500
    assert answer.body.keys() >= BODY_FIELDS
    assert answer.body["total_tables_processed"] == 0
    assert answer.body["export_results"] == []
    for name in named:
        assert name in answer.body["error"]
    assert stage.aws.requests.list() == [], "refused before anything is read or written"


@pytest.mark.parametrize(
    ("event", "named"),
    [
        ({"tabels": ["orders"]}, ["tabels", "tables"]),
        ({"backup_date": "2026-01-31"}, ["backup_date"]),
        ({"tables": "orders"}, ["tables", '"orders"', "array"]),
        ({"tables": {"orders": True}}, ["tables", "array"]),
        ({"tables": None}, ["tables", "array"]),
        ({"tables": []}, ["tables", "array"]),
        ({"tables": [1]}, ["tables", "1"]),
        ({"tables": ["orders", None]}, ["tables", "null"]),
        ({"tables": ["a"]}, ["tables", "a"]),
        ({"tables": ["orders", "unknown-table"]}, ["tables", "unknown-table", "orders"]),
        ({"tables": ["Orders"]}, ["tables", "Orders"]),
        ({"tables": ["orders/../x"]}, ["tables", "orders/../x"]),
        ({"export_type": "full_export"}, ["export_type", "full_export", "FULL_EXPORT"]),
        ({"export_type": None}, ["export_type", "null", "FULL_EXPORT"]),
        ({"export_type": 1}, ["export_type", "1"]),
        ({"export_type": ["FULL_EXPORT"]}, ["export_type"]),
        ({**scheduled_event(), "tables": "orders"}, ["tables"]),
        ({**scheduled_event(), "tables": ["unknown-table"]}, ["tables", "unknown-table"]),
        ({"source": "aws.events", "tabels": ["orders"]}, ["source"]),
        ([], ["event", "object"]),
        ("orders", ["event", "object"]),
        (7, ["event", "object"]),
    ],
)
def test_an_event_is_refused_by_the_name_of_its_field(
    event: Any, named: list[str], stage: Stage, configure: Configure
) -> None:
    configure("orders", "customers")
    assert_refused(stage, event, *named)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BACKUP_BUCKET", None),
        ("BACKUP_BUCKET", ""),
        ("BACKUP_BUCKET", " "),
        ("BACKUP_BUCKET", "s3://backups"),
        ("BACKUP_BUCKET", "two words"),
        ("ENVIRONMENT", None),
        ("ENVIRONMENT", ""),
        ("DYNAMODB_TABLES", None),
        ("DYNAMODB_TABLES", ""),
        ("DYNAMODB_TABLES", "orders,customers"),
        ("DYNAMODB_TABLES", '"orders"'),
        ("DYNAMODB_TABLES", '{"orders": 1}'),
        ("DYNAMODB_TABLES", "[1]"),
        ("DYNAMODB_TABLES", "[]"),
        ("DYNAMODB_TABLES", '["orders", "orders"]'),
        ("DYNAMODB_TABLES", '["or ders"]'),
        ("S3_EXPORTS_PREFIX", "/"),
        ("S3_EXPORTS_PREFIX", "a//b"),
        ("TABLE_NAME_PATTERN", "("),
    ],
)
def test_a_setting_is_refused_by_its_name(name: str, value: str | None, stage: Stage, configure: Configure) -> None:
    configure("orders", **{name: value})
    assert_refused(stage, {}, name)


def test_the_default_prefix_needs_no_setting(stage: Stage, configure: Configure) -> None:
    stage.create_table("orders")
    configure("orders", S3_EXPORTS_PREFIX=None)
    answer = back_up()
    assert answer.code == 200
    assert answer.body["manifest_s3_key"].startswith("native-exports/")


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        ("mfa-api_test_[a-z]+_global", True),
        ("", True),
        ("mfa-api_production_.*", False),
        # The whole name must match, not a part of it.
        ("mfa-api_test", False),
        ("users_global", False),
    ],
)
def test_a_table_outside_the_convention_is_not_backed_up(
    pattern: str, allowed: bool, stage: Stage, configure: Configure
) -> None:
    configure("mfa-api_test_users_global", TABLE_NAME_PATTERN=pattern)
    if allowed:
        stage.create_table("mfa-api_test_users_global")
        assert back_up().code == 200
    else:
        assert_refused(stage, {}, "mfa-api_test_users_global", pattern)
