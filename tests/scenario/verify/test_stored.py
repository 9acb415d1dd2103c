"""verify reads a stored backup whole, says truthfully whether it is, and keeps its fingerprint beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox import Sandbox, exports
from tests.scenario.restore.kit import BUCKET, DATE, Stage, all_writes, edit_manifest, edit_summary, strings
from tests.scenario.verify.kit import verify, verify_in_turns

ITEMS = strings(40, n={"N": "1.0"}, tags={"SS": ["a", "b"]}, secret={"S": "do-not-tell"})


def test_a_whole_backup_is_verified(stage: Stage) -> None:
    export = stage.back_up("orders", ITEMS, file_count=3)
    answer = verify()
    assert answer.code == 200
    result = answer.result
    assert (result["status"], result["items_expected"], result["items_verified"]) == ("VERIFIED", 40, 40)
    assert (result["files_total"], result["files_done"], result["backup_date"]) == (3, 3, DATE)
    assert result["export_manifest"] == export.manifest_key
    assert (result["target_table"], result["differences"]) == (None, None)
    assert answer.body["total_items_verified"] == 40


def test_the_fingerprint_is_kept_beside_the_export(stage: Stage) -> None:
    export = stage.back_up("orders", ITEMS, file_count=3)
    result = verify().result
    key = f"{stage.place('orders')}/fingerprint/{export.export_id}.json"
    assert result["fingerprint_key"] == key
    kept = json.loads(stage.get(key))
    assert (kept["version"], kept["item_count"], kept["fingerprint"]) == (1, 40, result["fingerprint"])
    assert len(kept["files"]) == 3
    assert sum(int(file["fingerprint"], 16) for file in kept["files"]) % 2**256 == int(kept["fingerprint"], 16)
    assert [file["item_count"] for file in kept["files"]] == [14, 13, 13]


def test_a_fingerprint_does_not_depend_on_files_order_or_spelling(stage: Stage) -> None:
    stage.back_up("orders", ITEMS, file_count=3)
    other = [{**one, "n": {"N": "1E0"}, "tags": {"SS": ["b", "a"]}} for one in reversed(ITEMS)]
    stage.back_up("users", other, file_count=2)
    answer = verify({"backup_date": DATE})
    assert answer.of("orders")["fingerprint"] == answer.of("users")["fingerprint"]
    stage.back_up("more", [*ITEMS[1:], {**ITEMS[0], "n": {"N": "2"}}])
    assert verify({"backup_date": DATE, "tables": ["more"]}).result["fingerprint"] != answer.of("orders")["fingerprint"]


def test_verifying_again_changes_nothing_in_the_bucket(aws: Sandbox, stage: Stage) -> None:
    stage.back_up("orders", ITEMS)
    key = verify().result["fingerprint_key"]
    before = stage.s3.head_object(Bucket=BUCKET, Key=key)
    assert verify().code == 200
    assert stage.s3.head_object(Bucket=BUCKET, Key=key)["LastModified"] == before["LastModified"]


def test_a_damaged_fingerprint_is_replaced_and_told(stage: Stage) -> None:
    stage.back_up("orders", ITEMS)
    first = verify().result
    stage.put(first["fingerprint_key"], "{}")
    again = verify()
    assert (again.code, again.result["fingerprint"]) == (200, first["fingerprint"])
    assert "damaged or of another version" in again.result["warnings"][0]
    assert json.loads(stage.get(first["fingerprint_key"]))["fingerprint"] == first["fingerprint"]


def test_a_fingerprint_that_cannot_be_kept_is_a_warning(aws: Sandbox, stage: Stage) -> None:
    stage.back_up("orders", ITEMS)
    aws.faults.deny("s3", "PutObject", resource=f"{BUCKET}/*fingerprint*")
    answer = verify()
    assert (answer.code, answer.result["status"], answer.result["fingerprint_key"]) == (200, "VERIFIED", None)
    assert "was not stored: PutObject failed with AccessDenied" in answer.result["warnings"][0]


def damaged_file(export: exports.Export) -> None:
    key = export.data_keys[0]
    export.objects[key] = export.objects[key][:-9] + b"x" + export.objects[key][-8:]


def missing_file(export: exports.Export) -> None:
    del export.objects[export.data_keys[1]]


def wrong_count(export: exports.Export) -> None:
    edit_summary(export, itemCount=41)


def altered_manifest(export: exports.Export) -> None:
    export.objects[export.manifest_key] += b" "


def listed_less(export: exports.Export) -> None:
    def edit(body: bytes) -> bytes:
        lines = [json.loads(line) for line in body.splitlines()]
        lines[0]["itemCount"] -= 1
        lines[1]["itemCount"] += 1
        return b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    edit_manifest(export, "manifest-files", edit)


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (damaged_file, "altered"),
        (missing_file, "is missing"),
        (wrong_count, "contradict each other"),
        (altered_manifest, "is altered: its MD5"),
        (listed_less, "items, the manifest says"),
    ],
)
def test_a_backup_that_is_not_whole_is_failed_by_name(stage: Stage, damage: Any, word: str) -> None:
    stage.back_up("users", ITEMS)
    export = stage.export("orders", ITEMS, file_count=3)
    damage(export)
    stage.back_up_damaged("orders", export)
    answer = verify({"backup_date": DATE})
    assert answer.code == 207
    assert answer.of("users")["status"] == "VERIFIED"
    failed = answer.of("orders")
    assert (failed["status"], failed["fingerprint"], failed["fingerprint_key"]) == ("FAILED", None, None)
    assert word in failed["error"]
    assert "do-not-tell" not in json.dumps(answer.body)
    assert verify({"backup_date": DATE, "tables": ["orders"]}).code == 500


def test_a_table_without_a_backup_is_failed_not_left_out(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYNAMODB_TABLES", '["orders", "new"]')
    stage.back_up("orders", ITEMS)
    answer = verify()
    assert (answer.code, answer.of("new")["status"]) == (207, "FAILED")
    assert "no date holds a COMPLETED backup of table new" in answer.of("new")["error"]


def test_an_export_is_verified_where_it_lies(aws: Sandbox, stage: Stage) -> None:
    export = stage.back_up("orders", ITEMS)
    place = f"s3://{BUCKET}/{export.request.root}"
    aws.requests.clear()
    answer = verify({"export": place})
    assert (answer.code, answer.result["table_name"], answer.result["status"]) == (200, "orders", "VERIFIED")
    assert not all_writes(aws)
    refused = verify({"export": place, "tables": ["users"]})
    assert refused.code == 500
    assert "the export is of table 'orders'" in refused.body["error"]


def test_short_turns_go_on_where_they_stopped(stage: Stage) -> None:
    stage.back_up("orders", ITEMS, file_count=6)
    whole = verify().result
    answers = verify_in_turns({"max_workers": 2}, seconds=0)
    assert len(answers) > 2
    assert [one.result["status"] for one in answers[:-1]] == ["IN_PROGRESS"] * (len(answers) - 1)
    done = [one.result["files_done"] for one in answers]
    assert done == sorted(done)
    assert answers[-1].code == 200
    assert answers[-1].result["fingerprint"] == whole["fingerprint"]
    assert answers[-1].result["items_verified"] == 40
    # The id of one that has ended gives the same answer again.
    again = verify({"verify_id": answers[0].body["verify_id"]})
    assert (again.code, again.result["fingerprint"]) == (200, whole["fingerprint"])


def test_a_broken_connection_is_read_again_and_counts_nothing_twice(aws: Sandbox, stage: Stage) -> None:
    stage.back_up("orders", ITEMS, file_count=3)
    whole = verify().result["fingerprint"]
    aws.faults.reset_connection("s3", "GetObject", resource="*.json.gz", times=2)
    aws.faults.truncate(f"{BUCKET}/*.json.gz", keep=120, times=1)
    answer = verify()
    assert (answer.code, answer.result["fingerprint"], answer.result["items_verified"]) == (200, whole, 40)


def test_a_manifest_that_changes_between_turns_fails_the_table(stage: Stage) -> None:
    export = stage.back_up("orders", ITEMS, file_count=6)
    first = verify({"max_workers": 1}, seconds=0)
    assert first.code == 202

    def reverse(body: bytes) -> bytes:
        return b"\n".join(reversed(body.splitlines())) + b"\n"

    edit_manifest(export, "manifest-files", reverse)
    stage.upload(export)
    answer = verify({"verify_id": first.body["verify_id"]})
    assert (answer.code, answer.result["status"]) == (500, "FAILED")
    assert "changed since this verification began" in answer.result["error"]


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"table": "orders"}, "table"),
        ({"against": "backup"}, "against"),
        ({"action": "restore"}, "action"),
        ({"backup_date": "yesterday"}, "backup_date"),
        ({"target_tables": {"orders": "copy"}}, "target_tables"),
        ({"tables": ["orders"], "against": "table", "target_tables": {"users": "copy"}}, "target_tables"),
        ({"export": "s3://b/AWSDynamoDB/x/", "backup_date": DATE}, "export"),
        ({"export": "s3://b/AWSDynamoDB/x/", "tables": ["orders", "users"]}, "export"),
        ({"max_workers": 0}, "max_workers"),
    ],
)
def test_bad_input_is_refused_by_name_before_anything_is_read(
    aws: Sandbox, stage: Stage, event: dict[str, Any], field: str
) -> None:
    aws.requests.clear()
    answer = verify(event)
    assert answer.code == 500
    assert f"field '{field}'" in answer.body["error"]
    assert not aws.requests.list()


def test_going_on_with_what_does_not_exist_or_is_another(stage: Stage) -> None:
    stage.back_up("orders", ITEMS, file_count=6)
    assert "there is no unfinished verification 'nothing'" in verify({"verify_id": "nothing"}).body["error"]
    first = verify({"max_workers": 1}, seconds=0)
    other = verify({"verify_id": first.body["verify_id"], "max_workers": 3})
    assert other.code == 500
    assert "differs from the request that began verification" in other.body["error"]
