"""Dropping, masking and hashing attributes on the way into a target table.

Only a table with rules comes through here: its lines are parsed and written anew. Every value keeps its type, so that
indexes and readers go on working. Items that DynamoDB refuses are kept as they were sent, that is transformed. What is
no typed value cannot be transformed: DynamoDB would refuse its item, so it is refused here, and kept without the value.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dynamodb_backup.archive.datafile import item_of
from dynamodb_backup.contract.transform import TRANSFORM, Rule
from dynamodb_backup.errors import RequestRefused
from dynamodb_backup.restore.modes import LineWriter
from dynamodb_backup.table.batch_write import Outcome, Refused
from dynamodb_backup.table.keys import KeySchema

__all__ = ["TransformingWriter", "refuse_rules_for_keys"]

MASKED_TEXT = "***"
MASKED_NUMBER = "0"
MASKED_BINARY = b64encode(b"\0").decode()
NUMBER_BYTES = 15
"""120 bits make at most 37 digits; a number has 38."""

Value = dict[str, Any]


def refuse_rules_for_keys(table: str, rules: Sequence[Rule], keys: KeySchema) -> None:
    """Refuse rules that would change a primary key.

    Raises
    ------
    RequestRefused
        A rule names a key attribute: two items could become one.
    """
    names = {name for name, _ in keys.attributes}
    for rule in rules:
        if rule.path[0] in names:
            raise RequestRefused(
                TRANSFORM,
                f"names '{rule.name}' of table '{table}', which is part of the primary key: items could become one",
            )


class Untyped(Exception):
    """An item holds, where a rule leads, what is no typed value."""


@dataclass(frozen=True)
class Transformed:
    """A line as it is to be written, how often each rule met something in it, and why it cannot be written, if so."""

    line: bytes
    counts: Counter[str]
    flaw: str | None


class TransformingWriter:
    """A writer that applies the rules of one table to each item before it is written."""

    def __init__(self, writer: LineWriter, rules: Sequence[Rule], salt: str | None, counts: dict[str, int]) -> None:
        self._writer = writer
        self._rules = rules
        self._salt = (salt or "").encode()
        self._counts = counts
        self._counting = threading.Lock()

    def put(self, lines: Sequence[bytes]) -> Outcome:
        """Put transformed lines. Raises ``ClientError`` for what no retry mends."""
        made = [self._transformed(line) for line in lines]
        wanted = [number for number, one in enumerate(made) if one.flaw is None]
        outcome = self._writer.put([made[number].line for number in wanted]) if wanted else Outcome()
        # Where time ran out, the outcome is that of the leading lines up to the first one that is not settled.
        settled = made[: wanted[outcome.settled]] if outcome.unsettled else made
        outcome.refused += [Refused(b'{"PutRequest":' + one.line + b"}", one.flaw) for one in settled if one.flaw]
        with self._counting:
            for one in settled:
                for name, count in one.counts.items():
                    self._counts[name] = self._counts.get(name, 0) + count
        return outcome

    def _transformed(self, line: bytes) -> Transformed:
        item = item_of(line)
        counts: Counter[str] = Counter()
        flaw = None
        for rule in self._rules:
            try:
                counts[rule.name] += self._apply(rule, item)
            except Untyped:
                flaw = f"the item holds at '{rule.name}', which 'transform' names, what is no typed value of DynamoDB"
        return Transformed(json.dumps({"Item": item}, separators=(",", ":")).encode(), counts, flaw)

    def _apply(self, rule: Rule, item: dict[str, Value]) -> int:
        """Apply a rule wherever its path leads. Raises ``Untyped`` after the last place if one holds no typed value."""
        count, untyped = 0, False
        *way, last = rule.path
        for attributes in _maps_at(item, way):
            if last not in attributes:
                continue
            if rule.action == "drop":
                del attributes[last]
            else:
                try:
                    attributes[last] = _each(attributes[last], self._mask if rule.action == "mask" else self._hash)
                except (ValueError, TypeError, AttributeError, RecursionError):
                    # Whatever it is, it is what the rule keeps from the copy: the refused item must not hold it either.
                    attributes[last], untyped = {}, True
            count += 1
        if untyped:
            raise Untyped
        return count

    @staticmethod
    def _mask(kind: str, _value: str) -> str:
        return {"S": MASKED_TEXT, "N": MASKED_NUMBER}.get(kind, MASKED_BINARY)

    def _hash(self, kind: str, value: str) -> str:
        """Return a keyed digest of the same type: equal values stay equal, in all tables, for whoever has the salt."""
        content = b64decode(value, validate=True) if kind == "B" else value.encode()
        digest = hmac.new(self._salt, kind.encode() + b"\0" + content, hashlib.sha256)
        if kind == "S":
            return digest.hexdigest()
        if kind == "N":
            return str(int.from_bytes(digest.digest()[:NUMBER_BYTES], "big"))
        return b64encode(digest.digest()).decode()


def _maps_at(attributes: dict[str, Value], way: Sequence[str]) -> Iterator[dict[str, Value]]:
    """Yield the maps to which a path leads; a list on the way stands for each of its elements."""
    if not way:
        yield attributes
        return
    for value in _through_lists(attributes.get(way[0])):
        inner = value.get("M")
        if isinstance(inner, dict):
            yield from _maps_at(inner, way[1:])


def _through_lists(value: Value | None) -> Iterator[Value]:
    if not isinstance(value, dict):
        return
    elements = value.get("L")
    if isinstance(elements, list):
        for element in elements:
            yield from _through_lists(element)
    else:
        yield value


def _each(value: Value, change: Callable[[str, str], str]) -> Value:
    """Change every scalar in a value, whatever it is nested in; truth values become false, and null stays."""
    ((kind, content),) = value.items()
    if kind in {"S", "N", "B"}:
        return {kind: change(kind, content)}
    if kind in {"SS", "NS", "BS"}:
        # Masked, all members are equal, and a set holds each only once.
        return {kind: sorted({change(kind[0], member) for member in content})}
    if kind == "L":
        return {kind: [_each(element, change) for element in content]}
    if kind == "M":
        return {kind: {name: _each(member, change) for name, member in content.items()}}
    return {kind: False} if kind == "BOOL" else {kind: content}
