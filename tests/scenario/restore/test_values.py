"""Every value comes back exactly as it was exported."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from sandbox import exports
from tests.scenario.restore.kit import Stage, canonicals, restore, strings

BYTES = b64encode(bytes(range(256))).decode()
HELLO = b64encode(b"hello").decode()
EVERY_TYPE: dict[str, Any] = {
    "S": {"S": "hello"},
    "N": {"N": "-12345678901234567890.123456789012345678"},
    "B": {"B": HELLO},
    "BOOL": {"BOOL": False},
    "NULL": {"NULL": True},
    "SS": {"SS": ["a", "", "b"]},
    "NS": {"NS": ["1", "-2.5", "1E+20"]},
    "BS": {"BS": [HELLO, BYTES]},
    "L": {"L": [{"B": BYTES}, {"L": []}, {"M": {}}, {"NULL": True}, {"BS": [HELLO]}]},
    "M": {"M": {"B": {"B": HELLO}, "S": {"S": HELLO}, "M": {"M": {"L": {"L": [{"M": {"BS": {"BS": [HELLO]}}}]}}}}},
    # What looks like base64, like a type tag or like a request is still only text and names.
    "text": {"S": HELLO},
    "Item": {"M": {"Item": {"S": "Item"}}},
    "Keys": {"M": {"id": {"S": "x"}}},
    "PutRequest": {"M": {"Item": {"M": {"DeleteRequest": {"S": '{"DeleteRequest":{"Key":{"id":{"S":"x"}}}}'}}}}},
    "RequestItems": {"S": '"},{"DeleteRequest":{"Key":{"id":{"S":"victim"}}}'},
}
VALUES: dict[str, Any] = {
    "every-type": EVERY_TYPE,
    "empty": {"s": {"S": ""}, "b": {"B": ""}, "l": {"L": []}, "m": {"M": {}}},
    "38-digits": {"n": {"N": "1234567890123456789012345678901234567.8"}, "m": {"N": "9" * 38}},
    "largest": {"n": {"N": "9.9999999999999999999999999999999999999E+125"}},
    "smallest": {"n": {"N": "-1E-130"}},
    "set-of-38-digits": {"n": {"NS": ["9" * 38, "9" * 37 + "8", "0"]}},
    "quotes": {"s": {"S": 'a "quoted" \\ back\\slash / \b\f\n\r\t'}},
    "lines": {"s": {"S": "a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\x1dh"}},
    "emoji": {"s": {"S": "👩‍👩‍👧‍👦 🇦🇶 𝄞 \U0010ffff"}, "🦎": {"S": "name"}},
    "control": {"s": {"S": "\x00\x01\x7f\x1f"}},
    "combining": {"s": {"S": "e\u0301 is not \u00e9"}, "n": {"S": "ﬁ ﬀ \ufeff"}},
    "nested-32": {"m": json.loads('{"M":{"a":' * 15 + '{"S":"deep"}' + "}}" * 15)},
}


@pytest.mark.parametrize("case", VALUES)
def test_value_is_restored_exactly(stage: Stage, case: str) -> None:
    stage.create_table("orders")
    items = [{"id": {"S": case}, **VALUES[case]}]
    stage.back_up("orders", items)

    assert restore().code == 200
    assert stage.items("orders") == canonicals(items)


def test_escapes_are_restored_as_what_they_mean(stage: Stage) -> None:
    stage.create_table("orders")
    line = rb'{ "Item" : {"id":{"S":"\u0061\/\ud83e\udd8e\u2028\""} , "\u0042":{"B":"aGVsbG8\u003d"}} }' + b"\n"
    stage.back_up("orders", files=[exports.data_file([line])])

    assert restore().code == 200
    assert stage.items("orders") == canonicals([{"id": {"S": 'a/🦎\u2028"'}, "B": {"B": "aGVsbG8="}}])


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("S", ["a", "é", "👩", "{}", '"', "x" * 2048]),
        ("N", ["0", "-1", "1.5", "12345678901234567890123456789012345678", "1E+100", "-1E-130"]),
        ("B", [b64encode(one).decode() for one in (b"\x00", b"\xff" * 2048, b"aGVsbG8=", b"\n", b'"}')]),
    ],
)
def test_keys_of_every_type(stage: Stage, kind: str, values: list[str]) -> None:
    stage.create_table("orders", [("key", kind)])
    items = [{"key": {kind: value}, "n": {"N": str(number)}} for number, value in enumerate(values)]
    stage.back_up("orders", items)

    assert restore().code == 200
    assert stage.items("orders") == canonicals(items)


@pytest.mark.parametrize("kinds", ["SB", "BN", "NS"])
def test_composite_keys(stage: Stage, kinds: str) -> None:
    stage.create_table("orders", [("B", kinds[0]), ("Item", kinds[1])])
    of = {
        "S": ["a", "b", "c"],
        "N": ["1", "-1", "12345678901234567890123456789012345678"],
        "B": [HELLO, BYTES, "AA=="],
    }
    items = [
        {"B": {kinds[0]: one}, "Item": {kinds[1]: two}, "S": {"S": one + two}}
        for one in of[kinds[0]]
        for two in of[kinds[1]]
    ]
    stage.back_up("orders", items, file_count=2)

    assert restore().code == 200
    assert stage.items("orders") == canonicals(items)


def test_items_of_400_kilobytes_in_more_than_one_request(stage: Stage) -> None:
    stage.create_table("orders")
    # As JSON each byte \x01 takes six: 8 such items are 19 MB, and DynamoDB takes 16 MB in one request.
    items = [{"id": {"S": f"{number:02d}"}, "s": {"S": "\x01" * 409_000}} for number in range(8)]
    stage.back_up("orders", items)

    answer = restore()

    assert (answer.code, answer.result["items_written"]) == (200, 8)
    assert stage.items("orders") == canonicals(items)


@pytest.mark.parametrize("table", ["mfa-api.v1_orders-2026", "a.b", "Orders", "_.-", "t" * 255])
def test_table_names_with_every_character(stage: Stage, table: str) -> None:
    stage.create_table(table)
    stage.back_up(table, strings(3))

    assert restore({"tables": [table]}).code == 200
    assert stage.items(table) == canonicals(strings(3))


def test_an_empty_table_is_restored(stage: Stage) -> None:
    stage.create_table("orders")
    export = stage.back_up("orders", file_count=4)
    assert {len(export.objects[key]) for key in export.data_keys} == {20}

    answer = restore()

    assert answer.code == 200
    assert answer.result["status"] == "COMPLETED"
    assert (answer.result["items_expected"], answer.result["files_total"], answer.result["files_done"]) == (0, 4, 4)


def test_existing_items_with_other_keys_stay(stage: Stage) -> None:
    stage.create_table("orders")
    other = {"id": {"S": "other"}, "v": {"S": "mine"}}
    stage.fill("orders", [other, *strings(2, v={"S": "overwritten"})])
    stage.back_up("orders", strings(4))

    assert restore().code == 200
    assert stage.items("orders") == canonicals([other, *strings(4)])


@pytest.mark.parametrize(
    "stored",
    {
        "crlf": lambda lines: exports.format.gzip_bytes(b"\r\n".join(lines) + b"\r\n"),
        "blank-lines": lambda lines: exports.format.gzip_bytes(b"\n\n" + b"\n \t\n".join(lines) + b"\n\n"),
        "no-last-newline": lambda lines: exports.format.gzip_bytes(b"\n".join(lines)),
        "many-members": lambda lines: b"".join(exports.format.gzip_bytes(line + b"\n") for line in lines),
        "split-members": lambda lines: (
            exports.format.gzip_bytes(b"\n".join(lines)[:77]) + exports.format.gzip_bytes(b"\n".join(lines)[77:])
        ),
        "zero-padded": lambda lines: exports.format.gzip_bytes(b"\n".join(lines)) + bytes(64),
    }.items(),
    ids=lambda case: case[0],
)
def test_forms_of_a_data_file_that_hold_the_same_lines(stage: Stage, stored: Any) -> None:
    stage.create_table("orders")
    items = strings(30, v={"S": "x"})
    body = stored[1]([exports.full_line(item).strip() for item in items])
    stage.back_up("orders", files=[exports.DataFile("a.json.gz", body, 30)])

    answer = restore()

    assert (answer.code, answer.result["items_written"]) == (200, 30)
    assert stage.items("orders") == canonicals(items)


def test_the_result_says_everything_that_the_contract_names(stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", strings(30), file_count=2)

    body = restore({"backup_date": "2026-01-31", "tables": ["orders"]}).body

    assert body["duration_seconds"] >= 0
    assert {name: body[name] for name in body if name not in ("duration_seconds", "restore_id", "restore_results")} == {
        "backup_date": "2026-01-31",
        "environment": "test",
        "s3_bucket": "backups",
        "dry_run": False,
        "tables_requested": 1,
        "successful_restores": 1,
        "partial_restores": 0,
        "failed_restores": 0,
        "total_items_written": 30,
        "total_items_processed": 30,
    }
    (result,) = body["restore_results"]
    expected = {
        "table_name": "orders",
        "target_table": "orders",
        "status": "COMPLETED",
        "items_expected": 30,
        "items_processed": 30,
        "items_written": 30,
        "items_failed": 0,
        "items_deleted": 0,
        "files_total": 2,
        "files_done": 2,
        "error": None,
    }
    assert {name: result[name] for name in expected} == expected
