"""What is read from S3, a queue or the environment is JSON, or refused in one way."""

from __future__ import annotations

import json

import pytest

from dynamodb_backup.strict_json import MOST_LEVELS, read_json


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b'{"a":1}{', "Extra data"),
        (b'{"a":NaN}', "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b"1e999", "beyond all measure"),
        (b"-1" + b"0" * 100, "integer of more than 100 digits"),
        (b"1" + b"0" * 1_000_000, "integer of more than 100 digits"),
        (b'{"a":1,"a":2}', "twice"),
        (b'[{"b":{"a":1,"\\u0061":2}}]', "twice"),
        (b'"\xff"', "not UTF-8"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b'["\\ud83d"]', "half of a character"),
        (b'{"\\uDC00":1}', "half of a character"),
        (nested(MOST_LEVELS + 1), "nested too deeply"),
        (nested(100_000), "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        ('{"a":1}'.encode("utf-16"), "not UTF-8"),
        (b'"a\x00b"', "control character"),
    ],
)
def test_what_is_not_plain_json_is_a_value_error_and_nothing_else(text: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as refused:
        read_json(text)
    assert type(refused.value) in {ValueError, json.JSONDecodeError}
    assert len(str(refused.value)) < 200


def test_json_is_read_as_python_reads_it() -> None:
    fingerprint = 2**256 - 1
    value = {"a": [1, -2.5, 1e300, True, None, "é\U0001f4be\ud83d".rstrip("\ud83d")], "sum": fingerprint, "": {}}
    assert read_json(json.dumps(value).encode()) == value
    assert read_json(json.dumps(value, ensure_ascii=False)) == value
    assert read_json(nested(MOST_LEVELS)) is not None


def test_a_byte_order_mark_is_passed_over() -> None:
    """A manifest that went through an editor on Windows may have one."""
    assert read_json(b'\xef\xbb\xbf{"a":1}') == {"a": 1}
