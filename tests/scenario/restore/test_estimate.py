"""A dry run says what the restore would cost and set off."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from sandbox import Sandbox
from tests.scenario.restore.kit import Stage, restore, restore_in_turns, strings, table_writes

ITEMS = strings(100, text={"S": "x" * 3000})  # lines of between 3 and 4 KB: 3 write units in a table, 3 by the line


def estimate(event: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = restore({"dry_run": True, **(event or {})})
    assert (answer.code, answer.result["status"]) == (200, "READY")
    return dict(answer.result["estimate"])


def test_items_bytes_units_minutes_and_dollars(stage: Stage, aws: Sandbox) -> None:
    stage.create_table("orders")
    export = stage.back_up("orders", ITEMS, file_count=3)
    lines = sum(len(json.dumps({"Item": item}, separators=(",", ":"))) for item in ITEMS)
    assert len(export.data_keys) == 3

    found = estimate({"max_write_units_per_second": 2})

    assert found["items"] == 100
    assert found["json_bytes"] == pytest.approx(lines, rel=0.01)
    assert (found["write_units"], found["write_units_of_indexes"]) == (300, 0)
    assert (found["write_units_per_second"], found["minutes"]) == (2.0, 2.5)
    assert found["us_dollars"] == 0.0
    assert table_writes(aws) == []


def test_in_turns_each_line_is_measured_once(stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, file_count=8)
    answers = restore_in_turns({"dry_run": True, "max_workers": 1}, seconds=0.02)
    assert len(answers) > 1
    assert answers[-1].result["estimate"]["write_units"] == 300


def test_provisioned_capacity_tells_the_pace_and_no_price(stage: Stage) -> None:
    stage.dynamodb.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 10},
    )
    stage.back_up("orders", ITEMS)
    found = estimate()
    assert (found["write_units_per_second"], found["us_dollars"]) == (8.0, None)


def test_side_effects_on_the_target_are_named(stage: Stage) -> None:
    stage.dynamodb.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "day", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-day",
                "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    stage.dynamodb.update_time_to_live(
        TableName="orders", TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
    )
    now = int(time.time())
    moments = [now - 60, now - 1, now + 3600, now - 6 * 365 * 24 * 3600]
    items = [*strings(3), *({"id": {"S": str(moment)}, "expires": {"N": str(moment)}} for moment in moments)]
    stage.back_up("orders", items)

    result = restore({"dry_run": True}).result

    effects = " | ".join(result["side_effects"])
    assert "a stream (NEW_IMAGE) is on" in effects
    assert "by-day" in effects
    assert "TTL (expires) will delete 2 items" in effects
    assert result["estimate"]["write_units_of_indexes"] == 7


def test_an_import_costs_by_the_gigabyte_and_a_missing_table_is_a_new_one(stage: Stage) -> None:
    definition = {
        "Table": {
            "TableName": "orders",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
        }
    }
    key = "native-exports/2026-01-31/runs/run-1/definitions/orders.json"
    stage.put(key, json.dumps(definition))
    stage.back_up("orders", ITEMS, entry={"table_definition": key})
    imported = estimate({"method": "import"})
    assert (imported["write_units"], imported["minutes"], imported["us_dollars"]) == (0, None, 0.0)
    created = estimate({"create_missing_tables": True})
    assert (created["write_units"], created["write_units_per_second"]) == (300, 4000.0)


def test_a_dry_run_goes_on_where_ttl_cannot_be_read(stage: Stage, aws: Sandbox) -> None:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS)
    aws.faults.deny("dynamodb", "DescribeTimeToLive")
    answer = restore({"dry_run": True})
    assert (answer.code, answer.result["status"]) == (200, "READY")
    assert "is not known" in " | ".join(answer.result["side_effects"])


def test_a_restore_that_writes_shows_no_estimate(stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS[:3])
    assert {"estimate", "side_effects"}.isdisjoint(restore().result)
