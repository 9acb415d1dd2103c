"""Backups: full, incremental and by scan, the tags of what they supersede, and what is recorded of who began them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from dynamodb_backup.handlers.backup import lambda_handler
from tests.reliability.crashes.account import Account, Killed
from tests.reliability.crashes.case import Answer, UseCase, done, insisting
from tests.reliability.crashes.clock import CLOCK
from tests.reliability.crashes.place import be_function, stage_of
from tests.scenario.restore.kit import BUCKET, PREFIX, strings, table_arn

__all__ = ["AUDIT_GROUP", "CASES", "audit_lines", "make_tables"]

COUNTS = {"orders": 7, "customers": 0}
AUDIT_GROUP = "shop-test-dynamodb-audit"
RETENTION = json.dumps({"daily": 35, "weekly": 90, "monthly": 365, "incremental": 28, "failed": 7})
FIRST_DAY, SECOND_DAY = "2026-01-31", "2026-02-01"
DAY_SECONDS = 86_400.0


def scheduled(day: str) -> dict[str, str]:
    """Return the input of an execution that the schedule starts."""
    return {
        "id": f"nightly-{day}",
        "time": f"{day}T12:00:00Z",
        "source": "aws.scheduler",
        "detail-type": "Scheduled Event",
    }


def make_tables(account: Account, counts: Mapping[str, int] = COUNTS, **variables: str) -> None:
    """Make a bucket, and tables with point-in-time recovery whose exports take some seconds."""
    be_function(counts, **variables)
    stage = stage_of(account)
    stage.s3.create_bucket(Bucket=BUCKET)
    for table, count in counts.items():
        stage.create_table(table)
        stage.dynamodb.update_continuous_backups(
            TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
        stage.fill(table, strings(count))
    account.emulator.exports.settings = account.emulator.exports.settings.changed({"seconds": 3.0, "partitions": 2})
    CLOCK.advance(600)


def audit_lines(account: Account) -> list[dict[str, Any]]:
    """Return the lines of the audit log in their order."""
    events = account.client("logs").filter_log_events(logGroupName=AUDIT_GROUP)["events"]
    return [json.loads(event["message"]) for event in events]


def _exports(account: Account, table: str) -> int:
    return len(account.client("dynamodb").list_exports(TableArn=table_arn(table))["ExportSummaries"])


def _manifest(account: Account, day: str) -> dict[str, Any]:
    return dict(json.loads(stage_of(account).get(f"{PREFIX}/{day}/manifest.json")))


def _back_up(event: Mapping[str, Any], account: Account) -> Answer:
    """Back up as the state machine does, which goes on by the run's id alone."""
    return insisting(account, lambda_handler, dict(event), id_field="run_id", only_id=True, pause=60.0)


def _check_day(account: Account, day: str, counts: Mapping[str, int] = COUNTS) -> None:
    manifest = _manifest(account, day)
    entries = {one["table_name"]: one for one in manifest["exports"]}
    assert {table: one["status"] for table, one in entries.items()} == dict.fromkeys(counts, "COMPLETED"), manifest
    assert {table: one["item_count"] for table, one in entries.items()} == dict(counts), manifest
    assert manifest.get("failed_attempts", []) == [], manifest
    assert manifest["total_items_exported"] == sum(counts.values())


def _check_full(account: Account, answer: Answer) -> None:
    body = done(answer)
    assert {one["table_name"]: one["item_count"] for one in body["export_results"]} == COUNTS
    _check_day(account, FIRST_DAY)
    assert {table: _exports(account, table) for table in COUNTS} == dict.fromkeys(COUNTS, 1), "billed twice"


def _next_schedule(account: Account) -> Answer:
    """Back up by the function alone: nobody does it again but the next day's schedule."""
    with suppress(Killed):
        account.invoke(lambda_handler, scheduled(FIRST_DAY))
    account.spared = True
    CLOCK.advance(DAY_SECONDS)
    return insisting(account, lambda_handler, scheduled(SECOND_DAY))


def _check_two_days(account: Account, answer: Answer) -> None:
    done(answer)
    _check_day(account, SECOND_DAY)
    for table in COUNTS:
        paid = _exports(account, table)
        assert paid <= 2, "billed twice"
        # A start that no record tells of is found by its token for eight hours, and after that no more.
        unknown = account.died is not None and _last(account, "ExportTable") > _last(account, "run.json")
        assert unknown or paid == 1 + _is_recorded(account, FIRST_DAY, table), "paid for, and not recorded"


def _last(account: Account, what: str) -> int:
    """Return the number of the last call of a kind that may have been carried out before the kill."""
    last = account.kill.call if account.kill else 0
    changes = ("dynamodb.Export", "s3.PutObject")
    numbered = enumerate(account.calls[:last], start=1)
    return max((number for number, call in numbered if call.startswith(changes) and what in call), default=0)


