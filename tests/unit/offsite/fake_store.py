"""Two buckets in memory behind the calls that an off-site copy makes, and the faults that a store can have."""

from __future__ import annotations

import hashlib
import io
from base64 import b64encode
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from dynamodb_backup.archive.plain_store import PlainStore

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


def md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


class FakeStore:
    """One bucket. ``etag_of`` makes ETags, ``before`` may raise for a call by its name and key."""

    def __init__(self, objects: dict[str, bytes] | None = None) -> None:
        self.objects = dict(objects or {})
        self.etags: dict[str, str] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.etag_of: Callable[[bytes], str] = md5
        self.before: Callable[[str, str], None] = lambda call, key: None
        self.store_as: Callable[[bytes], bytes] = lambda body: body
        self.calls: list[tuple[str, str]] = []

    def plain(self, name: str = "https://store.example.com") -> PlainStore:
        return PlainStore(cast("S3Client", self), "bucket", name)

    def count(self, call: str) -> int:
        return sum(one == call for one, _ in self.calls)

    def _called(self, call: str, key: str) -> None:
        self.calls.append((call, key))
        self.before(call, key)

    def _etag(self, key: str) -> str:
        return f'"{self.etags.get(key) or self.etag_of(self.objects[key])}"'

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        self._called("head", Key)
        if Key not in self.objects:
            raise client_error("404", 404, "HeadObject")
        return {"ContentLength": len(self.objects[Key]), "ETag": self._etag(Key)}

    def get_object(self, *, Bucket: str, Key: str, Range: str | None = None) -> dict[str, Any]:  # noqa: N803
        self._called("get", Key)
        if Key not in self.objects:
            raise client_error("NoSuchKey", 404, "GetObject")
        first, _, last = (Range or "bytes=0-").removeprefix("bytes=").partition("-")
        body = self.objects[Key][int(first) : int(last) + 1 if last else None]
        return {"Body": StreamingBody(io.BytesIO(body), len(body)), "ETag": self._etag(Key)}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentMD5: str) -> dict[str, Any]:  # noqa: N803
        self._called("put", Key)
        assert ContentMD5 == b64encode(bytes.fromhex(md5(Body))).decode()
        self.objects[Key] = self.store_as(Body)
        self.etags.pop(Key, None)
        return {"ETag": self._etag(Key)}

    def create_multipart_upload(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        self._called("begin", Key)
        upload = f"upload-{self.count('begin')}"
        self.uploads[upload] = {}
        return {"UploadId": upload}

    def upload_part(self, **what: Any) -> dict[str, Any]:
        self._called("part", what["Key"])
        if what["UploadId"] not in self.uploads:
            raise client_error("NoSuchUpload", 404, "UploadPart")
        body = what["Body"]
        assert what["ContentMD5"] == b64encode(bytes.fromhex(md5(body))).decode()
        self.uploads[what["UploadId"]][what["PartNumber"]] = self.store_as(body)
        return {"ETag": f'"{md5(body)}"'}

    def complete_multipart_upload(self, **what: Any) -> dict[str, Any]:
        key = what["Key"]
        self._called("complete", key)
        if what["UploadId"] not in self.uploads:
            raise client_error("NoSuchUpload", 404, "CompleteMultipartUpload")
        parts = self.uploads.pop(what["UploadId"])
        bodies = [parts[one["PartNumber"]] for one in what["MultipartUpload"]["Parts"]]
        self.objects[key] = b"".join(bodies)
        of_parts = md5(b"".join(bytes.fromhex(md5(body)) for body in bodies))
        self.etags[key] = f"{of_parts}-{len(bodies)}" if self.etag_of is md5 else self.etag_of(self.objects[key])
        self.before("completed", key)
        return {"ETag": self._etag(key)}

    def abort_multipart_upload(self, *, Bucket: str, Key: str, UploadId: str) -> dict[str, Any]:  # noqa: N803
        self._called("abort", Key)
        self.uploads.pop(UploadId, None)
        return {}


def client_error(code: str, status: int, operation: str) -> ClientError:
    metadata: Any = {"HTTPStatusCode": status}
    return ClientError({"Error": {"Code": code, "Message": "says the test"}, "ResponseMetadata": metadata}, operation)
