"""Throttling part of a BatchWriteItem: the emulator gets the rest, the client gets UnprocessedItems."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sandbox.edge.http1 import Request, Response
from sandbox.emulator.iam_patches import REWRITTEN_HEADER

_ANSWER_HEADERS = [("content-type", "application/x-amz-json-1.0")]


def split(request: Request, keeps: Callable[[int], bool]) -> tuple[Request | None, dict[str, Any]]:
    """Return the request with the operations that it keeps (None when there is none), and the rest by table.

    `keeps` is asked for each operation of the request once, by its position.
    """
    kept: dict[str, Any] = {}
    held_back: dict[str, Any] = {}
    position = 0
    for table, operations in json.loads(request.body)["RequestItems"].items():
        for operation in operations:
            (kept if keeps(position) else held_back).setdefault(table, []).append(operation)
            position += 1
    if not kept:
        return None, held_back
    members = json.loads(request.body) | {"RequestItems": kept}
    headers = [*request.headers, (REWRITTEN_HEADER, "1")]
    return replace(request, headers=headers, body=json.dumps(members).encode()), held_back


def unprocessed(held_back: dict[str, Any], answered: Response | None) -> Response:
    """Return the answer to the client: what the emulator said of the part it got, and what was held back."""
    if answered is not None and answered.status != 200:
        return answered
    members = json.loads(answered.body) if answered else {}
    still_open = dict(members.get("UnprocessedItems", {}))
    for table, operations in held_back.items():
        still_open[table] = still_open.get(table, []) + operations
    body = json.dumps(members | {"UnprocessedItems": still_open}).encode()
    return Response(200, list(_ANSWER_HEADERS), body)
