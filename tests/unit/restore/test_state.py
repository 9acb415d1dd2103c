"""A checkpoint survives its round trip, also one of an earlier version."""

from __future__ import annotations

import json

import pytest

from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.errors import BackupDamaged
from dynamodb_backup.restore.state import FileState, RestoreState, TableState
from dynamodb_backup.table.scan import Segment
from dynamodb_backup.verify.comparison import ComparisonState
from dynamodb_backup.verify.digests import DigestsState
from dynamodb_backup.verify.stored_backup import FileProgress


def state_of(table: TableState) -> RestoreState:
    return RestoreState("20260131T020000Z-0a1b2c3d", RestoreRequest.from_event({}).to_dict(), [table])


def parsed(document: bytes) -> RestoreState:
    return RestoreState.parse("checkpoint.json", document, '"etag"')


def test_a_checkpoint_survives_its_round_trip() -> None:
    found = ComparisonState([Segment(0, {"id": {"S": "a"}})], 3, "00ff", 1, 1, 1, 0, marks="m")
    found.sample("extra", {"id": {"S": "b"}})
    table = TableState(
        "orders",
        "orders",
        digests=DigestsState(["part"], 3, 1),
        files=[FileState(FileProgress('"e"', 5, 4, True), 5, True)],
        segments=[Segment(1, done=True)],
        comparison=found,
        proof=ComparisonState(done=True),
        proven=False,
        items_skipped=1,
        items_unchanged=2,
    )
    assert parsed(state_of(table).to_json()) == state_of(table)
    assert parsed(state_of(TableState("a", "b")).to_json()) == state_of(TableState("a", "b"))


def test_a_checkpoint_of_the_version_before_the_digests_goes_on() -> None:
    """Its deletions went by passes, each over the whole table: they begin anew, and delete nothing twice."""
    document = json.loads(state_of(TableState("orders", "orders", phase="delete")).to_json())
    (table,) = document["tables"]
    for newer in ("digests", "comparison", "proof", "proven", "items_skipped", "items_unchanged"):
        del table[newer]
    table |= {"key_parts": ["part"], "buckets_checked": 256, "duplicates": 0, "delete_pass": 1}
    table["segments"] = [{"number": 0, "start": None, "done": True}]
    (state,) = parsed(json.dumps(document).encode()).tables
    assert state.digests == DigestsState(["part"], 256, 0)
    assert state.segments == []
    assert state.phase == "delete"


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("tables", 0, "items_written"), "many"),
        (("tables", 0, "source_keys"), [["id"]]),
        (("tables", 0, "files"), [{"verified": {"lines": None}}]),
        (("tables", 0, "selection"), {"files": [[0]]}),
        (("tables", 0, "windows"), 1),
        (("tables", 0, "warnings"), True),
        (("request",), "all"),
        (("request",), {"tables": "all"}),
        (("turns",), 1e300),
        (("newer",), True),
    ],
)
def test_a_checkpoint_with_a_member_of_another_type_is_damaged_and_goes_nowhere(
    place: tuple[str | int, ...], value: object
) -> None:
    document = json.loads(state_of(TableState("orders", "orders")).to_json())
    *way, last = place
    inner = document
    for name in way:
        inner = inner[name]
    inner[last] = value
    with pytest.raises(BackupDamaged, match=r"checkpoint checkpoint.json is malformed: .*begin the restore anew"):
        parsed(json.dumps(document).encode())


def test_a_checkpoint_of_an_export_without_a_date_is_read() -> None:
    state = state_of(TableState("orders", "orders"))
    state.request = {"export": "s3://b/AWSDynamoDB/0170-ab/", "tables": ["orders"]}
    assert parsed(state.to_json()).original_request().export == "s3://b/AWSDynamoDB/0170-ab/"