def _is_recorded(account: Account, day: str, table: str) -> bool:
    if f"{PREFIX}/{day}/manifest.json" not in stage_of(account).keys(f"{PREFIX}/{day}/"):
        return False
    return any(
        one["table_name"] == table and one["status"] == "COMPLETED" for one in _manifest(account, day)["exports"]
    )


def _with_a_full_backup(account: Account) -> None:
    make_tables(account)
    done(_back_up(scheduled(FIRST_DAY), account))
    stage_of(account).fill("orders", strings(2, start=100))
    CLOCK.advance(1800)


def _check_increment(account: Account, answer: Answer) -> None:
    done(answer)
    for table, changes in (("orders", 2), ("customers", 0)):
        (key,) = stage_of(account).keys(f"{PREFIX}/chains/{table}/")
        chain = json.loads(stage_of(account).get(key))
        (window,) = chain["windows"]
        assert (window["from"], window["status"], window["item_count"]) == (
            chain["base"]["export_time"],
            "COMPLETED",
            changes,
        ), chain
        assert _exports(account, table) == 2, "billed twice, or a window was left out"


def _to_be_scanned(account: Account) -> None:
    methods = json.dumps({"orders": {"method": "scan", "segments": 2}})
    make_tables(account, {"orders": 40}, BACKUP_METHODS=methods)


def _check_scan(account: Account, answer: Answer) -> None:
    done(answer)
    _check_day(account, FIRST_DAY, {"orders": 40})
    stage = stage_of(account)
    (entry,) = _manifest(account, FIRST_DAY)["exports"]
    root = entry["export_manifest"].removesuffix("manifest-summary.json")
    files = [json.loads(line) for line in stage.get(f"{root}manifest-files.json").splitlines()]
    lines = [line for file in files for line in gzip.decompress(stage.get(file["dataFileS3Key"])).splitlines()]
    assert sorted(json.loads(line)["Item"]["id"]["S"] for line in lines) == [one["id"]["S"] for one in strings(40)]
    assert _exports(account, "orders") == 0


def _to_be_superseded(account: Account) -> None:
    make_tables(account, RETENTION_CLASSES=RETENTION)
    done(_back_up(scheduled(FIRST_DAY), account))
    CLOCK.advance(DAY_SECONDS)


def _supersede(account: Account) -> Answer:
    """Back up on the second day; what a run that has ended did not tag any more, the third day's does."""
    done(_back_up(scheduled(SECOND_DAY), account))
    account.spared = True
    CLOCK.advance(DAY_SECONDS)
    return _back_up(scheduled("2026-02-02"), account)


def _check_tags(account: Account, answer: Answer) -> None:
    assert "warnings" not in done(answer), answer
    stage = stage_of(account)
    for day, expected in ((FIRST_DAY, "monthly"), (SECOND_DAY, "weekly"), ("2026-02-02", None)):
        exported = [key for key in stage.keys(f"{PREFIX}/{day}/") if "/AWSDynamoDB/" in key]
        assert exported
        found = {_tag(stage, key) for key in exported}
        assert found == {expected}, (day, found)
    assert {table: _exports(account, table) for table in COUNTS} == dict.fromkeys(COUNTS, 3), "billed twice"


def _tag(stage: Any, key: str) -> str | None:
    tags = stage.s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"]
    return next((one["Value"] for one in tags if one["Key"] == "backup-retention"), None)


def _audited(account: Account) -> None:
    make_tables(account, AUDIT_LOG_GROUP=AUDIT_GROUP)
    account.client("logs").create_log_group(logGroupName=AUDIT_GROUP)


def _check_audit(account: Account, answer: Answer) -> None:
    _check_full(account, answer)
    lines = audit_lines(account)
    run_id = answer["body"]["run_id"]
    assert {(one["act"], one["id"]) for one in lines} == {("backup", run_id)}, lines
    ended = [one for one in lines if one["phase"] == "ended"]
    assert 1 <= len(ended) <= 2, lines
    assert {one["outcome"]["status_code"] for one in ended} == {200}
    # A kill between the run's record and the line leaves an end without a begin, and the record tells of the run.
    assert sum(one["phase"] == "began" for one in lines) <= 1, lines


Act = Callable[[Account], Answer]
CASES = [
    UseCase("backup, full", make_tables, partial(_back_up, scheduled(FIRST_DAY)), _check_full),
    UseCase("backup, full (started by hand)", make_tables, partial(_back_up, {"execution": "by-hand"}), _check_full),
    UseCase("backup, full (next schedule)", make_tables, _next_schedule, _check_two_days),
    UseCase(
        "backup, incremental",
        _with_a_full_backup,
        partial(_back_up, {**scheduled("2026-01-31-2"), "export_type": "INCREMENTAL_EXPORT"}),
        _check_increment,
    ),
    UseCase("backup, scan", _to_be_scanned, partial(_back_up, scheduled(FIRST_DAY)), _check_scan),
    UseCase("backup, retention tags", _to_be_superseded, _supersede, _check_tags),
    UseCase("backup, audit records", _audited, partial(_back_up, scheduled(FIRST_DAY)), _check_audit),
]
