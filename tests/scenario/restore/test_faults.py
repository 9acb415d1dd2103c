"""What goes wrong between the function and AWS costs time, not items; what does not pass is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox import Sandbox, exports
from tests.scenario.restore.kit import DATE, Stage, canonicals, restore, strings, table_writes

ITEMS = strings(100, v={"S": "x"})
DATA = "backups/*.json.gz"

PASSING: dict[str, Callable[[Sandbox], Any]] = {
    "throttled": lambda aws: aws.faults.throttle("dynamodb", "BatchWriteItem", times=6),
    "throttled at random": lambda aws: aws.faults.throttle("dynamodb", "BatchWriteItem", probability=0.5),
    "throttling exception": lambda aws: aws.faults.error(
        "dynamodb", "BatchWriteItem", code="ThrottlingException", times=3
    ),
    "request limit": lambda aws: aws.faults.error("dynamodb", "BatchWriteItem", code="RequestLimitExceeded", times=3),
    "server error": lambda aws: aws.faults.server_error("dynamodb", "BatchWriteItem", times=6),
    "gateway timeout": lambda aws: aws.faults.error(
        "dynamodb", "BatchWriteItem", code="GatewayTimeout", status=504, times=2
    ),
    "unprocessed": lambda aws: aws.faults.unprocessed("orders", keep=7),
    "wholly unprocessed": lambda aws: aws.faults.unprocessed("orders", keep=0, times=6),
    "connection reset": lambda aws: aws.faults.reset_connection("dynamodb", "BatchWriteItem", times=5),
    "answer lost": lambda aws: aws.faults.reset_connection("dynamodb", "BatchWriteItem", after=True, times=5),
    "describe throttled": lambda aws: aws.faults.throttle("dynamodb", "DescribeTable", times=2),
    "describe broken": lambda aws: aws.faults.server_error("dynamodb", "DescribeTable", times=2),
    "S3 slow down": lambda aws: aws.faults.throttle("s3", "GetObject", times=3),
    "S3 error": lambda aws: aws.faults.server_error("s3", "GetObject", times=3),
    "S3 list error": lambda aws: aws.faults.server_error("s3", "ListObjectsV2", times=2),
    "S3 connection reset": lambda aws: aws.faults.reset_connection("s3", "GetObject", times=3),
    "manifest cut off": lambda aws: aws.faults.truncate("backups/*/manifest*.json", keep=20, times=2),
    "data cut off in verification": lambda aws: aws.faults.truncate(DATA, keep=100, times=3),
    "data cut off in writing": lambda aws: aws.faults.truncate(DATA, keep=100, times=3, skip=4),
    "data cut off at once": lambda aws: aws.faults.truncate(DATA, keep=0, times=2),
}


AMID_WRITING = ("throttled at random", "unprocessed", "answer lost", "data cut off in writing")
"""Clearing only begins where writing ends, so the other faults have passed by then: the long run has them."""


@pytest.mark.parametrize(
    ("fault", "clear"),
    [
        *(pytest.param(name, False, id=f"write-{name}") for name in PASSING),
        *(
            pytest.param(name, True, id=f"clear-{name}", marks=() if name in AMID_WRITING else pytest.mark.long)
            for name in PASSING
        ),
    ],
)
def test_what_passes_costs_no_item(aws: Sandbox, stage: Stage, fault: str, *, clear: bool) -> None:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, file_count=4)
    injected = PASSING[fault](aws)

    answer = restore({"clear_existing_data": clear})

    assert injected.hits > 0
    assert (answer.code, answer.result["status"]) == (200, "COMPLETED")
    assert (answer.result["items_written"], answer.result["items_failed"]) == (100, 0)
    assert stage.items("orders") == canonicals(ITEMS)


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (lambda aws: aws.faults.deny("dynamodb", "BatchWriteItem"), "AccessDenied"),
        (lambda aws: aws.faults.deny("dynamodb", "DescribeTable"), "AccessDenied"),
        (lambda aws: aws.faults.deny("s3", "GetObject", resource=DATA), "AccessDenied"),
        (
            lambda aws: aws.faults.error("dynamodb", "BatchWriteItem", code="ResourceNotFoundException"),
            "ResourceNotFoundException",
        ),
        (
            lambda aws: aws.faults.error("s3", "GetObject", resource=DATA, code="InvalidObjectState", status=403),
            "is archived",
        ),
    ],
    ids=["write denied", "describe denied", "read denied", "table gone", "object in Glacier"],
)
def test_what_does_not_pass_is_named_and_stops_that_table_alone(
    aws: Sandbox, stage: Stage, fault: Callable[[Sandbox], Any], word: str
) -> None:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, file_count=4)
    fault(aws)

    answer = restore()

    assert (answer.code, answer.result["status"]) == (500, "FAILED")
    assert word in answer.errors
    assert answer.result["items_written"] == 0
    assert stage.items("orders") == []


def test_denied_after_some_items_is_told_as_it_is(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, file_count=4)
    aws.faults.deny("dynamodb", "BatchWriteItem", skip=3)

    answer = restore({"max_workers": 1})

    assert (answer.code, answer.result["status"]) == (207, "FAILED")
    assert "AccessDenied" in answer.errors
    assert answer.result["items_written"] == len(stage.items("orders")) == 75


@pytest.mark.parametrize(
    ("event", "operation", "before", "written"),
    [
        ({"write_mode": "only_missing"}, "PutItem", 3, 3),
        ({"write_mode": "only_missing"}, "PutItem", 30, 30),
        ({"max_write_units_per_second": 5}, "BatchWriteItem", 2, 10),
    ],
    ids=["conditional, first lines", "conditional, later lines", "batch in parts"],
)
def test_items_that_were_written_before_a_denial_in_the_same_lines_are_counted(
    aws: Sandbox, stage: Stage, event: dict[str, Any], operation: str, before: int, written: int
) -> None:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, file_count=4)
    aws.faults.deny("dynamodb", operation, skip=before)

    answer = restore({**event, "max_workers": 1})

    assert (answer.code, answer.result["status"]) == (207, "FAILED")
    assert "AccessDenied" in answer.errors
    assert answer.result["items_written"] == len(stage.items("orders")) == written


def test_a_bucket_that_may_not_be_listed_is_named(aws: Sandbox, stage: Stage) -> None:
    aws.faults.deny("s3", "ListObjectsV2")
    answer = restore()
    assert answer.code == 500
    assert "AccessDenied" in answer.errors


def test_a_manifest_that_may_not_be_read_is_named(aws: Sandbox, stage: Stage) -> None:
    stage.back_up("orders", ITEMS)
    aws.faults.deny("s3", "GetObject", resource=f"backups/*/{DATE}/manifest.json")
    answer = restore({"backup_date": DATE})
    assert answer.code == 500
    assert "AccessDenied" in answer.errors


def test_throttling_that_does_not_end_is_a_202_that_says_so(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, file_count=4)
    with aws.faults.throttle("dynamodb", "BatchWriteItem"):
        answer = restore(seconds=8)

    assert (answer.code, answer.result["status"]) == (202, "IN_PROGRESS")
    assert "ProvisionedThroughputExceededException" in answer.errors
    assert restore({"restore_id": answer.body["restore_id"]}).code == 200
    assert stage.items("orders") == canonicals(ITEMS)


@pytest.mark.parametrize("offset", [20, 60, -9, -1])
def test_a_byte_altered_on_its_way_is_never_written(aws: Sandbox, stage: Stage, offset: int) -> None:
    """What S3 holds is good: the answer may be to wait for better times, but not to write what arrived."""
    stage.create_table("orders")
    export = stage.back_up("orders", ITEMS, file_count=4)
    with aws.faults.corrupt(DATA, offset=offset):
        answer = restore(seconds=2)

    assert (answer.code, answer.result["status"]) in ((202, "IN_PROGRESS"), (500, "FAILED"))
    assert any(key in answer.errors for key in export.data_keys)
    assert table_writes(aws) == []
    if answer.code == 202:
        assert restore({"restore_id": answer.body["restore_id"]}).code == 200
        assert stage.items("orders") == canonicals(ITEMS)


def test_a_byte_altered_on_its_way_to_being_written_is_not_a_200(aws: Sandbox, stage: Stage) -> None:
    """The object is the one that was verified, but what arrives differs: gzip's own checksum is the last guard."""
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, file_count=1)
    aws.faults.corrupt(DATA, offset=-30, skip=1)

    answer = restore()

    assert answer.code in (207, 500)
    assert answer.result["status"] == "FAILED"


