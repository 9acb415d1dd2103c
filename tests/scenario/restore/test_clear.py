"""clear_existing_data: afterwards the table holds exactly the backup; nothing is deleted before it was verified."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from sandbox import Sandbox, exports
from tests.scenario.restore.kit import Stage, canonicals, restore, restore_in_turns, strings, table_writes

CLEAR = {"clear_existing_data": True}


def test_extra_items_are_deleted_and_the_rest_is_as_backed_up(stage: Stage) -> None:
    stage.create_table("orders")
    stage.fill("orders", [*strings(60, start=90, v={"S": "overwritten"})])
    stage.back_up("orders", strings(100), file_count=4)

    answer = restore(CLEAR)

    assert (answer.code, answer.result["status"]) == (200, "COMPLETED")
    assert (answer.result["items_written"], answer.result["items_deleted"]) == (100, 50)
    assert stage.items("orders") == canonicals(strings(100))


def test_an_empty_backup_empties_the_table(stage: Stage) -> None:
    stage.create_table("orders")
    stage.fill("orders", strings(30))
    stage.back_up("orders", file_count=2)

    answer = restore(CLEAR)

    assert (answer.code, answer.result["items_deleted"]) == (200, 30)
    assert stage.items("orders") == []


@pytest.mark.parametrize(
    ("keys", "backup", "before", "deleted"),
    [
        ([("n", "N")], ["1.0", "100", "-0", "1E-130", "123456789012345678901234567890.12345678"], [], 0),
        ([("n", "N")], ["1.0", "1E+2", "0.0"], ["1", "100", "0", "2", "-1", "1E+125"], 3),
        ([("n", "N")], ["12345678901234567890123456789012345678"], ["12345678901234567890123456789012345679"], 1),
    ],
)
def test_number_keys_are_equal_as_numbers(
    stage: Stage, keys: list[tuple[str, str]], backup: list[str], before: list[str], deleted: int
) -> None:
    stage.create_table("orders", keys)
    stage.fill("orders", [{"n": {"N": number}} for number in before])
    stage.back_up("orders", [{"n": {"N": number}} for number in backup])

    answer = restore(CLEAR)

    assert (answer.code, answer.result["items_deleted"]) == (200, deleted)
    assert stage.items("orders") == canonicals([{"n": {"N": number}} for number in backup])


def test_binary_and_composite_keys(stage: Stage) -> None:
    stage.create_table("orders", [("B", "B"), ("N", "N")])

    def item(raw: bytes, number: str) -> dict[str, Any]:
        return {"B": {"B": b64encode(raw).decode()}, "N": {"N": number}, "S": {"S": "x"}}

    backup = [item(raw, number) for raw in (b"\x00", b"\xff\xfe", b"aGVsbG8=", b"hello") for number in ("1", "-1.50")]
    extra = [item(raw, number) for raw in (b"\x00\x00", b"hello ", b"hello") for number in ("2", "1.05")]
    stage.fill("orders", [*backup[:3], *extra])
    stage.back_up("orders", backup, file_count=2)

    answer = restore(CLEAR)

    assert (answer.code, answer.result["items_deleted"]) == (200, 6)
    assert stage.items("orders") == canonicals(backup)


def test_string_keys_that_only_look_alike_are_different(stage: Stage) -> None:
    stage.create_table("orders", [("id", "S"), ("at", "S")])
    pairs = [
        ("a", 'b","c'),
        ('a","b', "c"),
        ("é", "e"),
        ("e\u0301", "e"),
        ("1", "x"),
        ("1.0", "x"),
        ("A", "b"),
        ("a", "B"),
    ]
    items = [{"id": {"S": one}, "at": {"S": two}} for one, two in pairs]
    stage.fill("orders", items)
    stage.back_up("orders", items[::2])

    answer = restore(CLEAR)

    assert (answer.code, answer.result["items_deleted"]) == (200, 4)
    assert stage.items("orders") == canonicals(items[::2])


def test_nothing_is_deleted_before_everything_is_verified_and_written(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("orders")
    stage.fill("orders", [{"id": {"S": "extra"}}])
    export = stage.back_up("orders", strings(60), file_count=3)
    aws.requests.clear()

    assert restore(CLEAR).code == 200

    writes = table_writes(aws)
    reads = [one for key in export.data_keys for one in aws.requests.list("s3", "GetObject", f"backups/{key}")]
    assert len(reads) == 6  # verified, then written
    scanned = aws.requests.list("dynamodb", "Scan")
    assert min(one.time for one in writes) > sorted(one.time for one in reads)[2]
    assert min(one.time for one in scanned) > sorted(one.time for one in writes)[-2]


def test_several_pages_and_several_turns(stage: Stage) -> None:
    stage.create_table("orders")
    extra = [{"id": {"S": f"extra-{number}"}, "s": {"S": "x" * 100_000}} for number in range(24)]
    stage.fill("orders", extra)  # 2.4 MB: a page of a scan has 1 MB
    stage.back_up("orders", strings(130), file_count=6)

    answers = restore_in_turns(CLEAR | {"max_workers": 2}, seconds=0)

    assert {answer.code for answer in answers[:-1]} == {202}
    last = answers[-1]
    assert (last.code, last.result["items_written"], last.result["items_deleted"]) == (200, 130, 24)
    assert stage.items("orders") == canonicals(strings(130))


def test_a_broken_first_item_does_not_hide_the_keys_of_the_others(stage: Stage) -> None:
    """The items without a key are refused by DynamoDB; what the backup holds is not deleted because of them."""
    stage.create_table("orders", [("n", "N")])
    stage.fill("orders", [{"n": {"N": "1"}}, {"n": {"N": "7"}}])
    bad: list[dict[str, Any]] = [
        {"other": {"S": "no key"}},
        {"n": {"S": "text"}},
        {"n": {"N": "sNaN"}},
        {"n": {"N": "1E+1000000"}},
        {"n": {"N": "abc"}},
        {"n": {"N": ""}},
    ]
    lines = [exports.full_line(item) for item in [*bad, {"n": {"N": "1.0"}, "v": {"S": "x"}}]]
    stage.back_up("orders", files=[exports.data_file(lines)])

    answer = restore(CLEAR)

    assert (answer.code, answer.result["status"]) == (207, "PARTIAL_SUCCESS")
    assert (answer.result["items_written"], answer.result["items_failed"], answer.result["items_deleted"]) == (1, 6, 1)
    assert stage.items("orders") == canonicals([{"n": {"N": "1"}, "v": {"S": "x"}}])


def test_a_delete_that_is_refused_is_not_a_200(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("orders")
    stage.fill("orders", [{"id": {"S": "extra"}}])
    stage.back_up("orders", strings(10))
    aws.faults.deny("dynamodb", "BatchWriteItem", skip=1)

    answer = restore(CLEAR)

    assert (answer.code, answer.result["status"]) == (207, "FAILED")
    assert "AccessDenied" in answer.errors
    assert (answer.result["items_written"], answer.result["items_deleted"]) == (10, 0)


def test_a_scan_that_is_refused_is_not_a_200(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("orders")
    stage.fill("orders", [{"id": {"S": "extra"}}])
    stage.back_up("orders", strings(10))
    aws.faults.deny("dynamodb", "Scan")

    answer = restore(CLEAR)

    assert (answer.code, answer.result["status"]) == (207, "FAILED")
    assert "Scan" in answer.errors


def test_deletes_are_repeated_until_done(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("orders")
    stage.fill("orders", strings(30, start=100))
    stage.back_up("orders", strings(10))
    aws.faults.unprocessed("orders", keep=3, skip=1, times=5)
    aws.faults.reset_connection("dynamodb", "BatchWriteItem", skip=4, times=1, after=True)

    answer = restore(CLEAR)

    assert (answer.code, answer.result["items_deleted"]) == (200, 30)
    assert stage.items("orders") == canonicals(strings(10))
