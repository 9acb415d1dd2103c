"""Restore to a point in time: a full export and the increments behind it, up to the last window that ends in time."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dynamodb_backup.backup import chain_steps
from dynamodb_backup.backup import run as backup_run
from sandbox import Sandbox, exports
from tests.scenario.backup.kit import back_up
from tests.scenario.restore.kit import (
    DATE,
    Item,
    Stage,
    canonicals,
    restore,
    restore_in_turns,
    strings,
    table_arn,
    table_writes,
)

START = datetime(2026, 1, 31, 2, tzinfo=UTC)
RUN_ID = f"{DATE}-0001"
Change = tuple[Item, Item | None]
"""A key, and the item at the end of the window; ``None``: deleted."""


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class FabricatedChain:
    """A chain of hourly windows behind a full export of 02:00, fabricated."""

    stage: Stage
    base: exports.Export
    windows: list[dict[str, Any]] = field(default_factory=list)
    uploaded: list[exports.Export] = field(default_factory=list)
    closed: str | None = None

    @property
    def end(self) -> datetime:
        return datetime.fromisoformat(self.windows[-1]["to"]) if self.windows else START

    def window(self, changes: Iterable[Change], *, gap: bool = False, file_count: int = 2) -> exports.Export:
        """Add the changes of the next hour, or, behind a gap, of the hour after it."""
        lines = [exports.incremental_line(1, key, None, new) for key, new in changes]
        return self.window_of_lines(lines, gap=gap, file_count=file_count)

    def window_of_lines(self, lines: Sequence[bytes], *, gap: bool = False, file_count: int = 2) -> exports.Export:
        """Add the same, from the lines of its export."""
        start = self.end + timedelta(hours=1) if gap else self.end
        request = exports.ExportRequest(
            table_arn("orders"), self.stage.bucket, self.stage.place("orders"),
            from_time=start, to_time=start + timedelta(hours=1),
        )  # fmt: skip
        files = [exports.data_file(lines[number::file_count]) for number in range(file_count)]
        export = exports.build_incremental_export(request, files)
        self.stage.upload(export)
        self.windows.append(
            {
                "from": iso(start), "to": iso(start + timedelta(hours=1)), "run_id": f"{DATE}-0002",
                "s3_prefix": self.stage.place("orders"), "reserved_at": iso(start), "status": "COMPLETED",
                "export_arn": export.request.export_arn, "export_manifest": export.manifest_key,
                "item_count": len(lines),
            }
        )  # fmt: skip
        self.uploaded.append(export)
        self.record()
        return export

    def record(self) -> None:
        base = {
            "backup_date": DATE,
            "run_id": RUN_ID,
            "export_manifest": self.base.manifest_key,
            "export_time": iso(START),
        }
        document = {
            "table_name": "orders", "chain_id": RUN_ID, "table_id": None, "base": base,
            "windows": self.windows, "closed": self.closed,
        }  # fmt: skip
        self.stage.put(f"{self.stage.prefix}/chains/orders/{RUN_ID}.json", json.dumps(document))


def chain_of(stage: Stage, items: Sequence[Item]) -> FabricatedChain:
    base = stage.back_up("orders", items, entry={"run_id": RUN_ID, "export_time": iso(START)}, file_count=2)
    return FabricatedChain(stage, base)


def key(number: int) -> dict[str, Any]:
    return strings(1, start=number)[0]


def valued(number: int, value: str) -> Item:
    return key(number) | {"value": {"S": value}}


def with_value(number: int, value: str) -> Change:
    return key(number), valued(number, value)


def deleted(number: int) -> Change:
    return key(number), None


@pytest.fixture
def chain(stage: Stage) -> FabricatedChain:
    """Items 0 to 9; then 1 is changed, 2 deleted, 20 inserted; then 2 inserted again, 20 deleted, 3 changed."""
    stage.create_table("orders")
    chain = chain_of(stage, strings(10))
    chain.window([with_value(1, "first"), deleted(2), with_value(20, "first")])
    chain.window([with_value(2, "second"), deleted(20), with_value(3, "second")])
    return chain


AFTER_FIRST = [*strings(1), valued(1, "first"), *strings(7, start=3), valued(20, "first")]
AFTER_SECOND = [
    *strings(1), valued(1, "first"), valued(2, "second"), valued(3, "second"),
    *strings(6, start=4),
]  # fmt: skip


@pytest.mark.parametrize(
    ("moment", "restored_to", "items"),
    [
        ("2026-01-31T02:00:00Z", "2026-01-31T02:00:00.000Z", strings(10)),
        ("2026-01-31T02:59:59Z", "2026-01-31T02:00:00.000Z", strings(10)),
        ("2026-01-31T03:00:00Z", "2026-01-31T03:00:00.000Z", AFTER_FIRST),
        ("2026-01-31T04:59:59+01:00", "2026-01-31T03:00:00.000Z", AFTER_FIRST),
        ("2026-01-31T04:00:00Z", "2026-01-31T04:00:00.000Z", AFTER_SECOND),
        ("2026-03-01T00:00:00Z", "2026-01-31T04:00:00.000Z", AFTER_SECOND),
    ],
)
def test_the_table_is_as_it_was_at_the_last_window_that_ended_in_time(
    chain: FabricatedChain, moment: str, restored_to: str, items: list[Item]
) -> None:
    answer = restore({"restore_to": moment})
    assert answer.code == 200
    assert answer.result["restored_to"] == restored_to
    assert chain.stage.items("orders") == canonicals(items)


def test_what_is_restored_to_an_earlier_point_than_asked_for_is_said(chain: FabricatedChain) -> None:
    answer = restore({"restore_to": "2026-01-31T03:30:00Z"})
    assert "is restored to 2026-01-31T03:00:00.000Z, the nearest point" in answer.result["warnings"][-1]
    assert not restore({"restore_to": "2026-01-31T03:00:00Z"}).result["warnings"]


def test_every_item_and_every_change_is_counted(chain: FabricatedChain) -> None:
    result = restore({"restore_to": "2026-01-31T04:00:00Z"}).result
    assert (result["items_expected"], result["items_processed"]) == (16, 16)
    assert (result["items_written"], result["items_deleted"]) == (14, 2)
    assert (result["increments"], result["files_total"], result["files_done"]) == (2, 6, 6)


def test_mirror_leaves_exactly_the_state_of_that_time_and_proves_it(chain: FabricatedChain) -> None:
    chain.stage.fill("orders", strings(5, start=100))
    answer = restore({"restore_to": "2026-01-31T04:00:00Z", "clear_existing_data": True, "prove": True})
    assert answer.code == 200
    assert answer.result["proven"] is True
    assert chain.stage.items("orders") == canonicals(AFTER_SECOND)
    assert answer.result["items_deleted"] == 2 + 5


@pytest.mark.parametrize("seconds", [0.0, 60.0])
@pytest.mark.parametrize("mode", ["overwrite", "mirror"])
def test_keys_that_change_in_every_window_are_as_the_last_one_left_them(
    stage: Stage, mode: str, seconds: float
) -> None:
    stage.create_table("orders")
    items = strings(20)
    chain = chain_of(stage, items)
    (put, gone, back), new = [{"id": item["id"]} for item in items[:3]], {"id": {"S": "new"}}
    chain.window([(put, {**put, "v": {"N": "1"}}), (gone, None), (new, new)])
    chain.window([(put, None), (gone, {**gone, "v": {"N": "2"}}), (back, None), (new, None)])
    chain.window([(put, {**put, "v": {"N": "3"}}), (gone, None), (back, {**back, "v": {"N": "3"}})])
    event = {"tables": ["orders"], "restore_to": "2026-01-31T06:00:00Z", "write_mode": mode, "prove": True}

    answer = restore_in_turns(event, seconds=seconds)[-1]

    assert (answer.code, answer.result["proven"]) == (200, True)
    assert stage.items("orders") == canonicals([{**put, "v": {"N": "3"}}, {**back, "v": {"N": "3"}}, *items[3:]])


def test_a_dry_run_verifies_everything_and_writes_nothing(aws: Sandbox, chain: FabricatedChain) -> None:
    aws.requests.clear()
    answer = restore({"restore_to": "2026-01-31T04:00:00Z", "dry_run": True})
    assert (answer.code, answer.result["status"], answer.result["items_processed"]) == (200, "READY", 16)
    assert answer.result["restored_to"] == "2026-01-31T04:00:00.000Z"
    assert not table_writes(aws)


@pytest.mark.parametrize("damage", ["altered", "missing", "manifest", "foreign key", "twice", "other window"])
def test_a_damaged_increment_leaves_the_table_untouched(aws: Sandbox, chain: FabricatedChain, damage: str) -> None:
    stage = chain.stage
    last = chain.uploaded[-1]
    (data, *_) = last.data_keys
    if damage == "altered":
        body = bytearray(stage.get(data))
        body[-6] ^= 255
        stage.put(data, bytes(body))
    elif damage == "missing":
        stage.s3.delete_object(Bucket=stage.bucket, Key=data)
    elif damage == "manifest":
        stage.put(last.manifest_key, stage.get(last.manifest_key) + b" ")
    elif damage == "foreign key":
        chain.window([({"other": {"S": "x"}}, None)])
    elif damage == "twice":
        chain.window([with_value(1, "a"), with_value(1, "b")])
    else:
        chain.windows[-1]["export_manifest"] = chain.windows[0]["export_manifest"]
        chain.record()
    aws.requests.clear()
    answer = restore({"restore_to": "2026-02-01T00:00:00Z"})
    assert answer.code == 500
    assert answer.result["restored_to"] is None
    assert not table_writes(aws)


def test_a_gap_is_refused_by_name_unless_it_is_allowed(aws: Sandbox, chain: FabricatedChain) -> None:
    chain.window([with_value(4, "fourth"), deleted(5)], gap=True)
    aws.requests.clear()
    refused = restore({"restore_to": "2026-01-31T06:00:00Z"})
    assert refused.code == 500
    assert "have a gap from 2026-01-31T04:00:00.000Z to 2026-01-31T05:00:00.000Z" in refused.errors
    assert not table_writes(aws)
    allowed = restore({"restore_to": "2026-01-31T06:00:00Z", "allow_gap": True})
    assert allowed.code == 200
    assert "without the changes from 2026-01-31T04:00:00.000Z to 2026-01-31T05:00:00.000Z" in str(allowed.result)
    rest = [one for one in AFTER_SECOND if one["id"]["S"] not in {"item-000004", "item-000005"}]
    assert chain.stage.items("orders") == canonicals([*rest, valued(4, "fourth")])
    assert restore({"restore_to": "2026-01-31T04:00:00Z"}).code == 200, "before the gap nothing is missing"
    assert restore({"restore_to": "2026-01-31T04:30:00Z"}).code == 500, "what was then is not known"


def test_a_chain_that_ended_with_a_loss_has_a_gap_behind_it(chain: FabricatedChain) -> None:
    chain.closed = "changes can no longer be exported"
    chain.record()
    answer = restore({"restore_to": "2026-01-31T09:00:00Z"})
    assert answer.code == 500
    assert "a gap from 2026-01-31T04:00:00.000Z to the next full backup" in answer.errors
    assert restore({"restore_to": "2026-01-31T04:00:00Z"}).code == 200


def test_before_the_first_full_export_there_is_nothing(chain: FabricatedChain) -> None:
    answer = restore({"restore_to": "2026-01-31T01:59:59Z", "tables": ["orders"]})
    assert answer.code == 500
    assert "table orders has no full export from before 2026-01-31T01:59:59.000Z" in answer.errors


def test_a_damaged_manifest_that_may_hide_a_nearer_backup_fails_every_table(stage: Stage) -> None:
    for table in ("orders", "customers"):
        stage.create_table(table)
        stage.back_up(table, strings(3), date="2026-01-30", entry={"export_time": "2026-01-30T02:00:00Z"})
    stage.put(f"{stage.prefix}/{DATE}/manifest.json", "{")
    answer = restore({"restore_to": "2026-02-01T00:00:00Z", "tables": ["orders", "customers"]})
    assert answer.code == 500
    assert [one["status"] for one in answer.body["restore_results"]] == ["FAILED", "FAILED"]
    assert all(f"{DATE}/manifest.json" in one["error"] for one in answer.body["restore_results"])


@pytest.mark.parametrize("written", ["2026-01-31T02:00:00", "yesterday", "2026-01-31"])
def test_an_export_time_of_another_tool_that_is_none_is_taken_from_the_export(stage: Stage, written: str) -> None:
    stage.create_table("orders")
    export = stage.back_up("orders", strings(3), entry={"export_time": written})
    own = json.loads(export.objects[export.manifest_key])["exportTime"]
    answer = restore({"restore_to": own})
    assert (answer.code, answer.result["restored_to"]) == (200, own)
    assert stage.items("orders") == canonicals(strings(3))


def test_a_full_backup_of_the_same_date_that_the_manifest_no_longer_names_is_found(chain: FabricatedChain) -> None:
    stage = chain.stage
    newer = stage.export("orders", strings(3, start=500))
    stage.upload(newer)
    stage.record([stage.entry(newer, "orders", run_id=f"{DATE}-0009", export_time="2026-01-31T20:00:00.000Z")])
    answer = restore({"restore_to": "2026-01-31T04:00:00Z"})
    assert answer.code == 200
    assert stage.items("orders") == canonicals(AFTER_SECOND)
    newest = restore({"restore_to": "2026-01-31T21:00:00Z", "clear_existing_data": True})
    assert newest.result["restored_to"] == "2026-01-31T20:00:00.000Z"
    assert stage.items("orders") == canonicals(strings(3, start=500))


@pytest.mark.long
@pytest.mark.parametrize("seconds", [0.3, 1.0])
@pytest.mark.parametrize("mode", ["overwrite", "mirror"])
def test_short_turns_bring_about_the_same(stage: Stage, seconds: float, mode: str) -> None:
    """The shortest turns are in test_combinations.test_a_chain_with_proof; these end where the machine's speed says."""
    stage.create_table("orders")
    stage.fill("orders", strings(20, start=1000))
    chain = chain_of(stage, strings(300))
    chain.window([deleted(number) for number in range(100)])
    chain.window([with_value(number, "again") for number in range(50)])
    answers = restore_in_turns(
        {"restore_to": "2026-02-01T00:00:00Z", "write_mode": mode, "prove": True}, seconds=seconds
    )
    assert answers[-1].code == 200
    expected = [valued(number, "again") for number in range(50)] + strings(200, start=100)
    extra = strings(20, start=1000) if mode == "overwrite" else []
    assert stage.items("orders") == canonicals([*expected, *extra])
    assert answers[-1].result["proven"] is True
    assert answers[-1].result["items_processed"] == answers[-1].result["items_expected"] == 450


