"""The same function under moto's in-process AWS, which is how users test their own tools around it."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from tests.scenario.restore.kit import BUCKET, FUNCTION_VARIABLES, Stage, canonicals, restore, restore_in_turns, strings
from tests.scenario.restore.test_values import EVERY_TYPE


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    for name, value in FUNCTION_VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        stage = Stage(boto3.client("s3"), boto3.client("dynamodb"))
        stage.s3.create_bucket(Bucket=BUCKET)
        yield stage


def test_every_type_is_restored(stage: Stage) -> None:
    stage.create_table("orders")
    # moto refuses empty strings in sets, which DynamoDB takes; the sandbox's tests hold that case.
    items = [{"id": {"S": f"{number}"}, **EVERY_TYPE, "SS": {"SS": ["a", "b"]}} for number in range(30)]
    stage.back_up("orders", items, file_count=3)

    answer = restore()

    assert (answer.code, answer.result["items_written"]) == (200, 30)
    assert stage.items("orders") == canonicals(items)


def test_what_the_backup_does_not_hold_is_deleted(stage: Stage) -> None:
    stage.create_table("orders", [("id", "S"), ("at", "N")])
    items = [{"id": {"S": "a"}, "at": {"N": str(number)}} for number in range(60)]
    stage.fill("orders", [{"id": {"S": "a"}, "at": {"N": str(number)}} for number in range(50, 70)])
    stage.back_up("orders", items, file_count=2)

    answer = restore({"clear_existing_data": True})

    assert (answer.code, answer.result["items_deleted"]) == (200, 10)
    assert stage.items("orders") == canonicals(items)


def test_a_dry_run_and_a_damaged_backup_write_nothing(stage: Stage) -> None:
    stage.create_table("orders")
    export = stage.export("orders", strings(60), file_count=2)
    stage.back_up_damaged("orders", export)
    assert restore({"dry_run": True}).result["status"] == "READY"

    stage.put(export.data_keys[1], export.objects[export.data_keys[1]][:-1])

    assert restore({"dry_run": True}).result["status"] == "FAILED"
    assert restore().code == 500
    assert stage.items("orders") == []


def test_turns(stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", strings(60), file_count=3)

    answers = restore_in_turns({"clear_existing_data": True, "max_workers": 2}, seconds=0)

    assert len(answers) > 2
    assert answers[-1].code == 200
    assert stage.items("orders") == canonicals(strings(60))


def test_an_item_without_its_key_is_kept_apart(stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", [*strings(30), {"other": {"S": "x"}}])

    answer = restore()

    assert (answer.code, answer.result["status"], answer.result["items_failed"]) == (207, "PARTIAL_SUCCESS", 1)
    assert stage.items("orders") == canonicals(strings(30))
