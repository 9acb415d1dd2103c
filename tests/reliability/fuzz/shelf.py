"""An object store in memory, which holds what an input says."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from dynamodb_backup.archive.store import ObjectStore, StoredObject
from dynamodb_backup.errors import ObjectMissing

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["Shelf"]

ETAG = '"etag"'


class Shelf(ObjectStore):
    """Objects by key; ``anywhere`` is the body of every other key, ``None`` if there is no other."""

    def __init__(self, objects: Mapping[str, bytes] | None = None, *, anywhere: bytes | None = None) -> None:
        super().__init__(cast("S3Client", None), "backups")
        self.objects = dict(objects or {})
        self._anywhere = anywhere

    def get(self, key: str) -> StoredObject:
        body = self.objects.get(key, self._anywhere)
        if body is None:
            raise ObjectMissing(self.bucket, key)
        return StoredObject(body, ETAG)

    def head(self, key: str) -> tuple[int, str]:
        return len(self.get(key).body), ETAG

    def open(self, key: str, *, etag: str | None = None) -> tuple[io.RawIOBase, str]:
        return cast("io.RawIOBase", io.BytesIO(self.get(key).body)), ETAG

    def put(self, key: str, body: bytes, *, content_type: str = "application/json") -> str:
        self.objects[key] = body
        return ETAG

    def put_if_unchanged(self, key: str, body: bytes, etag: str | None) -> str:
        return self.put(key, body)
