"""Restores by the function alone: in one invocation, and in several, each of which may die."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from dynamodb_backup.handlers.restore import lambda_handler
from tests.reliability.crashes.account import Account
from tests.reliability.crashes.case import Answer, UseCase, done, insisting
from tests.reliability.crashes.place import be_function, stage_of
from tests.scenario.restore.kit import BUCKET, DATE, PREFIX, Item, Stage, canonicals, strings
from tests.scenario.restore.test_chains import RUN_ID, START, FabricatedChain, iso
from tests.scenario.restore.test_new_target import definition

__all__ = ["CASES", "ITEMS", "OTHERS", "back_up_orders", "merged"]

ITEMS = strings(32, text={"S": "of the backup"})
OTHERS = [*strings(10, text={"S": "changed since"}), *strings(5, 90, text={"S": "made since"})]
SHORT = 2.0
"""Seconds of an invocation, of which half are worked: some twenty calls."""

PAUSE = 70.0
"""Until a person asks on: a lease that a dead invocation left has run out by then."""

SIMPLE = {
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "GlobalSecondaryIndexes": None,
}


def back_up_orders(account: Account, files: int = 2) -> Stage:
    """Make a bucket with a backup of the table orders and its definition; the table does not exist."""
    stage = stage_of(account)
    stage.s3.create_bucket(Bucket=BUCKET)
    key = f"{PREFIX}/{DATE}/runs/run-1/definitions/orders.json"
    stage.put(key, json.dumps(definition(**SIMPLE)))
    entry = {"table_definition": key, "billed_size_bytes": 4096, "item_count": len(ITEMS)}
    stage.back_up("orders", ITEMS, file_count=files, entry=entry)
    return stage


def merged(first: Sequence[Item], then: Sequence[Item]) -> list[Item]:
    """Return what a table holds after some items were written over others."""
    return list({item["id"]["S"]: item for item in [*first, *then]}.values())


def _into_a_table(account: Account) -> None:
    be_function()
    stage = back_up_orders(account)
    stage.create_table("orders")
    stage.fill("orders", OTHERS)


def _beside_a_table(account: Account) -> None:
    _into_a_table(account)
    stage_of(account).create_table("copy")


def _into_nothing(account: Account) -> None:
    be_function()
    back_up_orders(account)


def _restore(event: Mapping[str, Any], seconds: float, account: Account) -> Answer:
    return insisting(account, lambda_handler, dict(event), id_field="restore_id", seconds=seconds, pause=PAUSE)


def _check(
    expected: Sequence[Item], backed_up: int, account: Account, answer: Answer, *, table: str = "orders"
) -> None:
    (result,) = done(answer)["restore_results"]
    assert (result["status"], result["error"], result["items_failed"]) == ("COMPLETED", None, 0), result
    assert result["items_processed"] == result["items_expected"] == backed_up, result
    assert stage_of(account).items(table) == canonicals(expected)


def _check_made(account: Account, answer: Answer) -> None:
    _check(ITEMS, len(ITEMS), account, answer)
    _check_settings(stage_of(account))


def _check_settings(stage: Stage) -> None:
    described = stage.dynamodb.describe_table(TableName="orders")["Table"]
    assert described["DeletionProtectionEnabled"] is True
    ttl = stage.dynamodb.describe_time_to_live(TableName="orders")["TimeToLiveDescription"]
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "expires")
    tags = stage.dynamodb.list_tags_of_resource(ResourceArn=described["TableArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "shop"}]


def _import(seconds: float, account: Account) -> Answer:
    """Import as a person does, who deletes the new table where a first invocation died and left nothing behind."""
    answer = _restore({"method": "import"}, seconds, account)
    if account.died and "exists already" in str(answer):
        account.client("dynamodb").update_table(TableName="orders", DeletionProtectionEnabled=False)
        account.client("dynamodb").delete_table(TableName="orders")
        answer = _restore({"method": "import"}, seconds, account)
    return answer


def _check_imported(account: Account, answer: Answer) -> None:
    _check_made(account, answer)
    assert len(account.client("dynamodb").list_imports()["ImportSummaryList"]) <= 1 + (account.died == 1)


CHANGED, ADDED = strings(5, 10, text={"S": "of the first window"}), strings(3, 200)
AT_THE_END = merged([item for item in ITEMS if item not in ITEMS[:4]], [*CHANGED, *ADDED])


def _a_chain(account: Account) -> None:
    be_function()
    stage = back_up_orders(account)
    stage.create_table("orders")
    chain = FabricatedChain(stage, stage.back_up("orders", ITEMS, entry={"export_time": iso(START), "run_id": RUN_ID}))
    chain.window([({"id": item["id"]}, item) for item in [*CHANGED, *ADDED]])
    chain.window([({"id": item["id"]}, None) for item in ITEMS[:4]])
    chain.window([({"id": item["id"]}, None) for item in ADDED])


def _check_chain(account: Account, answer: Answer) -> None:
    (result,) = done(answer)["restore_results"]
    assert (result["status"], result["error"], result["increments"]) == ("COMPLETED", None, 2), result
    assert stage_of(account).items("orders") == canonicals(AT_THE_END)


Check = Callable[[Account, Answer], None]

IN_TURNS = {"mirror", "only_missing", "diff", "restore_to, mirror", "create_missing_tables"}
"""Those whose checkpoints hold more than how many lines are settled."""


def _cases() -> list[UseCase]:
    some: Any = {"tables": ["orders"], "keys": [{"id": {"S": f"item-{number:06d}"}} for number in (1, 2, 30)]}
    parts: Any = {"tables": ["orders"], "partition_keys": some["keys"]}
    chosen = [ITEMS[number] for number in (1, 2, 30)]
    dropped = {"transform": {"orders": [{"attribute": "text", "action": "drop"}]}, "target_tables": {"orders": "copy"}}
    transformed = [{"id": item["id"]} for item in ITEMS]
    whole: list[tuple[str, Mapping[str, Any], Callable[[Account], None], Check]] = [
        ("overwrite", {}, _into_a_table, partial(_check, merged(OTHERS, ITEMS), len(ITEMS))),
        ("mirror", {"write_mode": "mirror", "prove": True}, _into_a_table, partial(_check, ITEMS, len(ITEMS))),
        (
            "only_missing",
            {"write_mode": "only_missing"},
            _into_a_table,
            partial(_check, merged(ITEMS, OTHERS), len(ITEMS)),
        ),
        (
            "diff",
            {"write_mode": "diff", "prove": True},
            _into_a_table,
            partial(_check, merged(OTHERS, ITEMS), len(ITEMS)),
        ),
        ("transform", dropped, _beside_a_table, partial(_check, transformed, len(ITEMS), table="copy")),
        ("keys", some, _into_a_table, partial(_check, merged(OTHERS, chosen), 3)),
        ("partition_keys", parts, _into_a_table, partial(_check, merged(OTHERS, chosen), 3)),
        ("restore_to", {"restore_to": "2026-01-31T04:30:00Z", "prove": True}, _a_chain, _check_chain),
        ("restore_to, mirror", {"restore_to": "2026-01-31T04:30:00Z", "write_mode": "mirror"}, _a_chain, _check_chain),
        ("create_missing_tables", {"create_missing_tables": True, "prove": True}, _into_nothing, _check_made),
    ]
    cases = [
        UseCase(f"restore, {name}{turns}", prepare, partial(_restore, event, seconds), check)
        for name, event, prepare, check in whole
        for turns, seconds in (("", 300.0), (" (in short turns)", SHORT))
        if not turns or name in IN_TURNS
    ]
    for turns, seconds in (("", 300.0), (" (in short turns)", SHORT)):
        cases.append(UseCase(f"restore, import{turns}", _into_nothing, partial(_import, seconds), _check_imported))
    return cases


CASES = _cases()
