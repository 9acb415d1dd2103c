"""Listing recovery points in the sandbox: after real backups, of real manifests, by the real entry point."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dynamodb_backup.handlers.restore import lambda_handler as restore_handler
from tests.scenario.backup.conftest import Configure
from tests.scenario.backup.kit import BUCKET, PREFIX, Answer, LambdaContext, Stage, back_up, some_items, today


def list_points(**event: Any) -> Answer:
    return back_up({"action": "list", **event})


def of(answer: Answer, table: str) -> dict[str, Any]:
    (found,) = (one for one in answer.body["tables"] if one["table_name"] == table)
    return dict(found)


def test_a_backup_is_listed_with_what_it_holds(stage: Stage, configure: Configure) -> None:
    configure("orders", "customers")
    stage.create_table("orders", some_items(7))
    stage.create_table("customers")
    made = back_up()
    answer = list_points()
    assert answer.code == 200
    (point,) = of(answer, "orders")["recovery_points"]
    recorded = stage.recorded("orders")
    assert point.pop("compressed_bytes") == recorded["verification"]["compressed_bytes"]
    assert point == {
        "backup_date": today(),
        "status": "COMPLETED",
        "verified": True,
        "run_id": made.body["run_id"],
        "backup_type": "DYNAMODB_NATIVE_EXPORT",
        "backup_arn": None,
        "retention_class": None,
        "expires_at": None,
        "legal_hold": None,
        "error": None,
        **{
            name: recorded[name]
            for name in ("export_time", "item_count", "billed_size_bytes", "export_type", "export_manifest")
        },
    }
    assert point["item_count"] == 7
    assert point["export_manifest"] in stage.all_keys()
    assert of(answer, "customers")["newest_verified"]["item_count"] == 0


def test_what_the_list_shows_can_be_restored_by_its_place(stage: Stage, configure: Configure) -> None:
    configure("orders")
    stage.create_table("orders", some_items(3))
    back_up()
    place = of(list_points(), "orders")["newest_verified"]["export_manifest"].removesuffix("manifest-summary.json")
    event = {"export": f"s3://{BUCKET}/{place}", "tables": ["orders"], "dry_run": True}
    response = restore_handler(event, LambdaContext.lasting(60))
    assert response["statusCode"] == 200
    assert response["body"]["restore_results"][0]["items_expected"] == 3


def test_a_failed_backup_is_listed_and_the_good_one_stays_the_newest_verified(
    stage: Stage, configure: Configure
) -> None:
    configure("orders")
    stage.create_table("orders", some_items(3))
    good = back_up().body["run_id"]
    stage.aws.exports.configure(fail_with="S3AccessDenied")
    failed = back_up()
    assert failed.code == 500
    listed = of(list_points(), "orders")
    assert [(point["run_id"], point["status"]) for point in listed["recovery_points"]] == [
        (failed.body["run_id"], "FAILED"),
        (good, "COMPLETED"),
    ]
    assert "S3AccessDenied" in listed["recovery_points"][0]["error"]
    assert listed["newest_verified"]["run_id"] == good


def test_a_backup_that_is_going_on_is_listed_as_such(stage: Stage, configure: Configure) -> None:
    configure("orders")
    stage.create_table("orders", some_items(3))
    stage.start_only("orders")
    (point,) = of(list_points(), "orders")["recovery_points"]
    assert (point["status"], point["verified"]) == ("IN_PROGRESS", False)


def test_a_damaged_and_a_missing_manifest_are_listed_beside_the_good_ones(stage: Stage, configure: Configure) -> None:
    configure("orders")
    stage.create_table("orders", some_items(3))
    back_up()
    stage.write(f"{PREFIX}/2020-01-02/manifest.json", b'{"exports": [')
    stage.write(f"{PREFIX}/2020-01-01/runs/2020-01-01-0001/run.json", b"{}")
    answer = list_points()
    assert answer.code == 207
    assert [(one["backup_date"], one["status"]) for one in answer.body["unreadable_dates"]] == [
        ("2020-01-02", "DAMAGED"),
        ("2020-01-01", "NO_MANIFEST"),
    ]
    assert of(answer, "orders")["newest_verified"]["backup_date"] == today()


def test_a_manifest_that_is_denied_is_listed_with_the_cause(stage: Stage, configure: Configure) -> None:
    configure("orders")
    stage.write(f"{PREFIX}/2020-01-02/manifest.json", json.dumps({"exports": []}).encode())
    stage.aws.faults.deny("s3", "GetObject", resource=f"{BUCKET}/{PREFIX}/2020-01-02/*")
    answer = list_points()
    assert answer.code == 207
    (denied,) = answer.body["unreadable_dates"]
    assert denied["status"] == "UNREADABLE"
    assert "AccessDenied" in denied["error"]


def test_a_bucket_that_may_not_be_listed_is_500_with_the_cause(stage: Stage, configure: Configure) -> None:
    configure("orders")
    stage.aws.faults.deny("s3", "ListObjectsV2", resource=f"{BUCKET}*")
    answer = list_points()
    assert answer.code == 500
    assert answer.body["error_type"] == "AccessDenied"
    assert answer.body["tables"] == []


def test_passing_faults_of_s3_do_not_show(stage: Stage, configure: Configure) -> None:
    configure("orders")
    stage.create_table("orders", some_items(3))
    back_up()
    stage.aws.faults.server_error("s3", "GetObject", times=2)
    stage.aws.faults.reset_connection("s3", "ListObjectsV2", times=1)
    answer = list_points()
    assert answer.code == 200
    assert len(of(answer, "orders")["recovery_points"]) == 1


def test_listing_writes_nothing_and_asks_dynamodb_nothing(stage: Stage, configure: Configure) -> None:
    configure("orders")
    stage.create_table("orders", some_items(3))
    back_up()
    before = stage.all_keys()
    stage.aws.requests.clear()
    list_points()
    assert {(request.service, request.operation) for request in stage.aws.requests.list()} == {
        ("s3", "ListObjectsV2"),
        ("s3", "GetObject"),
    }
    assert stage.all_keys() == before


@pytest.mark.parametrize(
    ("event", "field"),
    [({"action": "lst"}, "action"), ({"action": "list", "days": 3}, "days"), ({"action": "list", "limit": 0}, "limit")],
)
def test_a_wrong_event_is_refused_before_anything_is_read(
    event: dict[str, Any], field: str, stage: Stage, configure: Configure
) -> None:
    configure("orders")
    stage.aws.requests.clear()
    answer = back_up(event)
    assert answer.code == 500
    assert f"request refused: field '{field}' " in answer.body["error"]
    assert answer.body["error_type"] == "RequestRefused"
    assert stage.aws.requests.list() == []


def test_the_pages_of_real_s3_lists_are_followed(stage: Stage, configure: Configure) -> None:
    configure("orders")
    dates = [f"2020-01-{day:02d}" for day in range(1, 32)]
    for date in dates:
        entry = {"table_name": "orders", "status": "COMPLETED", "s3_prefix": f"{PREFIX}/{date}/orders"}
        stage.write(f"{PREFIX}/{date}/manifest.json", json.dumps({"exports": [entry]}).encode())
    answers = [list_points(limit=10)]
    while answers[-1].body["next"]:
        answers.append(list_points(limit=10, next=answers[-1].body["next"]))
    assert [answer.body["total_recovery_points"] for answer in answers] == [10, 10, 10, 1]
    listed = [point["backup_date"] for answer in answers for point in of(answer, "orders")["recovery_points"]]
    assert listed == sorted(dates, reverse=True)
