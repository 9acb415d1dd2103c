"""Restores by the state machine: each of its steps may die, and is retried as the state machine retries it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from dynamodb_backup.handlers.restore import lambda_handler
from tests.reliability.crashes.account import Account
from tests.reliability.crashes.case import Answer, UseCase, done, retried
from tests.reliability.crashes.cases.restores import ITEMS, OTHERS, back_up_orders, merged
from tests.reliability.crashes.clock import CLOCK
from tests.reliability.crashes.place import be_function, stage_of
from tests.scenario.restore.kit import BUCKET, PREFIX, canonicals

__all__ = ["CASES"]

MOST_TURNS = 60
WAIT_FOR_TABLE_SECONDS, WAIT_FOR_WORK_SECONDS = 15.0, 10.0
"""As templates/restore.asl.json waits."""


def _step(account: Account, action: str, **event: Any) -> Answer:
    return retried(lambda: account.invoke(lambda_handler, {"action": action, **event}))


def _execute(event: Mapping[str, Any], account: Account) -> Answer:
    execution = {"name": "execution-1", "started_at": "2026-01-31T12:00:00.000Z"}
    planned = done(_step(account, "plan", event=dict(event), execution=execution))
    for part in planned["parts"]:
        _carry(account, part["restore_id"])
    return _step(account, "finish", restore_id=planned["restore_id"], ended=[])


def _carry(account: Account, part: str) -> None:
    for _ in range(MOST_TURNS):
        answer = _step(account, "advance", restore_id=part)
        if answer["statusCode"] != 202:
            return
        jobs = answer["body"]["jobs"]
        if not jobs["count"]:
            CLOCK.advance(WAIT_FOR_TABLE_SECONDS)
            continue
        body = account.client("s3").get_object(Bucket=jobs["bucket"], Key=jobs["key"])["Body"].read()
        for job in map(json.loads, body.splitlines()):
            _work(account, job)
    raise AssertionError(f"{part} did not end in {MOST_TURNS} turns")


def _work(account: Account, job: dict[str, Any]) -> None:
    for _ in range(MOST_TURNS):
        if _step(account, "work", **job)["statusCode"] != 202:
            return
        CLOCK.advance(WAIT_FOR_WORK_SECONDS)
    raise AssertionError(f"{job} did not end in {MOST_TURNS} turns")


def _into_nothing(account: Account) -> None:
    be_function(RESTORE_SLICE_LINES="10")
    back_up_orders(account)


def _into_a_table(account: Account) -> None:
    _into_nothing(account)
    stage = stage_of(account)
    stage.create_table("orders")
    stage.fill("orders", OTHERS)


def _check(expected: Any, account: Account, answer: Answer) -> None:
    body = done(answer)
    (result,) = body["restore_results"]
    assert (result["status"], result["error"], result["items_failed"]) == ("COMPLETED", None, 0), result
    assert result["items_processed"] == result["items_expected"] == len(ITEMS), result
    stage = stage_of(account)
    assert stage.items("orders") == canonicals(expected)
    plans = [key for key in stage.keys(f"{PREFIX}/restores/") if key.endswith("/checkpoint.json")]
    progress = json.loads(stage.get(f"{PREFIX}/restores/{body['restore_id']}/progress.json"))
    assert (progress["status"], progress["percent"]) == ("ENDED", 100.0), progress
    assert len(plans) <= 2, "a plan that died leaves one restore that nobody carries, and no more"
    report = json.loads(stage.get(body["report"].removeprefix(f"s3://{BUCKET}/")))
    assert report["statusCode"] == 200


def _check_import(account: Account, answer: Answer) -> None:
    _check(ITEMS, account, answer)
    assert len(account.client("dynamodb").list_imports()["ImportSummaryList"]) == 1


def _case(
    name: str,
    event: Mapping[str, Any],
    prepare: Callable[[Account], None],
    check: Callable[[Account, Answer], None],
) -> UseCase:
    return UseCase(f"state machine, {name}", prepare, partial(_execute, event), check)


CASES = [
    _case("overwrite", {}, _into_a_table, partial(_check, merged(OTHERS, ITEMS))),
    _case("mirror", {"write_mode": "mirror"}, _into_a_table, partial(_check, ITEMS)),
    _case("create_missing_tables", {"create_missing_tables": True}, _into_nothing, partial(_check, ITEMS)),
    _case("import", {"method": "import"}, _into_nothing, _check_import),
]
