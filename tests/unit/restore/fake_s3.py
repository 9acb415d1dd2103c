"""One bucket in memory, with connections that break."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError, ResponseStreamingError

from dynamodb_backup.archive.store import ObjectStore

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


class Body:
    """A streaming body that breaks off after so many bytes, if any number is given."""

    def __init__(self, content: bytes, break_after: int | None) -> None:
        self._stream = io.BytesIO(content)
        self._left = break_after

    def read(self, size: int | None = None) -> bytes:
        if self._left is None:
            return self._stream.read(-1 if size is None else size)
        chunk = self._stream.read(self._left if size is None else min(size, self._left))
        self._left -= len(chunk)
        if not chunk:
            raise ResponseStreamingError(error="the test breaks this connection")
        return chunk

    def close(self) -> None:
        self._stream.close()


class FakeS3:
    """The calls of an S3 client that ``ObjectStore`` makes. ``breaks`` gives where each next read breaks off."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects
        self.breaks: Iterator[int | None] = iter(())
        self.reads: list[str] = []

    def get_object(self, *, Bucket: str, Key: str, IfMatch: str | None = None) -> dict[str, Any]:  # noqa: N803
        self.reads.append(Key)
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        etag = f'"{hashlib.md5(self.objects[Key], usedforsecurity=False).hexdigest()}"'
        if IfMatch not in (None, etag):
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "GetObject")
        return {"Body": Body(self.objects[Key], next(self.breaks, None)), "ETag": etag}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.objects[Key] = Body
        return {"ETag": '"new"'}

    def store(self) -> ObjectStore:
        return ObjectStore(cast("S3Client", self), "backups")
