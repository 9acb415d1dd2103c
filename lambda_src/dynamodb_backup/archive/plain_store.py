"""One bucket of any S3-compatible store, used by nothing but what all such stores have.

That is PutObject, multipart uploads, HeadObject, GetObject and ListObjectsV2, with Content-MD5, by which a store
refuses what arrived otherwise. There are no tags, ACLs, conditions or S3's newer checksums: Backblaze B2, Cloudflare
R2, MinIO and others each lack one of them.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from dynamodb_backup.aws_errors import error_code, explain, is_transient, patiently
from dynamodb_backup.errors import ObjectChanged, ObjectMissing, ReadInterrupted, StoreUnusable

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["PART_BYTES", "Held", "PlainStore", "UploadGone", "md5_of"]

PART_BYTES = 8 * 1_048_576
"""Every part but the last is of this size. Stores take parts from 5 MiB, R2 only equal ones, all at most 10,000."""

_MISSING = {"NoSuchKey", "404", "NotFound"}

T = TypeVar("T")


@dataclass(frozen=True)
class Held:
    """What a store says of an object that it holds. ``etag`` is without quotes."""

    size: int
    etag: str


class UploadGone(StoreUnusable):
    """A multipart upload is no longer there: it was completed, abandoned, or given up by the store."""


def md5_of(body: bytes) -> str:
    """Return the MD5 in hexadecimal. It guards against accidents, and is what manifests and stores have in common."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


class PlainStore:
    """One bucket. ``name`` says in messages which store it is of."""

    def __init__(self, client: S3Client, bucket: str, name: str) -> None:
        self._client = client
        self.bucket = bucket
        self.name = name

    def place(self, key: str) -> str:
        return f"s3://{self.bucket}/{key} of {self.name}"

    def try_access(self, prefix: str) -> None:
        """List one object, so that a wrong bucket, endpoint or key is told before anything is copied.

        Raises
        ------
        StoreUnusable
            The store refuses it.
        """
        self._ask(lambda: self._client.list_objects_v2(Bucket=self.bucket, Prefix=prefix, MaxKeys=1))

    def head(self, key: str) -> Held | None:
        """Return an object's size in bytes and ETag; ``None`` if there is none."""
        try:
            answer = self._ask(lambda: self._client.head_object(Bucket=self.bucket, Key=key), key)
        except ObjectMissing:
            return None
        return Held(answer["ContentLength"], answer["ETag"].strip('"'))

    def read(self, key: str, held: Held, start: int = 0) -> bytes:
        """Return up to ``PART_BYTES`` of an object that was asked about before, from an offset in bytes.

        Raises
        ------
        ObjectChanged
            It was replaced since then.
        ReadInterrupted
            The connection broke again and again.
        """
        length = min(PART_BYTES, held.size - start)
        # Without a range S3 sends its own checksum along, which botocore compares.
        part: dict[str, Any] = {} if length == held.size else {"Range": f"bytes={start}-{start + length - 1}"}

        def read() -> bytes:
            answer = self._client.get_object(Bucket=self.bucket, Key=key, **part)
            with answer["Body"] as stream:
                if answer["ETag"].strip('"') != held.etag:
                    raise ObjectChanged(f"{self.place(key)} was replaced while it was copied")
                try:
                    body = stream.read()
                except BotoCoreError as error:
                    raise ReadInterrupted(f"reading {self.place(key)} broke off: {error}") from error
            if len(body) != length:
                raise ReadInterrupted(f"reading {self.place(key)} gave {len(body)} bytes instead of {length}")
            return body

        return self._ask(read, key)

    def put(self, key: str, body: bytes) -> None:
        """Write an object whatever was there, and check what the store then holds."""
        md5 = _content_md5(body)
        self._ask(lambda: self._client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentMD5=md5))
        self.check(key, len(body), [md5_of(body)], md5_of(body))

    def begin(self, key: str) -> str:
        """Begin a multipart upload, and return its id. No object is there before it is completed."""
        return self._ask(lambda: self._client.create_multipart_upload(Bucket=self.bucket, Key=key))["UploadId"]

    def put_part(self, key: str, upload_id: str, number: int, body: bytes) -> str:
        """Write one part, from 1, and return its ETag as the store wants to have it back.

        Raises
        ------
        UploadGone
            There is no such upload any more.
        """
        answer = self._ask(
            lambda: self._client.upload_part(
                Bucket=self.bucket,
                Key=key,
                UploadId=upload_id,
                PartNumber=number,
                Body=body,
                ContentMD5=_content_md5(body),
            )
        )
        return answer["ETag"]

    def complete(self, key: str, upload_id: str, etags: Sequence[str]) -> None:
        """Make the parts an object.

        Raises
        ------
        UploadGone
            There is no such upload any more; perhaps it was completed, and the answer was lost.
        """
        parts: Any = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, start=1)]
        self._ask(
            lambda: self._client.complete_multipart_upload(
                Bucket=self.bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}
            )
        )

    def abandon(self, key: str, upload_id: str) -> None:
        """Give up an upload whose parts nobody needs."""
        self._ask(lambda: self._client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id))

    def check(self, key: str, size: int, part_md5s: Sequence[str], md5: str) -> None:
        """Compare what the store holds with what it was given, by size and checksum.

        The ETag is the MD5 of an object, or of its parts' MD5s, with most stores. Where it is neither, as under some
        encryptions, the object is read back and its MD5 computed.

        Raises
        ------
        StoreUnusable
            It holds something else.
        """
        held = self.head(key)
        if held is None or held.size != size:
            found = "nothing" if held is None else f"{held.size} bytes"
            raise StoreUnusable(f"{self.place(key)} was written with {size} bytes, but the store holds {found}")
        if held.etag not in {md5, _etag_of_parts(part_md5s)} and self.md5(key, held) != md5:
            raise StoreUnusable(f"{self.place(key)} does not hold what was written: its MD5 is not {md5}")

    def md5(self, key: str, held: Held) -> str:
        """Read an object and return its MD5."""
        digest = hashlib.md5(usedforsecurity=False)
        for start in range(0, held.size, PART_BYTES):
            digest.update(self.read(key, held, start))
        return digest.hexdigest()

    def _ask(self, call: Callable[[], T], key: str = "") -> T:
        try:
            return patiently(call)
        except ClientError as error:
            if key and error_code(error) in _MISSING:
                raise ObjectMissing(self.bucket, key) from error
            if error_code(error) == "NoSuchUpload":
                raise UploadGone(f"{self.name} knows the multipart upload no more") from error
            if is_transient(error):
                raise
            raise StoreUnusable(f"bucket {self.bucket} of {self.name} cannot be used: {explain(error)}") from error


def _content_md5(body: bytes) -> str:
    return b64encode(bytes.fromhex(md5_of(body))).decode()


def _etag_of_parts(part_md5s: Sequence[str]) -> str:
    return f"{md5_of(bytes.fromhex(''.join(part_md5s)))}-{len(part_md5s)}"
