"""Which restore an execution carries: the same when planning is repeated, another when only the name is the same."""

from __future__ import annotations

from typing import Any

import pytest

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.contract.distributed import ExecutionName, execution_of_event
from dynamodb_backup.errors import RequestRefused, WriteConflict
from dynamodb_backup.restore.distributed.execution_record import ExecutionRecord

FIRST = ExecutionName("nightly", "2026-01-31T12:00:00.250Z")
LATER = ExecutionName("nightly", "2026-06-30T12:00:00.000Z")


class Store:
    """Objects with an ETag that counts their writes."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.before_write: Any = None

    def find(self, key: str) -> Any:
        found = self.objects.get(key)
        return type("Stored", (), {"body": found[0], "etag": found[1]}) if found else None

    def put_if_unchanged(self, key: str, body: bytes, etag: str | None) -> str:
        if self.before_write:
            self.before_write, write = None, self.before_write
            write()
        if (self.objects[key][1] if key in self.objects else None) != etag:
            raise WriteConflict("s3://b/k was written by somebody else at the same time")
        self.objects[key] = (body, str(int(etag or 0) + 1))
        return self.objects[key][1]


def record(store: Any, execution: ExecutionName | None = FIRST) -> ExecutionRecord:
    return ExecutionRecord(store, Layout("native-exports"), execution)


def test_what_was_planned_is_found_again() -> None:
    store = Store()
    assert record(store).find() is None
    kept = record(store).keep("r1", ["r1-1", "r1-2"])
    assert record(store).find() == kept
    assert list(store.objects) == ["native-exports/restores/by-execution/nightly.json"]


def test_an_execution_that_has_the_name_of_an_older_one_is_planned_anew() -> None:
    store = Store()
    record(store).keep("r1", ["r1-1"])
    assert record(store, LATER).find() is None
    record(store, LATER).keep("r2", ["r2-1"])
    found = record(store, LATER).find()
    assert found is not None
    assert found.restore_id == "r2"
    assert record(store).find() is None


def test_of_two_that_plan_at_the_same_time_both_carry_what_was_written_first() -> None:
    store = Store()
    store.before_write = lambda: record(store).keep("r1", ["r1-1"])
    assert record(store).keep("r2", ["r2-1"]).restore_id == "r1"


def test_an_execution_without_a_name_has_no_record() -> None:
    store = Store()
    assert record(store, None).keep("r1", ["r1-1"]).parts == ("r1-1",)
    assert record(store, None).find() is None
    assert store.objects == {}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        ({"name": "a.b", "started_at": "2026-01-31T12:00:00Z"}, None),
        ({"name": "nightly", "started_at": "2026-01-31T12:00:00.250Z"}, FIRST),
    ],
)
def test_the_state_machine_tells_which_execution_it_is(given: Any, expected: ExecutionName | None) -> None:
    event = {"action": "plan", "event": {}} | ({"execution": given} if given else {})
    assert execution_of_event(event) == expected


def test_an_execution_that_is_none_is_refused() -> None:
    with pytest.raises(RequestRefused, match="started_at"):
        execution_of_event({"execution": {"name": "a", "started_at": "soon"}})
