"""What S3 does with an object that was uploaded in parts and MiniStack does not: the bucket's default lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.emulator import patch_points as at


def apply() -> None:
    """Install the patch."""
    at.COMPLETE_MULTIPART_UPLOAD.wrap(_lock_by_default)


def _lock_by_default(original: Callable[..., Any]) -> Callable[..., Any]:
    """Lock it as MiniStack locks what is put in one request. DynamoDB's exports come in parts."""

    def completed(bucket_name: str, key: str, *arguments: Any, **named: Any) -> Any:
        answer = original(bucket_name, key, *arguments, **named)
        version = answer[1].get("x-amz-version-id")
        if version:
            at.APPLY_OBJECT_LOCK.current(bucket_name, key, {}, version)
        return answer

    return completed
