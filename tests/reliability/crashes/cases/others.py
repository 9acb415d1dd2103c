"""Undo, verifications, restore tests, the off-site copy and the way back, and legal holds."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from dynamodb_backup.handlers import backup, offsite_copy, restore, restore_test, verify
from sandbox.environment import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from tests.reliability.crashes.account import ENDPOINT, Account
from tests.reliability.crashes.case import Answer, UseCase, done, insisting
from tests.reliability.crashes.cases.backups import AUDIT_GROUP, audit_lines, make_tables, scheduled
from tests.reliability.crashes.cases.restores import ITEMS, PAUSE, SHORT, back_up_orders
from tests.reliability.crashes.clock import CLOCK
from tests.reliability.crashes.place import be_function, stage_of
from tests.scenario.restore.kit import BUCKET, DATE, PREFIX, canonicals, strings, table_arn

__all__ = ["CASES"]

BEFORE = strings(12, text={"S": "before"})
COPIES, NEW_BUCKET = "copies", "made-anew"
SCRATCH = "test-restore-test-"
LOCK = {"mode": "GOVERNANCE", "default_days": 7, "days": {"daily": 35, "weekly": 90, "monthly": 180}}


# Undo


def _changed_table(account: Account) -> None:
    make_tables(account, {"orders": 0})
    stage = stage_of(account)
    stage.fill("orders", BEFORE)
    CLOCK.advance(60)
    window = {"from": _whole_minute()}
    CLOCK.advance(120)
    stage.fill("orders", [{**item, "text": {"S": "damaged"}} for item in BEFORE[:4]])
    stage.dynamodb.delete_item(TableName="orders", Key={"id": BEFORE[5]["id"]})
    stage.fill("orders", strings(3, start=500))
    CLOCK.advance(1200)
    window["to"] = _whole_minute()
    CLOCK.advance(600)
    stage.put("window.json", json.dumps(window))


def _whole_minute() -> str:
    return f"{CLOCK.utc():%Y-%m-%dT%H:%M}:00Z"


def _undo(seconds: float, account: Account) -> Answer:
    window = json.loads(stage_of(account).get("window.json"))
    event = {"action": "undo", "tables": ["orders"], **window}
    return insisting(account, restore.lambda_handler, event, id_field="undo_id", seconds=seconds, pause=PAUSE)


def _check_undo(account: Account, answer: Answer) -> None:
    (result,) = done(answer)["undo_results"]
    assert (result["status"], result["error"], result["changes_selected"]) == ("COMPLETED", None, 8), result
    assert result["items_reverted"] + result["items_already_reverted"] == 8, result
    assert stage_of(account).items("orders") == canonicals(BEFORE)
    exports = account.client("dynamodb").list_exports(TableArn=table_arn("orders"))["ExportSummaries"]
    assert len(exports) == 1, "billed twice"


# Verifications


def _verifiable(account: Account) -> None:
    be_function()
    stage = back_up_orders(account)
    stage.create_table("orders")
    stage.fill("orders", ITEMS)


def _verify(event: Mapping[str, Any], seconds: float, account: Account) -> Answer:
    return insisting(account, verify.lambda_handler, dict(event), id_field="verify_id", seconds=seconds, pause=PAUSE)


def _check_verified(status: str, account: Account, answer: Answer) -> None:
    (result,) = done(answer)["verify_results"]
    assert (result["status"], result["error"]) == (status, None), result
    assert result["items_verified"] == result["items_expected"] == len(ITEMS), result
    kept = json.loads(stage_of(account).get(result["fingerprint_key"]))
    assert (kept["item_count"], kept["fingerprint"]) == (len(ITEMS), result["fingerprint"])
    again = _verify({}, 300.0, account)["body"]["verify_results"][0]
    assert again["fingerprint"] == result["fingerprint"]


# Restore test


def _testable(account: Account) -> None:
    be_function(RESTORE_TEST_PREFIX=SCRATCH, RESTORE_TEST_TABLES='["orders"]')
    back_up_orders(account)


def _test(test_id: str, seconds: float, account: Account) -> Answer:
    """Test as the state machine does, whose execution's name is the test's id."""
    return insisting(account, restore_test.lambda_handler, {"test_id": test_id}, seconds=seconds)


def _check_test(account: Account, answer: Answer) -> None:
    (result,) = done(answer)["test_results"]
    assert (result["status"], result["proven"], result["scratch_table"]) == ("PROVEN", True, None), result
    assert result["items_restored"] == result["items_expected"] == len(ITEMS), result
    stage = stage_of(account)
    assert stage.dynamodb.list_tables()["TableNames"] == [], "a scratch table was left behind"
    status = json.loads(stage.get(f"{PREFIX}/restore-tests/status/orders.json"))
    assert status["last_proven"]["test_id"] == "weekly-1"
    assert done(_test("weekly-2", 300.0, account))["test_results"][0]["status"] == "PROVEN"


# Off-site copy


def _offsite_variables(account: Account, home: str, *, allow_fetch: bool) -> None:
    secret = account.client("secretsmanager").list_secrets()["SecretList"][0]["ARN"]
    terms = {
        "endpoint_url": ENDPOINT,
        "region": "eu-central-003",
        "bucket": COPIES,
        "prefix": "shop/of-backups",
        "secret_arn": secret,
        "days": 7,
        "allow_fetch": allow_fetch,
    }
    be_function(OFFSITE_COPY=json.dumps(terms), BACKUP_BUCKET=home)


def _copyable(account: Account) -> None:
    make_tables(account, {"orders": 0})
    stage = stage_of(account)
    stage.fill("orders", ITEMS)
    CLOCK.advance(10)
    done(insisting(account, backup.lambda_handler, scheduled(DATE), id_field="run_id", only_id=True))
    stage.s3.create_bucket(Bucket=COPIES)
    key = {"access_key_id": ACCESS_KEY_ID, "secret_access_key": SECRET_ACCESS_KEY}
    account.client("secretsmanager").create_secret(Name="store-key", SecretString=json.dumps(key))
    _offsite_variables(account, BUCKET, allow_fetch=False)


def _copy(event: Mapping[str, Any], seconds: float, account: Account) -> Answer:
    return insisting(account, offsite_copy.lambda_handler, dict(event), seconds=seconds, pause=30.0)


def _check_copied(account: Account, answer: Answer) -> None:
    done(answer)
    stage = stage_of(account)
    copied = _objects(account, COPIES, "shop/of-backups/")
    at_home = _objects(account, BUCKET, f"{PREFIX}/")
    wanted = {key: body for key, body in at_home.items() if "/data/" in key or re.search(r"/manifest.*\.json$", key)}
    assert wanted, "nothing is at home"
    assert {key: copied.get(key) for key in wanted} == wanted
    lease = next(key for key in stage.keys(f"{PREFIX}/offsite/") if key.endswith("lease.json"))
    assert json.loads(stage.get(lease))["until"] <= f"{CLOCK.utc():%Y-%m-%dT%H:%M:%S.999Z}", "a lease was left"
    again = done(_copy({}, 300.0, account))
    assert (again["bytes_copied"], again["already_copied"]) == (0, 1), again


def _objects(account: Account, bucket: str, prefix: str) -> dict[str, bytes]:
    s3 = account.client("s3")
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    keys = [one["Key"] for one in listed]
    return {key.removeprefix(prefix): s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def _fetchable(account: Account) -> None:
    _copyable(account)
    done(_copy({}, 300.0, account))
    account.client("s3").create_bucket(Bucket=NEW_BUCKET)
    account.client("dynamodb").delete_table(TableName="orders")
    _offsite_variables(account, NEW_BUCKET, allow_fetch=True)


def _check_fetched(account: Account, answer: Answer) -> None:
    done(answer)
    account.spared = True
    restored = insisting(account, restore.lambda_handler, {"create_missing_tables": True, "prove": True})
    (result,) = done(restored)["restore_results"]
    assert (result["proven"], result["items_written"]) == (True, len(ITEMS)), result
    assert stage_of(account).items("orders") == canonicals(ITEMS)


# Legal hold


def _lockable(account: Account) -> None:
    be_function(OBJECT_LOCK=json.dumps(LOCK))
    stage = back_up_orders(account)
    stage.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    rule: Any = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 7}}
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    stage.s3.put_object_lock_configuration(Bucket=BUCKET, ObjectLockConfiguration=configuration)
    for key in stage.keys(f"{PREFIX}/{DATE}/"):  # again, now that each object has versions
        stage.put(key, stage.get(key))
        stage.s3.put_object_tagging(Bucket=BUCKET, Key=key, Tagging=_tagging("backup-retention", "daily"))


def _tagging(name: str, value: str) -> Any:
    return {"TagSet": [{"Key": name, "Value": value}]}


def _held(account: Account) -> None:
    _lockable(account)
    done(_hold("on", account))


def _hold(status: str, account: Account) -> Answer:
    event = {"action": "legal_hold", "hold": status, "backup_date": DATE}
    return insisting(account, backup.lambda_handler, event)


def _check_hold(status: str, account: Account, answer: Answer) -> None:
    done(answer)
    stage = stage_of(account)
    for key in stage.keys(f"{PREFIX}/{DATE}/orders/"):
        found = stage.s3.head_object(Bucket=BUCKET, Key=key).get("ObjectLockLegalHoldStatus", "OFF")
        assert found == status, (key, found)
        tags = stage.s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"]
        assert [one["Value"] for one in tags] == ["daily"], (key, tags)
        assert (tags[0]["Key"] == "backup-retention") == (status == "OFF"), (key, tags)


# Audit records of a restore


def _audited_restore(account: Account) -> None:
    be_function(AUDIT_LOG_GROUP=AUDIT_GROUP)
    account.client("logs").create_log_group(logGroupName=AUDIT_GROUP)
    back_up_orders(account).create_table("orders")


def _check_audited_restore(account: Account, answer: Answer) -> None:
    body = done(answer)
    assert "warnings" not in body, body
    lines = audit_lines(account)
    of_this = [one["phase"] for one in lines if one["id"] == body["restore_id"]]
    assert of_this == ["began", "ended"] or account.died, lines
    assert {"began", "ended"} == set(of_this), lines
    day = body["restore_id"][:8]
    key = f"{PREFIX}/audit/{day[:4]}-{day[4:6]}-{day[6:8]}/{body['restore_id']}.json"
    assert {"began", "ended"} <= set(json.loads(stage_of(account).get(key)))


def _restore_audited(account: Account) -> Answer:
    return insisting(account, restore.lambda_handler, {}, id_field="restore_id")


CASES = [
    UseCase("undo, a window", _changed_table, partial(_undo, 300.0), _check_undo),
    UseCase("undo, a window (in short turns)", _changed_table, partial(_undo, SHORT), _check_undo),
    UseCase("verify, stored", _verifiable, partial(_verify, {}, 300.0), partial(_check_verified, "VERIFIED")),
    UseCase(
        "verify, against the table (in short turns)",
        _verifiable,
        partial(_verify, {"against": "table"}, SHORT),
        partial(_check_verified, "IDENTICAL"),
    ),
    UseCase("restore test, one table", _testable, partial(_test, "weekly-1", 300.0), _check_test),
    UseCase("restore test, one table (in short turns)", _testable, partial(_test, "weekly-1", SHORT), _check_test),
    UseCase("off-site, copy", _copyable, partial(_copy, {}, 300.0), _check_copied),
    UseCase(
        "off-site, fetch", _fetchable, partial(_copy, {"action": "fetch", "backup_date": DATE}, 300.0), _check_fetched
    ),
    UseCase("legal hold, on", _lockable, partial(_hold, "on"), partial(_check_hold, "ON")),
    UseCase("legal hold, off", _held, partial(_hold, "off"), partial(_check_hold, "OFF")),
    UseCase("audit, a restore", _audited_restore, _restore_audited, _check_audited_restore),
]