def test_throttling_changes_nothing_about_the_outcome(aws: Sandbox, chain: FabricatedChain) -> None:
    aws.faults.unprocessed("orders", keep=1, times=6)
    aws.faults.throttle("dynamodb", "BatchWriteItem", resource="orders", times=3)
    assert restore({"restore_to": "2026-01-31T04:00:00Z", "prove": True, "write_mode": "mirror"}).result["proven"]


def test_an_item_that_dynamodb_refuses_in_a_window_is_kept_and_counted(chain: FabricatedChain) -> None:
    chain.window([(key(7), key(7) | {"big": {"S": "x" * 420_000}}), with_value(8, "third")])
    answer = restore({"restore_to": "2026-02-01T00:00:00Z"})
    assert answer.code == 207
    assert (answer.result["items_failed"], answer.result["items_processed"]) == (1, 18)
    root = answer.result["failed_items_export"].partition(f"{chain.stage.bucket}/")[2]
    (data,) = (one for one in chain.stage.keys(f"{root}data/"))
    assert b"item-000007" in gzip.decompress(chain.stage.get(data))


def test_a_restore_with_a_refused_item_is_never_proven(stage: Stage) -> None:
    stage.create_table("orders")
    chain = chain_of(stage, [*strings(9), {"other": {"S": "an item without the key"}}])
    chain.window([with_value(8, "first")])
    answer = restore({"restore_to": "2026-02-01T00:00:00Z", "write_mode": "mirror", "prove": True})
    assert (answer.code, answer.result["items_failed"], answer.result["proven"]) == (207, 1, False)


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"restore_to": "yesterday"}, "restore_to"),
        ({"restore_to": "2026-01-31"}, "restore_to"),
        ({"restore_to": "2026-01-31T02:00:00"}, "restore_to"),
        ({"restore_to": "2999-01-31T02:00:00Z"}, "restore_to"),
        ({"restore_to": "2026-01-31T02:00:00Z", "backup_date": "2026-01-31"}, "restore_to"),
        ({"restore_to": "2026-01-31T02:00:00Z", "write_mode": "diff"}, "restore_to"),
        ({"restore_to": "2026-01-31T02:00:00Z", "write_mode": "only_missing"}, "restore_to"),
        ({"restore_to": "2026-01-31T02:00:00Z", "method": "import"}, "restore_to"),
        ({"allow_gap": True}, "allow_gap"),
        ({"restore_to": "2026-01-31T02:00:00Z", "allow_gap": "yes"}, "allow_gap"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(
    aws: Sandbox, stage: Stage, event: Mapping[str, Any], field: str
) -> None:
    aws.requests.clear()
    answer = restore(event)
    assert answer.code == 500
    assert f"field '{field}'" in answer.body["error"]
    assert not aws.requests.list()


def test_real_increments_bring_back_the_state_of_each_window_exactly(
    aws: Sandbox, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_steps, "SHORTEST_WINDOW", timedelta(seconds=1))
    monkeypatch.setattr(backup_run, "FIRST_PAUSE_SECONDS", 0.1)
    aws.exports.configure(seconds=0, minimum_window_seconds=0, restorable_lag_seconds=0, pitr_age_seconds=3600)
    stage.create_table("orders")
    stage.dynamodb.update_continuous_backups(
        TableName="orders", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    odd = {
        "id": {"S": "odd"}, "n": {"N": "12345678901234567890123456789012345678"}, "b": {"B": "aGVsbG8="},
        "set": {"BS": ["aXM=", "c2U="]}, "deep": {"M": {"B": {"L": [{"B": "AP8="}, {"NULL": True}]}}},
    }  # fmt: skip
    stage.fill("orders", strings(10))
    assert back_up().code == 200
    states: dict[str, list[str]] = {}

    def window() -> None:
        time.sleep(2.1)
        (done,) = back_up({"export_type": "INCREMENTAL_EXPORT"}).of("orders")["windows"]
        states[done["to"]] = stage.items("orders")

    stage.fill("orders", [odd])
    stage.dynamodb.delete_item(TableName="orders", Key=key(1))
    window()
    stage.fill("orders", [key(1) | {"again": {"BOOL": True}}])
    stage.dynamodb.delete_item(TableName="orders", Key={"id": {"S": "odd"}})
    window()
    stage.fill("orders", [odd | {"n": {"N": "-1E-120"}}])
    window()
    for moment, items in states.items():
        answer = restore({"restore_to": moment, "clear_existing_data": True, "prove": True})
        assert (answer.code, answer.result["restored_to"], answer.result["proven"]) == (200, moment, True)
        assert stage.items("orders") == items
