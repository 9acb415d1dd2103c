"""What has room in an answer: a state machine carries no more of one than a state's output holds.

A state whose output is too large ends the execution by an error that none of its states can catch, so that nobody would
be told what failed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["MOST_ANSWER_BYTES", "with_room"]

MOST_ANSWER_BYTES = 200_000
"""A state's output holds 262,144 bytes: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html

The rest is for what Lambda's integration and the state machine itself put beside the answer.
"""

_STEPS = ((1000, 20), (300, 3))
"""Characters of a text and entries of a list in a row, as far as it takes."""

_TEXTS = frozenset({"error", "errors", "item_count_alert", "waiting", "warnings"})
"""What is written for people. Names, keys and ARNs are never cut: a part of one names something else."""

Row = Mapping[str, Any]


def with_room(body: dict[str, Any], rows: str, is_well: Callable[[Row], bool]) -> dict[str, Any]:
    """Return an answer's body as it is, or shortened until it has room.

    First its texts and the lists within its rows become shorter, then rows are left out, those first that are well;
    ``left_out`` counts them. The totals stay true.

    Parameters
    ----------
    rows
        The field that holds one object per table, or whatever the answer is about.
    is_well
        Tells of a row whether nobody has to do anything about it.
    """
    if _size(body) <= MOST_ANSWER_BYTES:
        return body
    short = body
    for text, entries in _STEPS:
        short = {name: value if name == rows else _cut(name, value, text, entries) for name, value in body.items()}
        short[rows] = [{name: _cut(name, value, text, entries) for name, value in row.items()} for row in body[rows]]
        if _size(short) <= MOST_ANSWER_BYTES:
            return short
    return _with_fewer(short, rows, is_well)


def _with_fewer(body: dict[str, Any], rows: str, is_well: Callable[[Row], bool]) -> dict[str, Any]:
    all_rows = sorted(body[rows], key=is_well)
    room = MOST_ANSWER_BYTES - _size({**body, rows: [], "left_out": len(all_rows)})
    kept = []
    for row in all_rows:
        room -= _size(row) + 2  # what stands between two of them
        if room < 0:
            break
        kept.append(row)
    return {**body, rows: kept, "left_out": len(all_rows) - len(kept)}


def _cut(name: str, value: Any, text: int, entries: int) -> Any:
    if isinstance(value, str):
        return f"{value[: text - 1]}…" if name in _TEXTS and len(value) > text else value
    if isinstance(value, list | tuple):
        return [_cut(name, one, text, entries) for one in value[:entries]]
    if isinstance(value, Mapping):
        most = entries if name in _TEXTS else len(value)
        within = name if name in _TEXTS else ""
        return {key: _cut(within or key, one, text, entries) for key, one in list(value.items())[:most]}
    return value


def _size(value: Any) -> int:
    """Return the bytes of a value as JSON in ASCII, which is never less than in UTF-8."""
    return len(json.dumps(value))
