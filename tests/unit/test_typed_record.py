"""A stored record becomes a dataclass whose fields hold what their types say, or is refused by the member's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from dynamodb_backup.typed_record import record_of


@dataclass(frozen=True)
class Part:
    name: str
    size: int = 0


@dataclass
class Record:
    id: str
    rate: float | None = None
    done: bool = False
    parts: list[Part] = field(default_factory=list)
    by_name: Mapping[str, Part] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    span: tuple[int, str] | None = None
    more: dict[str, Any] = field(default_factory=dict)


def test_everything_inside_is_made_likewise() -> None:
    document = {
        "id": "a",
        "rate": 2,
        "parts": [{"name": "x", "size": 3}],
        "by_name": {"y": {"name": "y"}},
        "warnings": ["w"],
        "span": [1, "b"],
        "more": {"a": [1, {}]},
        "of a newer version": 1,
    }
    assert record_of(Record, document) == Record(
        "a", 2, False, [Part("x", 3)], {"y": Part("y")}, ("w",), (1, "b"), {"a": [1, {}]}
    )


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (None, "it must be an object"),
        ([], "it must be an object"),
        ({}, "it lacks 'id'"),
        ({"id": 1}, "'id' must be a text"),
        ({"id": None}, "'id' must be a text"),
        ({"id": "a", "rate": True}, "'rate' must be a number"),
        ({"id": "a", "done": 1}, "'done' must be true or false"),
        ({"id": "a", "parts": {}}, "'parts' must be an array"),
        ({"id": "a", "parts": [{"size": 1}]}, "'parts' lacks 'name'"),
        ({"id": "a", "parts": [{"name": "x", "size": 1.0}]}, "'size' must be an integer"),
        ({"id": "a", "parts": [{"name": "x", "size": True}]}, "'size' must be an integer"),
        ({"id": "a", "by_name": {"x": 1}}, "'by_name' must be an object"),
        ({"id": "a", "warnings": "w"}, "'warnings' must be an array"),
        ({"id": "a", "span": [1]}, "'span' must be an array of 2"),
        ({"id": "a", "span": ["b", 1]}, "'span' must be an integer"),
    ],
)
def test_a_member_of_another_type_is_named(document: object, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}$"):
        record_of(Record, document)


def test_a_closed_record_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="unknown member 'newer'"):
        record_of(Record, {"id": "a", "newer": 1}, closed=True)
    inside = {"id": "a", "parts": [{"name": "x", "newer": 1}]}
    assert record_of(Record, inside, closed=True).parts == [Part("x")]
