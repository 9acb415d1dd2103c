"""How the demo reads Terraform's events, and how it speaks."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest

from scripts.demo.progress import Progress
from scripts.demo.screen import Screen


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def hook(kind: str, address: str, action: str = "create", **more: str) -> dict[str, Any]:
    resource = {"addr": address, "resource_type": address.partition(".")[0]}
    return {"type": kind, "hook": {"resource": resource, "action": action, **more}}


def progress_of(*events: dict[str, Any] | str) -> Progress:
    progress = Progress()
    for event in events:
        progress.take(event if isinstance(event, str) else json.dumps(event))
    return progress


def test_a_resource_is_being_created_until_it_is_there() -> None:
    started = hook("apply_start", "aws_dynamodb_table.a"), hook("apply_start", "aws_sns_topic.b")
    progress = progress_of(*started, hook("apply_complete", "aws_dynamodb_table.a", id_key="id", id_value="table-a"))

    assert progress.creating == ["aws_sns_topic.b"]
    assert progress.ids("aws_dynamodb_table") == ["table-a"]
    assert progress.ids("aws_sns_topic") == []


def test_a_resource_that_failed_is_neither() -> None:
    progress = progress_of(hook("apply_start", "aws_sns_topic.b"), hook("apply_errored", "aws_sns_topic.b"))

    assert (progress.creating, progress.created) == ([], [])


def test_data_sources_that_are_read_are_no_resources() -> None:
    progress = progress_of(hook("apply_start", "aws_partition.this", "read"))

    assert progress.creating == []


def test_the_plan_is_counted_by_type() -> None:
    changes = [("aws_dynamodb_table", "create"), ("aws_dynamodb_table", "create"), ("aws_dynamodb_table", "delete")]
    progress = progress_of(
        *(
            {"type": "planned_change", "change": {"resource": {"resource_type": kind}, "action": action}}
            for kind, action in changes
        )
    )

    assert progress.to_create == {"aws_dynamodb_table": 2}


def test_errors_are_kept_and_warnings_are_not() -> None:
    error = {"severity": "error", "summary": "creating table", "detail": "not\n  allowed", "address": "aws_x.y"}
    warning = {"severity": "warning", "summary": "deprecated", "detail": ""}
    progress = progress_of({"type": "diagnostic", "diagnostic": error}, {"type": "diagnostic", "diagnostic": warning})

    assert progress.errors == ["aws_x.y: creating table: not allowed"]


@pytest.mark.parametrize("line", ["Error: no such command", '"text"', "[]", '{"no": "type"}'])
def test_lines_that_are_no_events_are_kept(line: str) -> None:
    assert progress_of(line).other_lines == [line]


def test_outputs_are_read() -> None:
    progress = progress_of({"type": "outputs", "outputs": {"bucket": {"sensitive": False, "value": "b"}}})

    assert progress.outputs == {"bucket": "b"}


def test_a_step_has_its_number_and_the_seconds_so_far() -> None:
    stream, seconds = io.StringIO(), iter([100.0, 112.34])
    Screen(stream, clock=lambda: next(seconds)).step("Restore")

    assert stream.getvalue() == "\n  12.3 s   1. Restore\n"


def test_json_is_broken_between_members_and_stays_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    document = {f"name {number}": "a value" for number in range(9)}
    stream = io.StringIO()
    Screen(stream).json("event", document)

    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= 60
    assert all(re.search(r'(,|"})$', line) for line in lines)
    assert json.loads(stream.getvalue().removeprefix(" " * 6 + "event")) == document


def test_a_file_gets_no_colour_and_a_terminal_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream, terminal = io.StringIO(), Terminal()
    for output in (stream, terminal):
        Screen(output).ended("DEMO OK", good=True)

    assert stream.getvalue() == "\nDEMO OK\n"
    assert terminal.getvalue() == "\n\x1b[1;32mDEMO OK\x1b[0m\n"


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal()
    Screen(terminal).ended("DEMO OK", good=True)

    assert "\x1b" not in terminal.getvalue()
