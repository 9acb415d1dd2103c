"""A work of several turns: resumed from its checkpoint, carried as far as time allows, kept for the next turn."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from dynamodb_backup.archive.store import ObjectStore, StoredObject
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.contract.undo import UndoRequest
from dynamodb_backup.errors import BackupDamaged, BackupNotFound, RequestRefused, ToolError, WriteConflict
from dynamodb_backup.restore import state as restore
from dynamodb_backup.timing import Deadline
from dynamodb_backup.turns.carry import carry, keep, resume
from dynamodb_backup.turns.state import began_at, new_id
from dynamodb_backup.undo import state as undo

KEY = "restores/r1/checkpoint.json"


@dataclass
class FakeStore:
    """One object, the condition under which it was written last, and the error with which the next write ends."""

    body: bytes | None = None
    refusal: Exception | None = None
    written_over: str | None = "nothing"
    bucket: str = "backups"

    def find(self, _: str) -> StoredObject | None:
        return StoredObject(self.body, '"1"') if self.body is not None else None

    def put_if_unchanged(self, _: str, body: bytes, etag: str | None) -> str:
        if self.refusal:
            raise self.refusal
        self.body, self.written_over = body, etag
        return '"2"'


@dataclass
class FakeTable:
    """A table that is done after so many rounds of work."""

    rounds: int
    saved: bool = False
    worked: int = 0

    @property
    def open(self) -> bool:
        return self.worked < self.rounds

    def save(self) -> None:
        self.saved = True

    def execute(self) -> None:
        self.worked += 1


@dataclass
class Clock:
    """Seconds that pass only in pauses."""

    now: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def deadline(self, seconds: float) -> Deadline:
        deadline = Deadline(seconds, monotonic=lambda: self.now)
        deadline.sleep = self.sleep  # type: ignore[method-assign]
        return deadline

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += 4.0


def store_of(fake: FakeStore) -> ObjectStore:
    return cast("ObjectStore", fake)


def a_restore(**event: Any) -> restore.RestoreState:
    request = RestoreRequest.from_event(event)
    return restore.RestoreState("r1", request.to_dict(), [restore.TableState("orders", "orders")])


def an_undo() -> undo.UndoState:
    event = {"tables": ["orders"], "from": "2026-01-31T10:00:00Z", "to": "2026-01-31T11:00:00Z"}
    return undo.UndoState("u1", UndoRequest.from_event(event).to_dict(), [undo.TableState("orders")])


def resumed(fake: FakeStore, **event: Any) -> restore.RestoreState:
    request = RestoreRequest.from_event({"restore_id": "r1"} | event)
    return resume(restore.RestoreState, store_of(fake), KEY, "r1", request)


def test_a_work_goes_on_in_its_next_turn() -> None:
    state = resumed(FakeStore(a_restore(dry_run=True).to_json()), dry_run=True)
    assert (state.id, state.turns, state.etag, state.open) == ("r1", 2, '"1"', True)


def test_a_work_that_is_not_there_is_named_with_its_place() -> None:
    with pytest.raises(
        BackupNotFound, match=r"no unfinished restore 'r1' \(s3://backups/restores/r1/checkpoint.json\)"
    ):
        resumed(FakeStore())


def test_a_malformed_checkpoint_says_how_to_begin_anew() -> None:
    with pytest.raises(BackupDamaged, match=f"checkpoint {KEY} is malformed: .*; begin the restore anew without rest"):
        resumed(FakeStore(b'{"version": 2}'))


def test_another_request_is_refused_with_the_first_value() -> None:
    with pytest.raises(RequestRefused, match="'dry_run' differs from the request that began restore 'r1': True"):
        resumed(FakeStore(a_restore(dry_run=True).to_json()), dry_run=False)


@pytest.mark.parametrize("field", ["keys", "partition_keys"])
def test_item_data_of_the_first_request_is_not_repeated(field: str) -> None:
    fake = FakeStore(a_restore(tables=["orders"], **{field: [{"id": {"S": "a"}}]}).to_json())
    with pytest.raises(RequestRefused, match=r"'r1': other keys$"):
        resumed(fake, tables=["orders"], **{field: [{"id": {"S": "b"}}]})


def test_a_short_turn_works_at_the_first_open_table_although_its_deadline_has_passed() -> None:
    done, first, second = FakeTable(0), FakeTable(2), FakeTable(1)
    assert carry([done, first, second], Clock().deadline(0.0)) == [first, second]
    assert (done.worked, first.worked, second.worked) == (0, 1, 0)


def test_a_table_that_must_wait_is_tried_again_after_a_pause_until_time_is_up() -> None:
    clock, patient, stuck = Clock(), FakeTable(2), FakeTable(9)
    assert carry([patient, stuck], clock.deadline(15.0)) == [stuck]
    assert (patient.worked, stuck.worked, len(clock.pauses)) == (2, 4, 3)


def test_nothing_is_kept_of_a_restore_that_ended_in_its_first_turn() -> None:
    fake = FakeStore()
    assert keep(a_restore(), store_of(fake), KEY, []) is None
    assert fake.body is None


def test_an_undo_is_kept_also_when_it_ended_in_its_first_turn() -> None:
    fake = FakeStore()
    assert keep(an_undo(), store_of(fake), KEY, []) is None
    assert json.loads(fake.body or b"")["undo_id"] == "u1"


def test_a_turn_is_kept_over_the_checkpoint_that_it_began_with() -> None:
    fake = FakeStore(a_restore().to_json())
    state, table = resumed(fake), FakeTable(1)
    assert keep(state, store_of(fake), KEY, [table]) is None
    assert (table.saved, fake.written_over) == (True, '"1"')
    assert resumed(fake).turns == 3


def test_the_turn_that_was_slower_leaves_the_checkpoint_and_warns() -> None:
    state = a_restore()
    assert keep(state, store_of(FakeStore(refusal=WriteConflict("no"))), KEY, [FakeTable(1)]) is None
    assert state.warnings == ["another invocation carries this restore at the same time; its progress counts"]
    assert keep(an_undo(), store_of(FakeStore(refusal=WriteConflict("no"))), KEY, [FakeTable(1)]) is None


def test_an_unfinished_work_whose_checkpoint_cannot_be_written_says_that_it_cannot_go_on() -> None:
    fake = FakeStore(refusal=ToolError("no room"))
    assert keep(a_restore(), store_of(fake), KEY, [FakeTable(1)]) == (
        "the restore cannot be continued, begin it again: its checkpoint was not written: no room"
    )


def test_a_finished_work_whose_checkpoint_cannot_be_written_only_warns() -> None:
    state = a_restore()
    state.turns = 2
    assert keep(state, store_of(FakeStore(refusal=ToolError("no room"))), KEY, []) is None
    assert state.warnings == ["the checkpoint could not be brought up to date: no room"]


def test_a_checkpoint_names_its_work_as_events_do_and_shows_no_warnings_where_there_are_none() -> None:
    """The record of an undo was always without warnings, and functions of either version read it."""
    assert set(json.loads(an_undo().to_json())) == {"version", "undo_id", "request", "tables", "turns"}


def test_an_id_tells_when_the_work_began_and_a_foreign_one_nothing() -> None:
    moment = datetime(2026, 1, 31, 2, 0, 7, tzinfo=UTC)
    assert began_at(new_id(moment)) == began_at(f"{new_id(moment)}-2") == moment
    assert began_at("r1") is None