def test_an_object_replaced_after_its_verification_is_never_written(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The replacement is a good file with the same number of items; only its ETag tells."""
    from dynamodb_backup.restore.table import TableRestorer  # noqa: PLC0415 - the seam of this one test

    stage.create_table("orders")
    stage.fill("orders", [{"id": {"S": "mine"}}])
    export = stage.back_up("orders", ITEMS, file_count=3)
    write = TableRestorer._write

    def replace_then_write(self: TableRestorer, *arguments: Any) -> bool:
        for key in export.data_keys:
            stage.put(key, exports.data_file([exports.full_line({"id": {"S": "foreign"}})]).body)
        return write(self, *arguments)

    monkeypatch.setattr(TableRestorer, "_write", replace_then_write)

    answer = restore({"clear_existing_data": True})

    assert (answer.code, answer.result["status"]) == (500, "FAILED")
    assert "replaced" in answer.errors
    assert stage.items("orders") == canonicals([{"id": {"S": "mine"}}])


def test_an_object_deleted_after_its_verification_is_failed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    from dynamodb_backup.restore.table import TableRestorer  # noqa: PLC0415 - the seam of this one test

    stage.create_table("orders")
    export = stage.back_up("orders", ITEMS, file_count=3)
    write = TableRestorer._write

    def delete_then_write(self: TableRestorer, *arguments: Any) -> bool:
        for key in export.data_keys:
            stage.s3.delete_object(Bucket="backups", Key=key)
        return write(self, *arguments)

    monkeypatch.setattr(TableRestorer, "_write", delete_then_write)

    answer = restore()

    assert (answer.code, answer.result["status"]) == (500, "FAILED")
    assert export.data_keys[0].rpartition("/")[0] in answer.errors
