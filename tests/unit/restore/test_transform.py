"""Transforming items on the way into a table: every type keeps its type, and nothing else changes."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import pytest

from dynamodb_backup.contract.transform import Rule
from dynamodb_backup.errors import RequestRefused
from dynamodb_backup.restore.transform import TransformingWriter, refuse_rules_for_keys
from dynamodb_backup.table.batch_write import Outcome
from dynamodb_backup.table.keys import KeySchema

SALT = "a secret of some length"
BINARY = b64encode(b"\x00\xffhello").decode()


class Sink:
    """Takes the first ``most`` lines of every batch."""

    def __init__(self, most: int = 100) -> None:
        self.lines: list[bytes] = []
        self._most = most

    def put(self, lines: Sequence[bytes]) -> Outcome:
        taken = lines[: self._most]
        self.lines += taken
        return Outcome(written=len(taken), unsettled=list(lines[self._most :]))


def transformed(item: dict[str, Any], *rules: Rule) -> tuple[Any, dict[str, int]]:
    sink, counts = Sink(), {rule.name: 0 for rule in rules}
    writer = TransformingWriter(sink, rules, SALT, counts)
    writer.put([json.dumps({"Item": item}).encode()])
    (line,) = sink.lines
    document = json.loads(line)
    assert list(document) == ["Item"]
    return document["Item"], counts


def rule(path: str, action: str) -> Rule:
    return Rule(tuple(path.split(".")), action)


def digest(kind: str, content: bytes) -> bytes:
    return hmac.new(SALT.encode(), kind.encode() + b"\0" + content, hashlib.sha256).digest()


def test_what_no_rule_names_stays_exactly_as_it_was() -> None:
    item = {
        "id": {"S": 'é \u2028 "\\ 日本'},
        "n": {"N": "12345678901234567890123456789012345678"},
        "b": {"B": BINARY},
        "sets": {"L": [{"SS": ["a", "b"]}, {"NS": ["1", "2.50"]}, {"BS": [BINARY]}]},
        "M": {"M": {"S": {"S": "named like a type"}, "null": {"NULL": True}, "no": {"BOOL": False}}},
        "secret": {"S": "x"},
    }
    found, counts = transformed(item, rule("secret", "drop"))
    assert found == {name: value for name, value in item.items() if name != "secret"}
    assert counts == {"secret": 1}


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ({"S": "a@b.c"}, {"S": "***"}),
        ({"N": "42"}, {"N": "0"}),
        ({"B": BINARY}, {"B": "AA=="}),
        ({"BOOL": True}, {"BOOL": False}),
        ({"NULL": True}, {"NULL": True}),
        ({"SS": ["a", "b"]}, {"SS": ["***"]}),
        ({"NS": ["1", "2"]}, {"NS": ["0"]}),
        ({"BS": [BINARY, "AQ=="]}, {"BS": ["AA=="]}),
        ({"L": [{"S": "a"}, {"L": [{"N": "1"}]}]}, {"L": [{"S": "***"}, {"L": [{"N": "0"}]}]}),
        ({"M": {"a": {"S": "x"}, "b": {"M": {}}}}, {"M": {"a": {"S": "***"}, "b": {"M": {}}}}),
    ],
)
def test_masking_keeps_type_and_shape(value: dict[str, Any], masked: dict[str, Any]) -> None:
    assert transformed({"id": {"S": "1"}, "secret": value}, rule("secret", "mask"))[0]["secret"] == masked


@pytest.mark.parametrize(
    ("value", "hashed"),
    [
        ({"S": "a@b.c"}, {"S": digest("S", b"a@b.c").hex()}),
        ({"N": "42"}, {"N": str(int.from_bytes(digest("N", b"42")[:15], "big"))}),
        ({"B": BINARY}, {"B": b64encode(digest("B", b"\x00\xffhello")).decode()}),
        ({"BOOL": True}, {"BOOL": False}),
        ({"SS": ["b", "a"]}, {"SS": sorted([digest("S", b"a").hex(), digest("S", b"b").hex()])}),
        ({"M": {"deep": {"L": [{"S": "x"}]}}}, {"M": {"deep": {"L": [{"S": digest("S", b"x").hex()}]}}}),
    ],
)
def test_hashing_is_keyed_and_keeps_the_type(value: dict[str, Any], hashed: dict[str, Any]) -> None:
    assert transformed({"id": {"S": "1"}, "secret": value}, rule("secret", "hash"))[0]["secret"] == hashed


def test_a_hashed_number_is_one_of_dynamodb() -> None:
    for number in range(200):
        found, _ = transformed({"id": {"S": "1"}, "n": {"N": str(number)}}, rule("n", "hash"))
        assert len(found["n"]["N"]) <= 38


def test_a_path_leads_through_maps_and_every_element_of_lists() -> None:
    item = {
        "profile": {"M": {"phone": {"S": "1"}, "name": {"S": "n"}}},
        "contacts": {
            "L": [
                {"M": {"phone": {"S": "2"}, "kind": {"S": "home"}}},
                {"S": "not a map"},
                {"L": [{"M": {"phone": {"S": "3"}}}]},
                {"M": {"kind": {"S": "none"}}},
            ]
        },
        "phone": {"S": "stays"},
    }
    found, counts = transformed(item, rule("profile.phone", "drop"), rule("contacts.phone", "mask"))
    assert counts == {"profile.phone": 1, "contacts.phone": 2}
    assert found["profile"] == {"M": {"name": {"S": "n"}}}
    assert found["contacts"]["L"][0] == {"M": {"phone": {"S": "***"}, "kind": {"S": "home"}}}
    assert found["contacts"]["L"][2] == {"L": [{"M": {"phone": {"S": "***"}}}]}
    assert found["phone"] == {"S": "stays"}


def test_a_path_that_leads_nowhere_changes_nothing() -> None:
    item = {"id": {"S": "1"}, "profile": {"S": "a string"}}
    for path in ("no", "profile.phone", "profile.phone.x", "id.S", "profile.S"):
        assert transformed(item, rule(path, "drop")) == (item, {path: 0})


def test_only_settled_items_count() -> None:
    sink, counts = Sink(most=2), {"e": 0}
    lines = [json.dumps({"Item": {"id": {"S": str(n)}, "e": {"S": "x"}}}).encode() for n in range(5)]
    outcome = TransformingWriter(sink, [rule("e", "mask")], None, counts).put(lines)
    assert (outcome.settled, counts) == (2, {"e": 2})


@pytest.mark.parametrize("value", [{"S": 5}, {"N": None}, {"B": "no base64!"}, {}, {"S": "a", "N": "1"}, "x", {"L": 3}])
def test_what_is_no_typed_value_is_refused_without_its_content(value: Any) -> None:
    lines = [json.dumps({"Item": {"id": {"S": n}, "secret": v}}).encode() for n, v in [("1", {"S": "a"}), ("2", value)]]
    sink = Sink()
    outcome = TransformingWriter(sink, [rule("secret", "hash")], SALT, {}).put(lines)
    assert (outcome.written, outcome.settled, len(sink.lines)) == (1, 2, 1)
    (refused,) = outcome.refused
    assert "'secret'" in refused.reason
    assert json.loads(refused.operation) == {"PutRequest": {"Item": {"id": {"S": "2"}, "secret": {}}}}


def test_what_is_refused_behind_unsettled_items_is_not_settled() -> None:
    values: list[Any] = ["x", {"S": "a"}, {"S": "b"}, "y"]
    lines = [json.dumps({"Item": {"id": {"S": str(n)}, "e": value}}).encode() for n, value in enumerate(values)]
    outcome = TransformingWriter(Sink(most=1), [rule("e", "mask")], None, {}).put(lines)
    assert (outcome.written, len(outcome.refused), outcome.settled) == (1, 1, 2)


def test_keys_are_refused() -> None:
    keys = KeySchema((("id", "S"), ("at", "N")))
    for path in ("id", "at", "id.x"):
        with pytest.raises(RequestRefused, match="part of the primary key"):
            refuse_rules_for_keys("users", [rule("email", "hash"), rule(path, "hash")], keys)
    refuse_rules_for_keys("users", [rule("ids", "hash"), rule("profile.id", "drop")], keys)
