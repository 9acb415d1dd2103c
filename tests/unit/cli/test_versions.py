"""Which of an item's versions is the one of a time, and how values read without DynamoDB's types."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from dynamodb_backup_cli.items import from_json, plain, to_json
from dynamodb_backup_cli.versions import newest_at

FULL = {"type": "full", "export_time": "2026-08-01T03:00:00.250Z", "status": "present", "item": {"n": {"N": "1"}}}
WRITTEN = {"type": "increment", "from": "2026-08-01T03:00:00Z", "to": "2026-08-01T04:00:00Z",
           "written_at": "2026-08-01T03:30:00Z", "status": "absent"}  # fmt: skip
UNKNOWN = {"type": "full", "export_time": None, "status": "present"}


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-08-01T02:59:59Z", None),
        ("2026-08-01T03:00:01Z", FULL),
        ("2026-08-01T03:29:59Z", FULL),
        ("2026-08-01T03:30:00Z", WRITTEN),
        ("2026-08-02T00:00:00Z", WRITTEN),
    ],
)
def test_the_newest_version_before_a_time_is_found(moment: str, expected: dict[str, Any] | None) -> None:
    assert newest_at([WRITTEN, UNKNOWN, FULL], datetime.fromisoformat(moment)) == expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"S": "x"}, "x"),
        ({"N": "7"}, 7),
        ({"N": "-2.5"}, -2.5),
        ({"N": "12345678901234567890123456789012345678"}, 12345678901234567890123456789012345678),
        ({"N": "0.1234567890123456789012"}, "0.1234567890123456789012"),
        ({"NULL": True}, None),
        ({"BOOL": False}, False),
        ({"B": "AA=="}, "AA=="),
        ({"NS": ["1", "2"]}, [1, 2]),
        ({"L": [{"S": "a"}, {"M": {"N": {"N": "1"}}}]}, ["a", {"N": 1}]),
    ],
    ids=str,
)
def test_plain_values_lose_no_digit(typed: dict[str, Any], expected: object) -> None:
    assert plain(typed) == expected


def test_bytes_are_base64_in_json_and_bytes_for_boto3() -> None:
    assert to_json({"a": {"B": b"\0"}, "l": {"L": [{"BS": [b"x"]}]}}) == {
        "a": {"B": "AA=="},
        "l": {"L": [{"BS": ["eA=="]}]},
    }
    assert from_json({"a": {"B": "AA=="}, "b": {"S": "AA=="}}) == {"a": {"B": b"\0"}, "b": {"S": "AA=="}}
