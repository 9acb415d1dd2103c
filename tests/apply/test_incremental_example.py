"""Incremental backups, applied: deployed functions export a window and bring a table back to its end."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from datetime import datetime, timedelta
from typing import Any

from dynamodb_backup.archive.seal import resealed
from tests.apply.conftest import AppliedExample
from tests.apply.test_examples import examples


def invoke(example: AppliedExample, function: str, event: dict[str, Any]) -> dict[str, Any]:
    answer = example.aws.client("lambda").invoke(FunctionName=example.outputs[function], Payload=json.dumps(event))
    response: dict[str, Any] = json.loads(answer["Payload"].read())
    assert response["statusCode"] == 200, response
    return dict(response["body"])


def twenty_minutes_earlier(text: str) -> str:
    return (datetime.fromisoformat(text) - timedelta(minutes=20)).isoformat(timespec="milliseconds")[:-6] + "Z"


def age_full_export(example: AppliedExample, manifest_key: str) -> None:
    """Have the full export, as far as its manifests say, be of 20 minutes ago: a window has 15 at least."""
    s3, bucket = example.aws.client("s3"), example.outputs["bucket"]
    manifest = json.loads(s3.get_object(Bucket=bucket, Key=manifest_key)["Body"].read())
    (entry,) = manifest["exports"]
    entry["export_time"] = twenty_minutes_earlier(entry["export_time"])
    s3.put_object(Bucket=bucket, Key=manifest_key, Body=json.dumps(resealed(manifest)).encode())
    summary = json.loads(s3.get_object(Bucket=bucket, Key=entry["export_manifest"])["Body"].read())
    body = json.dumps(summary | {"exportTime": entry["export_time"]}).encode()
    digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest())
    s3.put_object(Bucket=bucket, Key=entry["export_manifest"], Body=body)
    s3.put_object(Bucket=bucket, Key=entry["export_manifest"].replace(".json", ".md5"), Body=digest)


@examples("incremental")
def test_the_schedule_of_increments_asks_for_them(example: AppliedExample) -> None:
    scheduler = example.aws.client("scheduler")
    found = {one["Name"]: one["GroupName"] for one in scheduler.list_schedules()["Schedules"]}
    assert sorted(found) == ["changes", "daily"]
    inputs = {
        name: json.loads(scheduler.get_schedule(Name=name, GroupName=group)["Target"]["Input"])
        for name, group in found.items()
    }
    assert inputs["changes"].pop("export_type") == "INCREMENTAL_EXPORT"
    assert inputs["changes"] == inputs["daily"]


@examples("complete")
def test_changes_are_exported_and_brought_back_by_the_deployed_functions(example: AppliedExample) -> None:
    dynamodb, table = example.aws.client("dynamodb"), example.outputs["tables"]["totp"]
    example.empty(table)
    example.forget_backups()
    example.aws.exports.configure(seconds=0, restorable_lag_seconds=0, pitr_age_seconds=7200)
    kept, new = {**key("kept"), "n": {"N": "2"}}, {**key("new"), "photo": {"B": b"\x00\xff"}}
    dynamodb.put_item(TableName=table, Item=key("kept"))
    event = {"export_type": "INCREMENTAL_EXPORT", "tables": [table]}
    first = invoke(example, "backup_function", event)
    assert "it has no verified full export yet" in first["warnings"][0]
    age_full_export(example, first["manifest_s3_key"])
    for item in (kept, new):
        dynamodb.put_item(TableName=table, Item=item)
    time.sleep(1.1)  # a window ends before the second that is now

    second = invoke(example, "backup_function", event)

    (window,) = second["export_results"][0]["windows"]
    (listed,) = invoke(example, "backup_function", {"action": "list", "tables": [table]})["tables"]
    (chain,) = listed["chains"]
    assert (chain["covered_until"], chain["windows"], chain["gaps"]) == (window["to"], 1, [])
    dynamodb.delete_item(TableName=table, Key=key("new"))
    to_window = {"restore_to": window["to"], "tables": [table], "write_mode": "mirror", "prove": True}
    (restored,) = invoke(example, "restore_function", to_window)["restore_results"]
    assert (restored["restored_to"], restored["proven"]) == (window["to"], True)
    assert sorted(dynamodb.scan(TableName=table)["Items"], key=str) == [kept, new]
    for name in ("kept", "new"):
        dynamodb.delete_item(TableName=table, Key=key(name))


def key(name: str) -> dict[str, Any]:
    return {"apiKey": {"S": name}, "uuid": {"S": "b"}}
