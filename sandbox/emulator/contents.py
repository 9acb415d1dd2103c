"""Objects and items that are simply there: many in one request, put by MiniStack's own handlers."""

from __future__ import annotations

import html
import json
import re
from base64 import b64decode
from typing import Any

from sandbox.emulator import patch_points as at

_TAG = re.compile(rb"<Key>([^<]*)</Key>\s*<Value>([^<]*)</Value>")


async def put(body: bytes) -> dict[str, Any]:
    """Put `objects` (keys with base64) into `bucket`, `items` (wire JSON) into `table`, or tell what is in `bucket`.

    Raises ValueError when a service refuses one.
    """
    wanted = json.loads(body)
    if wanted.get("describe"):
        return {key: await _described(f"/{wanted['bucket']}/{key}") for key in _keys(wanted["bucket"])}
    for key, content in wanted.get("objects", {}).items():
        path = f"{wanted['bucket']}/{key}"
        answer = await at.HANDLE_S3.current("PUT", f"/{path}", {}, b64decode(content), {}, internal=True)
        _accepted(answer, path)
    for item in wanted.get("items", ()):
        _accepted(at.PUT_ITEM.current({"TableName": wanted["table"], "Item": item}), f"an item of {wanted['table']}")
    return {}


def _keys(bucket: str) -> list[str]:
    return sorted(at.BUCKETS.current[bucket]["objects"])


async def _described(path: str) -> dict[str, Any]:
    """Return an object's headers, as HeadObject gives them, and its tags."""
    _, headers, _ = await at.HANDLE_S3.current("HEAD", path, {}, b"", {}, internal=True)
    _, _, tagging = await at.HANDLE_S3.current("GET", path, {}, b"", {"tagging": [""]}, internal=True)
    tags = {html.unescape(key.decode()): html.unescape(value.decode()) for key, value in _TAG.findall(tagging)}
    return {"headers": {name.lower(): value for name, value in headers.items()}, "tags": tags}


def _accepted(answer: tuple[int, Any, Any], what: str) -> None:
    status, _, body = answer
    if status != 200:
        raise ValueError(f"{what}: {body.decode() if isinstance(body, bytes) else body}")
