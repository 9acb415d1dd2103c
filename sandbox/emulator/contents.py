"""Objects and items that are simply there: many in one request, put by MiniStack's own handlers."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

from sandbox.emulator import patch_points as at


async def put(body: bytes) -> None:
    """Put `objects` (keys with base64) into `bucket`, or `items` (wire JSON) into `table`. Raises ValueError."""
    wanted = json.loads(body)
    for key, content in wanted.get("objects", {}).items():
        path = f"{wanted['bucket']}/{key}"
        answer = await at.HANDLE_S3.current("PUT", f"/{path}", {}, b64decode(content), {}, internal=True)
        _accepted(answer, path)
    for item in wanted.get("items", ()):
        _accepted(at.PUT_ITEM.current({"TableName": wanted["table"], "Item": item}), f"an item of {wanted['table']}")


def _accepted(answer: tuple[int, Any, Any], what: str) -> None:
    status, _, body = answer
    if status != 200:
        raise ValueError(f"{what}: {body.decode() if isinstance(body, bytes) else body}")
