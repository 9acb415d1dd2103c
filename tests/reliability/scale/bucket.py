"""A bucket in one file on disk, so that what it holds is not taken for what an operation needs in memory.

It answers as S3 does where that matters at scale: a listing has at most 1,000 keys a page, in order, and folders count
as keys. Each call is counted.
"""

from __future__ import annotations

import bisect
import hashlib
import io
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from tests.reliability.scale.limits import PAGE_KEYS

__all__ = ["Bucket", "refused"]

WRITTEN = datetime(2026, 1, 31, 12, tzinfo=UTC)
Made = Callable[[], bytes]


def refused(code: str, operation: str, status: int = 400) -> ClientError:
    metadata: Any = {"HTTPStatusCode": status}
    return ClientError(
        {"Error": {"Code": code, "Message": "says the rehearsal"}, "ResponseMetadata": metadata}, operation
    )


class _Place(NamedTuple):
    start: int
    size: int
    etag: str


class Bucket:
    """S3's calls as the functions make them. ``largest`` is the largest object written, by the end of its key."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the bucket
        self._places: dict[str, _Place | Made] = {}
        self._keys: list[str] = []
        self._sorted = True
        self._lock = threading.RLock()
        self.calls: Counter[str] = Counter()
        self.largest: Counter[str] = Counter()
        self.bytes_written = 0
        self.bytes_read = 0
        self.longest_page = 0
        self.tags: Counter[str] = Counter()
        self.uploads: dict[str, dict[int, bytes]] = {}

    def __del__(self) -> None:
        self._file.close()

    def __contains__(self, key: object) -> bool:
        return key in self._places

    @property
    def requests(self) -> int:
        return sum(self.calls.values())

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys under a prefix, in order."""
        with self._lock:
            if not self._sorted:
                self._keys.sort()
                self._sorted = True
            first = bisect.bisect_left(self._keys, prefix)
            last = bisect.bisect_left(self._keys, f"{prefix}\U0010ffff") if prefix else len(self._keys)
            return self._keys[first:last]

    def hold(self, key: str, body: bytes | Made) -> None:
        """Put an object there without a call; one that is given as a function is made whenever it is read."""
        with self._lock:
            if key not in self._places:
                self._keys.append(key)
                self._sorted = False
            self._places[key] = body if callable(body) else self._written(body)

    def body(self, key: str) -> bytes:
        with self._lock:
            place = self._places[key]
            if not isinstance(place, _Place):
                return place()
            self._file.seek(place.start)
            return self._file.read(place.size)

    def _written(self, body: bytes) -> _Place:
        start = self._file.seek(0, io.SEEK_END)
        self._file.write(body)
        return _Place(start, len(body), _etag(body))

    def _etag_of(self, key: str) -> str:
        place = self._places[key]
        return place.etag if isinstance(place, _Place) else _etag(place())

    def _standing(self, key: str, operation: str) -> str:
        self.calls[operation] += 1
        if key not in self._places:
            code = "404" if operation == "HeadObject" else "NoSuchKey"
            raise refused(code, operation, 404)
        return self._etag_of(key)

    def get_object(
        self,
        *,
        Bucket: str,  # noqa: N803
        Key: str,  # noqa: N803
        IfMatch: str | None = None,  # noqa: N803
        Range: str | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        with self._lock:
            etag = self._standing(Key, "GetObject")
            if IfMatch not in (None, etag):
                raise refused("PreconditionFailed", "GetObject", 412)
            body = self.body(Key)
            if Range:
                first, _, last = Range.removeprefix("bytes=").partition("-")
                body = body[int(first) : int(last) + 1 if last else None]
            self.bytes_read += len(body)
        return {"Body": StreamingBody(io.BytesIO(body), len(body)), "ETag": etag, "ContentLength": len(body)}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        with self._lock:
            etag = self._standing(Key, "HeadObject")
            return {"ContentLength": len(self.body(Key)), "ETag": etag}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **how: Any) -> dict[str, Any]:  # noqa: N803
        with self._lock:
            self.calls["PutObject"] += 1
            there = Key in self._places
            if ("IfNoneMatch" in how and there) or (
                "IfMatch" in how and not (there and self._etag_of(Key) == how["IfMatch"])
            ):
                raise refused("PreconditionFailed", "PutObject", 412)
            self.hold(Key, Body)
            kind = Key.rpartition("/")[2]
            self.largest[kind] = max(self.largest[kind], len(Body))
            self.bytes_written += len(Body)
            return {"ETag": self._etag_of(Key)}

    def put_object_tagging(self, *, Bucket: str, Key: str, Tagging: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        with self._lock:
            self._standing(Key, "PutObjectTagging")
            self.tags[Key] = len(Tagging["TagSet"])
            return {}

    def list_objects_v2(
        self,
        *,
        Bucket: str,  # noqa: N803
        Prefix: str,  # noqa: N803
        Delimiter: str = "",  # noqa: N803
        StartAfter: str = "",  # noqa: N803
        ContinuationToken: str = "",  # noqa: N803
        MaxKeys: int = PAGE_KEYS,  # noqa: N803
    ) -> dict[str, Any]:
        self.calls["ListObjectsV2"] += 1
        most = min(MaxKeys, PAGE_KEYS)
        keys = self.keys(Prefix)
        at = bisect.bisect_right(keys, ContinuationToken or StartAfter)
        found: list[dict[str, Any]] = []
        folders: list[dict[str, str]] = []
        while at < len(keys) and len(found) + len(folders) < most:
            rest = keys[at][len(Prefix) :]
            if Delimiter and Delimiter in rest:
                folder = f"{Prefix}{rest.split(Delimiter)[0]}{Delimiter}"
                folders.append({"Prefix": folder})
                at = bisect.bisect_left(keys, f"{folder}\U0010ffff")
            else:
                found.append({"Key": keys[at], "LastModified": WRITTEN, "ETag": self._etag_of(keys[at])})
                at += 1
        self.longest_page = max(self.longest_page, len(found) + len(folders))
        more = {"NextContinuationToken": keys[at - 1]} if at < len(keys) else {}
        return {"Contents": found, "CommonPrefixes": folders, "IsTruncated": bool(more), **more}

    def get_paginator(self, operation: str) -> _Pages:
        assert operation == "list_objects_v2"
        return _Pages(self)

    # An off-site store's multipart uploads

    def create_multipart_upload(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        self.calls["CreateMultipartUpload"] += 1
        upload = f"{Key}#{self.requests}"
        self.uploads[upload] = {}
        return {"UploadId": upload}

    def upload_part(self, **what: Any) -> dict[str, Any]:
        self.calls["UploadPart"] += 1
        self.uploads[what["UploadId"]][what["PartNumber"]] = what["Body"]
        return {"ETag": _etag(what["Body"])}

    def complete_multipart_upload(self, *, Bucket: str, Key: str, UploadId: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.calls["CompleteMultipartUpload"] += 1
        parts = self.uploads.pop(UploadId)
        body = b"".join(parts[number] for number in sorted(parts))
        of_parts = b"".join(hashlib.md5(part, usedforsecurity=False).digest() for _, part in sorted(parts.items()))
        with self._lock:
            self.hold(Key, body)
            place = self._places[Key]
            assert isinstance(place, _Place)
            etag = f'"{hashlib.md5(of_parts, usedforsecurity=False).hexdigest()}-{len(parts)}"'
            self._places[Key] = place._replace(etag=etag)
        return {"ETag": etag}


class _Pages:
    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def paginate(self, **parameters: Any) -> Iterator[dict[str, Any]]:
        page = self._bucket.list_objects_v2(**parameters)
        yield page
        while page["IsTruncated"]:
            page = self._bucket.list_objects_v2(**parameters, ContinuationToken=page["NextContinuationToken"])
            yield page


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
