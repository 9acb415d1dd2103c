"""Items that DynamoDB itself refuses: every other item is written, and these are kept in S3 in export format."""

from __future__ import annotations

import gzip
import json
import random
from typing import Any

import pytest

from sandbox import Sandbox, exports
from tests.scenario.restore.kit import Stage, canonicals, restore, strings

BAD: dict[str, dict[str, Any]] = {
    "no key": {"other": {"S": "x"}},
    "key of another type": {"id": {"N": "1"}},
    "empty key": {"id": {"S": ""}},
    "key too long": {"id": {"S": "k" * 2049}},
    "more than 400 KB": {"id": {"S": "big"}, "s": {"S": "x" * 410_000}},
    "39 digits": {"id": {"S": "digits"}, "n": {"N": "1" * 39}},
    "no number": {"id": {"S": "number"}, "n": {"N": "abc"}},
    "empty set": {"id": {"S": "set"}, "s": {"SS": []}},
    "unknown type": {"id": {"S": "type"}, "x": {"X": "y"}},
}


def mixed_in(good: list[dict[str, Any]], bad: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put the bad items at random places, so that they stand in the middle of batches."""
    chance = random.Random(7)
    items = list(good)
    for one in bad:
        items.insert(chance.randrange(1, len(items)), one)
    return items


@pytest.mark.parametrize("case", BAD)
def test_one_bad_item_costs_only_itself(stage: Stage, case: str) -> None:
    stage.create_table("orders")
    good = strings(60)
    items = [*good[:13], BAD[case], *good[13:]]
    stage.back_up("orders", items)

    answer = restore()

    result = answer.result
    assert (answer.code, result["status"]) == (207, "PARTIAL_SUCCESS")
    assert (result["items_written"], result["items_failed"], result["items_processed"]) == (60, 1, 61)
    assert (answer.body["partial_restores"], answer.body["failed_restores"]) == (1, 0)
    assert result["failed_items_export"] in result["error"]
    assert stage.items("orders") == canonicals(good)


def test_bad_items_among_throttled_ones_are_all_accounted_for(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("orders")
    good = strings(110)
    bad = [BAD["key of another type"] | {"n": {"N": str(number)}} for number in range(12)]
    stage.back_up("orders", mixed_in(good, bad), file_count=5)
    aws.faults.unprocessed("orders", keep=5, times=8)
    aws.faults.throttle("dynamodb", "BatchWriteItem", skip=3, times=8)
    aws.faults.reset_connection("dynamodb", "BatchWriteItem", skip=6, times=8, after=True)

    answer = restore()

    result = answer.result
    assert (answer.code, result["status"]) == (207, "PARTIAL_SUCCESS")
    assert (result["items_written"], result["items_failed"]) == (110, 12)
    assert stage.items("orders") == canonicals(good)


def test_failed_items_are_kept_in_export_format_and_restored_by_export(stage: Stage) -> None:
    stage.create_table("orders")
    bad = [{"id": {"N": str(number)}, "B": {"B": "aGVsbG8="}, "s": {"S": "\u2028"}} for number in range(1, 41)]
    export = stage.back_up("orders", mixed_in(strings(100), bad), file_count=3)

    place = restore().result["failed_items_export"]

    assert place.startswith("s3://backups/native-exports/restores/")
    root = place.removeprefix("s3://backups/")
    summary = json.loads(stage.get(f"{root}manifest-summary.json"))
    listed = [json.loads(line) for line in stage.get(f"{root}manifest-files.json").splitlines()]
    assert summary["itemCount"] == sum(one["itemCount"] for one in listed) == 40
    kept = [line for one in listed for line in gzip.decompress(stage.get(one["dataFileS3Key"])).splitlines()]
    original = [line for key in export.data_keys for line in gzip.decompress(export.objects[key]).splitlines()]
    assert set(kept) < set(original)
    stage.create_table("numbers", [("id", "N")])
    again = restore({"export": place, "target_tables": {"orders": "numbers"}})
    assert (again.code, again.result["items_written"]) == (200, 40)
    assert stage.items("numbers") == canonicals(bad)


def test_the_reasons_are_kept_but_neither_logged_nor_answered(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.create_table("orders")
    secret = {"id": {"S": "digits"}, "n": {"N": "7" * 39}, "s": {"S": "a-secret"}}
    stage.back_up("orders", [*strings(30), secret])

    answer = restore()

    said = capsys.readouterr().out + json.dumps(answer.body)
    assert "a-secret" not in said
    assert "7777777" not in said
    (reasons,) = [key for key in stage.keys("native-exports/restores/") if "/reasons/" in key]
    assert json.loads(gzip.decompress(stage.get(reasons)))["reason"].startswith("BatchWriteItem failed with")


def test_only_bad_items_is_a_failure(stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", [{"id": {"S": f"{number}"}, "s": {"SS": []}} for number in range(30)])

    answer = restore()

    assert (answer.code, answer.result["status"]) == (500, "FAILED")
    assert (answer.result["items_failed"], answer.result["items_written"]) == (30, 0)
    assert answer.result["failed_items_export"]


def test_failed_items_that_cannot_be_kept_are_not_passed_over(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", [*strings(30), BAD["empty key"]])
    aws.faults.deny("s3", "PutObject")

    answer = restore()

    assert (answer.code, answer.result["status"]) == (207, "FAILED")
    assert "AccessDenied" in answer.errors
    assert answer.result["items_written"] == len(stage.items("orders"))


def test_an_item_twice_in_a_backup_is_not_a_200(stage: Stage) -> None:
    """An export never holds a key twice; if one does, one of the two items would be lost."""
    stage.create_table("orders")
    lines = [exports.full_line({"id": {"S": "same"}, "n": {"N": str(number)}}) for number in range(2)]
    stage.back_up("orders", files=[exports.data_file(lines[:1]), exports.data_file(lines[1:])])

    answer = restore()

    assert (answer.code, answer.result["status"]) == (500, "FAILED")
    assert stage.items("orders") == []
