"""Applying changes: which are settled when time runs out in the middle of a batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from dynamodb_backup.errors import ToolError
from dynamodb_backup.restore.changes import ChangeWriter
from dynamodb_backup.table.batch_write import Outcome, Refused
from sandbox.exports import incremental_line


def line(name: str, *, delete: bool = False) -> bytes:
    key = {"id": {"S": name}}
    return incremental_line(1, key, None, None if delete else key | {"b": {"B": "aGVsbG8="}})


class Writer:
    """Settles only so many puts, and all deletes or none; refuses items by name."""

    def __init__(self, puts: int = 25, *, deletes: bool = True, refuses: str = "") -> None:
        self._puts = puts
        self._deletes = deletes
        self._refuses = refuses
        self.put_lines: list[bytes] = []
        self.deleted: list[dict[str, Any]] = []

    def put(self, lines: Sequence[bytes]) -> Outcome:
        self.put_lines += lines
        settled = lines[: self._puts]
        bad = [one for one in settled if self._refuses and self._refuses.encode() in one]
        refused = [Refused(b'{"PutRequest":' + one + b"}", "no") for one in bad]
        return Outcome(written=len(settled) - len(bad), refused=refused, unsettled=list(lines[self._puts :]))

    def delete(self, keys: Sequence[dict[str, Any]]) -> Outcome:
        self.deleted += keys
        return Outcome(written=len(keys)) if self._deletes else Outcome(unsettled=[b""] * len(keys))


MIXED = [line("a"), line("b", delete=True), line("c"), line("d", delete=True), line("e")]


def test_new_items_are_put_and_keys_without_one_deleted() -> None:
    writer = Writer()
    outcome = ChangeWriter(writer, "orders").put(MIXED)
    assert (outcome.written, outcome.unsettled) == (5, [])
    assert json.loads(writer.put_lines[0]) == {"Item": {"id": {"S": "a"}, "b": {"B": "aGVsbG8="}}}
    assert writer.deleted == [{"id": {"S": "b"}}, {"id": {"S": "d"}}]


@pytest.mark.parametrize(
    ("puts", "deletes", "settled"), [(0, True, 0), (1, True, 2), (2, True, 4), (3, False, 1), (0, False, 0)]
)
def test_where_time_runs_out_the_leading_changes_are_settled(puts: int, deletes: bool, settled: int) -> None:
    outcome = ChangeWriter(Writer(puts, deletes=deletes), "orders").put(MIXED)
    assert outcome.settled == settled
    assert len(outcome.unsettled) == len(MIXED) - settled


def test_refused_items_are_told_with_the_leading_changes() -> None:
    outcome = ChangeWriter(Writer(2, refuses='"c"'), "orders").put(MIXED)
    assert (outcome.written, len(outcome.refused)) == (3, 1)
    assert len(ChangeWriter(Writer(1, refuses='"c"'), "orders").put(MIXED).refused) == 0


def test_a_refused_delete_is_an_error() -> None:
    class Refusing(Writer):
        def delete(self, keys: Sequence[dict[str, Any]]) -> Outcome:
            return Outcome(refused=[Refused(b"", "no") for _ in keys])

    with pytest.raises(ToolError, match="refused to delete 2 items"):
        ChangeWriter(Refusing(), "orders").put(MIXED)
