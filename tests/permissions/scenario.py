"""Everything that the functions do that needs a permission, once."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from dynamodb_backup.archive import plain_store
from dynamodb_backup.backup import chain_steps
from dynamodb_backup.backup.run import BackupRun
from dynamodb_backup.offsite import transfer
from dynamodb_backup.timing import iso
from tests.permissions.stage import ACCOUNT, BUCKET, COPIES, PREFIX, Stage, document

OTHER_ACCOUNT = "111122223333"


def play(stage: Stage) -> None:
    """Run every function through what it can do. Raises AssertionError where one does not succeed."""
    stage.aws.exports.configure(
        seconds=0, restorable_lag_seconds=0, pitr_age_seconds=7200, minimum_window_seconds=0, partitions=1
    )
    stage.aws.backups.configure(seconds=0, restore_seconds=0)
    days = _back_up_on_several_days(stage)
    _hold(stage, days[0])
    _undo(stage)
    _restore(stage)
    _in_turns(stage)
    _restore_into_new_tables(stage)
    _restore_elsewhere(stage)
    _verify(stage)
    _copy_offsite(stage)
    _test_restores(stage)
    _ask_the_api(stage)
    _back_up_on_demand(stage)


def _succeeded(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["statusCode"] == 200, answer
    return dict(answer["body"])


def _back_up_on_several_days(stage: Stage) -> list[str]:
    """Back up as if time passed, so that backups are superseded, tagged and locked for longer; list them."""
    now = datetime.now(UTC)
    moments = [now - timedelta(days=days) for days in (41, 40, 1)]
    original = BackupRun.__init__
    for moment in moments:
        _lock_longer(stage)

        def then(
            self: BackupRun, settings: Any, clients: Any, deadline: Any, *, moment: datetime = moment, **others: Any
        ) -> None:
            original(self, settings, clients, deadline, lambda: moment, **others)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(BackupRun, "__init__", then)
            _succeeded(stage.call("backup", {}))
    _succeeded(stage.call("backup", {"export_type": "INCREMENTAL_EXPORT", "tables": ["TABLE"]}))
    _succeeded(stage.call("backup", {}))
    _succeeded(stage.call("backup", {"action": "list"}))
    return [f"{moment:%Y-%m-%d}" for moment in moments]


def _lock_longer(stage: Stage) -> None:
    """Lock what is there for longer than any class does, as a person may: the function sees it, and leaves it."""
    s3 = stage.aws.client("s3")
    terms: Any = {"Mode": "GOVERNANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=3000)}
    for key in [key for key in objects(stage) if key.endswith(".json.gz")][:1]:
        s3.put_object_retention(Bucket=BUCKET, Key=key, Retention=terms)


def _hold(stage: Stage, day: str) -> None:
    for status in ("on", "off"):
        _succeeded(stage.call("backup", {"action": "legal_hold", "hold": status, "backup_date": day}))


def _undo(stage: Stage) -> None:
    dynamodb = stage.aws.client("dynamodb")
    begin = _next_second()
    dynamodb.put_item(TableName="TABLE", Item={"id": {"S": "0"}, "changed": {"BOOL": True}})
    dynamodb.put_item(TableName="TABLE", Item={"id": {"S": "inserted"}})
    window = {"tables": ["TABLE"], "from": begin, "to": _next_second()}
    _succeeded(stage.call("restore", {"action": "undo", **window}))


def _next_second() -> str:
    time.sleep(1.02 - time.time() % 1)
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _restore(stage: Stage) -> None:
    for mode in ("diff", "only_missing", "mirror", "overwrite"):
        stage.aws.client("dynamodb").delete_item(TableName="TABLE", Key={"id": {"S": "0"}})
        _succeeded(stage.call("restore", {"write_mode": mode, **({} if mode == "diff" else {"prove": True})}))
    _succeeded(stage.call("restore", {"action": "verify", "against": "table"}))
    _succeeded(stage.call("restore", {"action": "history", "tables": ["TABLE"], "keys": [{"id": {"S": "0"}}]}))


def _in_turns(stage: Stage) -> None:
    """Be cut off and go on, which is what checkpoints are for."""
    for function, event, name in (
        ("restore", {"write_mode": "mirror"}, "restore_id"),
        ("restore", {"action": "verify", "against": "table"}, "verify_id"),
        ("verify", {"against": "table"}, "verify_id"),
        ("restore_test", {}, "test_id"),
    ):
        cut_off = stage.turn(function, event, seconds=0)
        assert cut_off["statusCode"] == 202, cut_off
        _succeeded(stage.call(function, {**event, name: cut_off["body"][name]}))
    _succeeded(stage.call("restore", {"dry_run": True}))


def _restore_into_new_tables(stage: Stage) -> None:
    dynamodb = stage.aws.client("dynamodb")
    arn = dynamodb.create_backup(TableName="TABLE", BackupName="by-hand")["BackupDetails"]["BackupArn"]
    hows: list[dict[str, Any]] = [{"create_missing_tables": True}, {"method": "import"}, {"on_demand_backup": arn}]
    hows.append({"on_demand_backup": "latest"})
    for how in hows:
        event = {"tables": ["TABLE"], "target_tables": {"TABLE": "TARGET"}, **how}
        _succeeded(stage.call("restore", event))
        dynamodb.update_table(TableName="TARGET", DeletionProtectionEnabled=False)
        dynamodb.delete_table(TableName="TARGET")


def _restore_elsewhere(stage: Stage) -> None:
    here = stage.aws.client("iam")
    iam, dynamodb = (
        boto3.client(
            service,
            endpoint_url=here.meta.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=OTHER_ACCOUNT,
            aws_secret_access_key="test",
        )
        for service in ("iam", "dynamodb")
    )
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="OTHER-ACCOUNT", AssumeRolePolicyDocument=document(trust))
    everything = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}
    iam.put_role_policy(RoleName="OTHER-ACCOUNT", PolicyName="tables", PolicyDocument=document(everything))
    dynamodb.create_table(
        TableName="TABLE",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    role = f"arn:aws:iam::{OTHER_ACCOUNT}:role/OTHER-ACCOUNT"
    _succeeded(stage.call("restore", {"tables": ["TABLE"], "target_role_arn": role}))


def _verify(stage: Stage) -> None:
    _succeeded(stage.call("verify", {}))
    _succeeded(stage.call("verify", {"against": "table"}))


def _copy_offsite(stage: Stage) -> None:
    """Copy a date with an increment, lose a part of it at home, fetch an altered copy in vain, then the good one."""
    s3, day = stage.aws.client("s3"), f"{datetime.now(UTC):%Y-%m-%d}"
    with pytest.MonkeyPatch.context() as patch:
        for module in (plain_store, transfer):
            patch.setattr(module, "PART_BYTES", 2000)
        patch.setattr(chain_steps, "SHORTEST_WINDOW", timedelta(seconds=1))
        time.sleep(2.1)
        _succeeded(stage.call("backup", {"export_type": "INCREMENTAL_EXPORT", "tables": ["TABLE"]}))
        _succeeded(stage.call("offsite_copy", {}))
        _succeeded(stage.call("offsite_copy", {"action": "report"}))
        manifest = f"{PREFIX}/{day}/manifest.json"
        entries = json.loads(s3.get_object(Bucket=BUCKET, Key=manifest)["Body"].read())["exports"]
        (export,) = (one["export_manifest"].rpartition("/")[0] for one in entries if one["table_name"] == "TABLE")
        # The largest of them comes in several parts, for its item that gzip makes no smaller.
        sizes = objects(stage)
        data = max((key for key in sizes if key.startswith(f"{export}/data/")), key=sizes.__getitem__)
        assert sizes[data] > 2000
        chain = next(key for key in objects(stage) if f"{PREFIX}/chains/TABLE/" in key)
        for key in (manifest, data, chain):
            s3.delete_object(Bucket=BUCKET, Key=key)
        good = s3.get_object(Bucket=COPIES, Key=data)["Body"].read()
        s3.put_object(Bucket=COPIES, Key=data, Body=good[:-1] + b"!")
        fetch = {"action": "fetch", "backup_date": day}
        assert stage.call("offsite_copy", fetch)["statusCode"] == 207
        s3.put_object(Bucket=COPIES, Key=data, Body=good)
        _succeeded(stage.call("offsite_copy", fetch))
    assert {*objects(stage)} >= {manifest, data, chain}


def _test_restores(stage: Stage) -> None:
    _succeeded(stage.call("restore_test", {}))
    _succeeded(stage.call("restore_test", {"action": "report"}))
    # Items that DynamoDB refuses are kept beside the restore's records.
    with stage.aws.faults.error("dynamodb", "BatchWriteItem", code="ValidationException", resource="app-env-*"):
        assert stage.call("restore_test", {})["statusCode"] in {207, 500}


def _ask_the_api(stage: Stage) -> None:
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    for path in ("backups", "restores", "verifications"):
        started = _request(stage, f"POST /{path}", "{}")
        assert started["statusCode"] == 202, started
        place = started["headers"]["location"].strip("/").split("/")
        if path == "restores":
            _carry(stage, place[-1])
        followed = _request(stage, f"GET /{'/'.join(place[:-1])}/{{id}}", id=place[-1])
        assert followed["statusCode"] == 200, followed
    chain = {"Bucket": BUCKET, "Key": f"{PREFIX}/chains/TABLE/{day}-0001.json"}
    stage.aws.client("s3").put_object(**chain, Body=b"{}")  # one that cannot be read is read, too
    for answer in (_request(stage, "GET /backups"), _request(stage, "GET /backups/{date}", date=day)):
        assert answer["statusCode"] in {200, 207}, answer
    stage.aws.client("s3").delete_object(**chain)


def _carry(stage: Stage, execution: str) -> None:
    """Take the steps of the restore state machine for one of its executions."""
    machine = f"arn:aws:states:us-east-1:{ACCOUNT}:execution:app-env-dynamodb-restore:{execution}"
    began = stage.aws.client("stepfunctions").describe_execution(executionArn=machine)["startDate"]
    named = {"name": execution, "started_at": iso(began)}
    planned = _succeeded(stage.turn("restore", {"action": "plan", "event": {}, "execution": named}))
    for part in planned["parts"]:
        while (answer := stage.turn("restore", {"action": "advance", **part}))["statusCode"] == 202:
            jobs = answer["body"]["jobs"]
            if jobs["count"]:
                listed = stage.aws.client("s3").get_object(Bucket=BUCKET, Key=jobs["key"])["Body"].read()
                for job in listed.splitlines():
                    _succeeded(stage.call("restore", {"action": "work", **json.loads(job)}))
    _succeeded(stage.turn("restore", {"action": "finish", "restore_id": planned["restore_id"], "ended": []}))


def _request(stage: Stage, route: str, body: str = "", **path: str) -> dict[str, Any]:
    """Send a request as API Gateway hands it over."""
    event = {
        "version": "2.0",
        "routeKey": route,
        "headers": {"content-type": "application/json"},
        "pathParameters": path,
        "body": body,
        "requestContext": {
            "requestId": "r",
            "authorizer": {"iam": {"userArn": f"arn:aws:iam::{ACCOUNT}:user/operator", "accountId": ACCOUNT}},
        },
    }
    return stage.turn("api", event)


def _back_up_on_demand(stage: Stage) -> None:
    """Make backups, look at them until they are AVAILABLE, delete old ones, tell of a lost one."""
    dynamodb, sqs = stage.aws.client("dynamodb"), stage.aws.client("sqs")
    stage.aws.backups.configure(age_seconds=40 * 86400)
    for table in ("SCANNED", "TABLE"):
        dynamodb.create_backup(TableName=table, BackupName="app-env-20260101T050000Z")
    stage.aws.backups.configure(age_seconds=0, seconds=2)
    made = _succeeded(stage.call("create", {}))
    watched: list[str] = []
    for _ in range(30):
        messages = sqs.receive_message(QueueUrl=stage.queue_url, MaxNumberOfMessages=10).get("Messages", [])
        if not messages:
            break
        records = [{"messageId": one["MessageId"], "body": one["Body"]} for one in messages]
        watched += [one["Body"] for one in messages]
        assert stage.call("monitor", {"Records": records}) == {"batchItemFailures": []}
        for message in messages:
            sqs.delete_message(QueueUrl=stage.queue_url, ReceiptHandle=message["ReceiptHandle"])
        time.sleep(0.5)
    lost = {**json.loads(watched[-1]), "checks": 0}
    dynamodb.delete_backup(BackupArn=lost["backup_arn"])
    assert made["backup_results"]
    stage.call("monitor", {"Records": [{"messageId": "m", "body": json.dumps(lost)}]})
    assert stage.call("create", {"no_such_field": 1})["statusCode"] == 500


def objects(stage: Stage) -> dict[str, int]:
    """Return the keys below the prefix, each with its size."""
    listed = stage.aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/")
    return {one["Key"]: one["Size"] for one in listed.get("Contents", [])}
