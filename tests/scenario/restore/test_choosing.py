"""Which backup is restored: dates, latest, manifests of other tools, copies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox import Sandbox
from tests.scenario.restore.kit import DATE, PREFIX, Stage, canonicals, restore, strings, table_writes


def marked(mark: str, count: int = 3) -> list[dict[str, Any]]:
    return strings(count, mark={"S": mark})


def test_latest_is_the_default(stage: Stage) -> None:
    stage.create_table("orders")
    for date in ("2026-01-09", "2026-01-10", "2025-12-31"):
        stage.back_up("orders", marked(date), date=date)

    answer = restore({})

    assert (answer.code, answer.body["backup_date"]) == (200, "2026-01-10")
    assert stage.items("orders") == canonicals(marked("2026-01-10"))


def test_a_date_is_that_date(stage: Stage) -> None:
    stage.create_table("orders")
    for date in ("2026-01-09", "2026-01-10", "2026-01-11"):
        stage.back_up("orders", marked(date), date=date)

    answer = restore({"backup_date": "2026-01-10"})

    assert (answer.code, answer.body["backup_date"]) == (200, "2026-01-10")
    assert stage.items("orders") == canonicals(marked("2026-01-10"))


def test_latest_is_found_for_each_table_by_itself(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYNAMODB_TABLES", '["customers","invoices","orders"]')
    for table in ("customers", "invoices", "orders"):
        stage.create_table(table)
    stage.back_up("customers", marked("old"), date="2026-01-01")
    stage.back_up("invoices", marked("old"), date="2026-01-01")
    stage.back_up("orders", marked("old"), date="2026-01-01")
    stage.back_up("orders", marked("new"), date="2026-01-03")
    stage.back_up("invoices", marked("bad"), date="2026-01-03", entry={"status": "FAILED", "error": "S3AccessDenied"})

    answer = restore({})

    assert answer.code == 200
    assert {one["table_name"] for one in answer.body["restore_results"]} == {"customers", "invoices", "orders"}
    assert stage.items("orders") == canonicals(marked("new"))
    assert stage.items("customers") == stage.items("invoices") == canonicals(marked("old"))


@pytest.mark.parametrize("status", ["FAILED", "IN_PROGRESS", "completed", "CANCELLED"])
def test_latest_skips_what_is_not_completed(stage: Stage, status: str) -> None:
    stage.create_table("orders")
    stage.back_up("orders", marked("good"), date="2026-01-01")
    stage.back_up("orders", marked("bad"), date="2026-01-02", entry={"status": status})

    assert restore({"tables": ["orders"]}).code == 200
    assert stage.items("orders") == canonicals(marked("good"))


@pytest.mark.parametrize("status", ["FAILED", "IN_PROGRESS"])
def test_a_date_whose_backup_is_not_completed_is_refused(aws: Sandbox, stage: Stage, status: str) -> None:
    stage.create_table("orders")
    stage.back_up("orders", marked("good"), date="2026-01-01")
    stage.back_up("orders", marked("bad"), date="2026-01-02", entry={"status": status, "error": "S3AccessDenied"})

    answer = restore({"backup_date": "2026-01-02"})

    assert (answer.code, answer.result["status"]) == (500, "FAILED")
    assert status in answer.errors
    assert "S3AccessDenied" in answer.errors
    assert table_writes(aws) == []


def test_a_table_that_the_backup_does_not_hold_is_never_a_200(stage: Stage) -> None:
    stage.create_table("orders")
    stage.create_table("customers")
    stage.back_up("orders", marked("x"))

    both = restore({"backup_date": DATE, "tables": ["customers", "orders"]})
    alone = restore({"backup_date": DATE, "tables": ["customers"]})
    latest = restore({"tables": ["customers"]})

    assert (both.code, both.of("orders")["status"], both.of("customers")["status"]) == (207, "COMPLETED", "FAILED")
    assert "customers" in both.of("customers")["error"]
    assert (alone.code, latest.code) == (500, 500)
    assert "customers" in alone.errors
    assert "customers" in latest.errors


def test_a_configured_table_without_any_backup_is_not_kept_secret(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DYNAMODB_TABLES", '["orders","customers"]')
    stage.create_table("orders")
    stage.back_up("orders", marked("x"))

    answer = restore({})

    assert "customers" in json.dumps(answer.body)


def test_a_date_without_backup_is_refused_by_name(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", marked("x"))

    answer = restore({"backup_date": "2026-02-01"})

    assert answer.code == 500
    assert "2026-02-01" in answer.errors
    assert DATE in answer.errors  # what there is instead
    assert table_writes(aws) == []


def test_no_backup_at_all_is_refused_by_name(stage: Stage) -> None:
    answer = restore({})
    assert answer.code == 500
    assert f"s3://backups/{PREFIX}/" in answer.errors


MANIFESTS: dict[str, str | bytes] = {
    "not JSON": "{",
    "empty": "",
    "not UTF-8": b'{"exports":["\xff"]}',
    "an array": "[]",
    "null": "null",
    "without exports": '{"backup_date":"2026-01-31"}',
    "exports an object": '{"exports":{}}',
    "an entry without a name": '{"exports":[{"status":"COMPLETED"}]}',
    "an entry without a status": '{"exports":[{"table_name":"orders"}]}',
    "an entry that is text": '{"exports":["orders"]}',
    "nested too deeply": "[" * 200_000,
}


@pytest.mark.parametrize("event", [{"backup_date": DATE}, {}, {"tables": ["orders"]}], ids=["date", "latest", "tables"])
def test_a_corrupt_newest_manifest_is_refused_by_name(
    aws: Sandbox, stage: Stage, event: dict[str, Any], subtests: pytest.Subtests
) -> None:
    stage.create_table("orders")
    stage.back_up("orders", marked("old"), date="2026-01-01")
    for name, body in MANIFESTS.items():
        with subtests.test(name):
            stage.put(f"{PREFIX}/{DATE}/manifest.json", body)
            answer = restore(event)
            assert answer.code == 500
            assert f"{PREFIX}/{DATE}/manifest.json" in answer.errors
    assert table_writes(aws) == []


def test_a_corrupt_manifest_that_is_older_than_the_backup_does_not_matter(stage: Stage) -> None:
    stage.create_table("orders")
    stage.put(f"{PREFIX}/2026-01-01/manifest.json", "{")
    stage.back_up("orders", marked("new"))

    assert restore({}).code == 200


def test_a_manifest_without_tables_is_refused(stage: Stage) -> None:
    stage.record([])
    answer = restore({"backup_date": DATE})
    assert answer.code == 500
    assert DATE in answer.errors


def test_folders_that_are_no_backups_do_not_hide_one(stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", marked("good"))
    wrong = json.loads(stage.get(f"{PREFIX}/{DATE}/manifest.json"))
    stage.back_up("orders", marked("wrong"), date="9999-99-99")
    for folder in ("9999-13-01", "2026-02-30", "latest", "9999-12-31-old", "99999-01-01", "restores", "zzz"):
        stage.put(f"{PREFIX}/{folder}/manifest.json", json.dumps(wrong | {"exports": []}))
    stage.put(f"{PREFIX}/9999-12-31/runs/1/run.json", "{}")  # a run that left no manifest
    stage.put(f"{PREFIX}/9999-12-30/orders/AWSDynamoDB/1-a/_started", "")
    stage.put(f"{PREFIX}/9998-01-01", "an object, not a folder")
    stage.put(f"{PREFIX}-2/9997-01-01/manifest.json", json.dumps(wrong))

    answer = restore({})

    assert (answer.code, answer.body["backup_date"]) == (200, DATE)
    assert stage.items("orders") == canonicals(marked("good"))


def a_thousand_failures() -> dict[str, str]:
    """Manifests of more dates than one page of a listing holds, from 2021 on, of runs that failed."""
    failed = {"table_name": "orders", "status": "FAILED", "s3_prefix": "", "export_arn": "", "item_count": 0}
    dates = [f"{2021 + number // 336}-{number // 28 % 12 + 1:02d}-{number % 28 + 1:02d}" for number in range(1010)]
    return {f"{PREFIX}/{date}/manifest.json": json.dumps({"exports": [failed]}) for date in dates}


def test_the_newest_of_more_than_a_thousand_dates_is_latest(aws: Sandbox, stage: Stage) -> None:
    """It is on the second page: S3 lists the oldest first."""
    stage.create_table("orders")
    stage.put_all(a_thousand_failures())
    stage.back_up("orders", marked("newest"))
    aws.requests.clear()

    answer = restore({"tables": ["orders"]})

    assert (answer.code, answer.body["backup_date"]) == (200, DATE)
    assert stage.items("orders") == canonicals(marked("newest"))
    assert aws.requests.count("s3", "GetObject") < 30, "older manifests are of no interest"


@pytest.mark.long
def test_latest_reaches_beyond_a_thousand_dates(stage: Stage) -> None:
    """The pages are those of the test above, and the way back that of test_latest_is_found_for_each_table_by_itself."""
    stage.create_table("orders")
    stage.back_up("orders", marked("far back"), date="2020-01-01")
    stage.put_all(a_thousand_failures())

    answer = restore({"tables": ["orders"]})

    assert (answer.code, answer.body["backup_date"]) == (200, "2020-01-01")
    assert stage.items("orders") == canonicals(marked("far back"))


def test_the_newest_of_two_good_entries_of_one_table_counts(stage: Stage) -> None:
    stage.create_table("orders")
    good = stage.export("orders", marked("good"))
    failed = stage.export("orders", marked("failed"))
    stage.upload(good)
    stage.record([stage.entry(good, "orders"), stage.entry(failed, "orders", status="FAILED")])

    assert restore({"backup_date": DATE}).code == 200
    assert stage.items("orders") == canonicals(marked("good"))


@pytest.mark.parametrize(
    ("bucket", "prefix"),
    [("backups", "copied/deep"), ("other-bucket", PREFIX), ("other-bucket", "x")],
    ids=["prefix", "bucket", "both"],
)
def test_a_copied_backup_is_read_where_it_lies(
    aws: Sandbox, stage: Stage, monkeypatch: pytest.MonkeyPatch, bucket: str, prefix: str
) -> None:
    """What lies at the old place differs, so that following a manifest there would show; it is also removed."""
    stage.create_table("orders")
    stage.back_up("orders", marked("copied"), file_count=3)
    if bucket != "backups":
        stage.s3.create_bucket(Bucket=bucket)
    for key in stage.keys(PREFIX):
        stage.s3.put_object(Bucket=bucket, Key=key.replace(PREFIX, prefix, 1), Body=stage.get(key))
        if key.endswith(".json.gz"):
            stage.put(key, b"different")
    monkeypatch.setenv("BACKUP_BUCKET", bucket)
    monkeypatch.setenv("S3_EXPORTS_PREFIX", prefix)
    aws.requests.clear()

    answer = restore({"backup_date": DATE})

    assert answer.code == 200
    assert stage.items("orders") == canonicals(marked("copied"))
    assert aws.requests.count("s3", "GetObject", f"backups/{PREFIX}/*") == 0


def test_a_copied_backup_is_not_sought_at_its_old_place(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.create_table("orders")
    stage.back_up("orders", marked("old place"))
    stage.put(f"copied/{DATE}/manifest.json", stage.get(f"{PREFIX}/{DATE}/manifest.json"))
    monkeypatch.setenv("S3_EXPORTS_PREFIX", "copied")

    answer = restore({"backup_date": DATE})

    assert (answer.code, answer.result["status"]) == (500, "FAILED")
    assert "copied/" in answer.errors
    assert stage.items("orders") == []


def test_a_copy_under_another_date_is_read_there(stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", marked("copied"), date="2026-01-01")
    for key in stage.keys(f"{PREFIX}/2026-01-01/"):
        stage.put(key.replace("2026-01-01", "2026-01-02"), stage.get(key))
        if key.endswith(".json.gz"):
            stage.put(key, b"different")

    assert restore({"backup_date": "2026-01-02"}).code == 200
    assert stage.items("orders") == canonicals(marked("copied"))


@pytest.mark.parametrize("without", ["s3_prefix", "export_arn", "both"])
def test_a_manifest_that_says_less_is_enough_where_it_is_unambiguous(stage: Stage, without: str) -> None:
    stage.create_table("orders")
    missing = {"s3_prefix": "", "export_arn": None}
    fields = missing if without == "both" else {without: missing[without]}
    stage.back_up("orders", marked("x"), entry=fields)

    assert restore({"backup_date": DATE}).code == 200
    assert stage.items("orders") == canonicals(marked("x"))


def test_of_two_exports_none_is_guessed(stage: Stage) -> None:
    stage.create_table("orders")
    stage.upload(stage.export("orders", marked("first")))
    stage.back_up("orders", marked("second"), entry={"export_arn": None})

    answer = restore({"backup_date": DATE})

    assert (answer.code, answer.result["status"]) == (500, "FAILED")
    assert "2 exports" in answer.errors
    assert stage.items("orders") == []


def test_the_export_that_the_manifest_names_is_taken(stage: Stage) -> None:
    stage.create_table("orders")
    stage.upload(stage.export("orders", marked("first")))
    stage.back_up("orders", marked("second"))
    stage.upload(stage.export("orders", marked("third")))

    assert restore({"backup_date": DATE}).code == 200
    assert stage.items("orders") == canonicals(marked("second"))


def test_an_export_that_only_export_manifest_names_is_taken_from_this_folder(stage: Stage) -> None:
    stage.create_table("orders")
    stage.upload(stage.export("orders", marked("first")))
    second = stage.export("orders", marked("second"))
    stage.upload(second)
    elsewhere = f"s3://elsewhere/other/{second.manifest_key}"
    stage.record([stage.entry(second, "orders", export_arn=None, export_manifest=elsewhere, item_count=3)])

    assert restore({"backup_date": DATE}).code == 200
    assert stage.items("orders") == canonicals(marked("second"))


def test_what_a_damaged_older_manifest_may_hide_fails_those_tables_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DYNAMODB_TABLES", '["orders","customers"]')
    for table in ("orders", "customers"):
        stage.create_table(table)
    stage.back_up("customers", marked("oldest"), date="2019-01-01")
    stage.put(f"{PREFIX}/2020-01-01/manifest.json", "{")
    stage.back_up("orders", marked("new"))

    for event in ({}, {"tables": ["orders", "customers"]}):
        answer = restore(event)
        assert (answer.code, answer.of("orders")["status"], answer.of("customers")["status"]) == (
            207,
            "COMPLETED",
            "FAILED",
        )
        assert f"{PREFIX}/2020-01-01/manifest.json" in answer.of("customers")["error"]
    assert stage.items("orders") == canonicals(marked("new"))
    assert stage.items("customers") == []


def test_latest_of_an_empty_manifest_with_nothing_behind_it_is_refused_by_name(stage: Stage) -> None:
    stage.record([])
    answer = restore({})
    assert (answer.code, answer.body["error_type"]) == (500, "BackupNotFound")
    assert f"{PREFIX}/{DATE}/manifest.json" in answer.body["error"]


def test_latest_skips_an_incremental_export_of_another_tool_with_a_warning(stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", marked("full"), date="2026-01-01")
    stage.back_up("orders", marked("increment"), entry={"export_type": "INCREMENTAL_EXPORT"})

    answer = restore({})

    assert (answer.code, answer.body["backup_date"]) == (200, "2026-01-01")
    assert any("incremental export of table orders" in one for one in answer.result["warnings"])
    assert stage.items("orders") == canonicals(marked("full"))
