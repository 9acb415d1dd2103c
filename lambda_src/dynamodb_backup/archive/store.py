"""One bucket, read and written with conditions, and with errors that have names."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, FlexibleChecksumError

from dynamodb_backup.aws_errors import error_code, patiently
from dynamodb_backup.errors import (
    BackupDamaged,
    ObjectArchived,
    ObjectChanged,
    ObjectMissing,
    ReadInterrupted,
    WriteConflict,
)

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["MOST_READS", "MOST_WRITE_CONFLICTS", "ListedObject", "ObjectStore", "ObjectTerms", "StoredObject"]

MOST_READS = 5
"""How often an object is read anew when the connection breaks in the middle of it."""

MOST_WRITE_CONFLICTS = 20
"""How often a conditional write is tried anew on what somebody else wrote meanwhile."""

_MISSING = {"NoSuchKey", "404", "NotFound"}
_CONFLICT = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}


@dataclass(frozen=True)
class ObjectTerms:
    """How objects of an export are encrypted and whose they are, as DynamoDB does it for its own.

    Without a KMS key it is S3's own (AES256). ``bucket_owner`` is the account of a bucket that is not ours.
    """

    kms_key_id: str | None = None
    bucket_owner: str | None = None

    def parameters(self) -> dict[str, Any]:
        owner: dict[str, Any] = {}
        if self.bucket_owner:
            owner = {"ACL": "bucket-owner-full-control", "ExpectedBucketOwner": self.bucket_owner}
        if self.kms_key_id is None:
            return {"ServerSideEncryption": "AES256", **owner}
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key_id, **owner}


@dataclass(frozen=True)
class ListedObject:
    """An object as a listing names it. ``written`` is when its current version was."""

    key: str
    written: datetime


@dataclass(frozen=True)
class StoredObject:
    """The bytes of one object and the ETag under which they were read."""

    body: bytes
    etag: str


class ObjectStore:
    """One bucket. ``ClientError`` passes through where no name of ours fits (access denied, no such bucket)."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    def in_bucket(self, bucket: str) -> ObjectStore:
        return self if bucket == self.bucket else ObjectStore(self._client, bucket)

    def get(self, key: str) -> StoredObject:
        """Read a small object whole.

        Raises
        ------
        ObjectMissing
            There is no such object.
        ReadInterrupted
            The connection broke again and again.
        """

        def read() -> StoredObject:
            body, etag = self.open(key)
            with body:
                return StoredObject(body.read(), etag)

        return patiently(read)

    def find(self, key: str) -> StoredObject | None:
        """Read a small object whole; ``None`` if there is none."""
        try:
            return self.get(key)
        except ObjectMissing:
            return None

    def open(self, key: str, *, etag: str | None = None) -> tuple[io.RawIOBase, str]:
        """Open an object for streaming and return it with its ETag, pinned to ``etag`` where one is given.

        Raises
        ------
        ObjectMissing
            There is no such object.
        BackupDamaged
            The key has a part that means another folder elsewhere; S3 itself knows no folders.
        ObjectChanged
            The object no longer has that ETag.
        ObjectArchived
            The object lies in Deep Archive or the like.
        """
        self._refuse_way_up(key)
        pin: dict[str, Any] = {"IfMatch": etag} if etag else {}
        try:
            answer = self._client.get_object(Bucket=self.bucket, Key=key, **pin)
        except ClientError as error:
            if error_code(error) in _MISSING:
                raise ObjectMissing(self.bucket, key) from error
            if error_code(error) in _CONFLICT:
                raise ObjectChanged(f"s3://{self.bucket}/{key} was replaced after it had been verified") from error
            if error_code(error) == "InvalidObjectState":
                raise ObjectArchived(
                    f"s3://{self.bucket}/{key} is archived and cannot be read before a copy is fetched from the "
                    "archive; fetch the whole export as docs/retention.md shows, and restore again"
                ) from error
            raise
        if etag and answer["ETag"] != etag:
            answer["Body"].close()
            raise ObjectChanged(f"s3://{self.bucket}/{key} was replaced after it had been verified")
        return _Body(answer["Body"], f"s3://{self.bucket}/{key}"), answer["ETag"]

    def _refuse_way_up(self, key: str) -> None:
        """Refuse a key out of a manifest or record that stores and proxies on the way would read as another one."""
        if not {"..", "."}.isdisjoint(key.split("/")) or not key.isprintable():
            raise BackupDamaged(f"s3://{self.bucket}/{ascii(key)[1:-1]} is no key of a backup: somebody made it up")

    def head(self, key: str) -> tuple[int, str]:
        """Return an object's size in bytes and its ETag.

        Raises
        ------
        ObjectMissing
            There is no such object.
        """
        self._refuse_way_up(key)
        try:
            answer = patiently(lambda: self._client.head_object(Bucket=self.bucket, Key=key))
        except ClientError as error:
            if error_code(error) in _MISSING:
                raise ObjectMissing(self.bucket, key) from error
            raise
        return answer["ContentLength"], answer["ETag"]

    def put(self, key: str, body: bytes, *, content_type: str = "application/json") -> str:
        """Write an object whatever was there, and return its ETag."""
        answer = patiently(
            lambda: self._client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=content_type)
        )
        return answer["ETag"]

    def put_on_terms(self, key: str, body: bytes, content_type: str, terms: ObjectTerms, **checks: Any) -> str:
        """Write an object of an export as DynamoDB would, and return its ETag.

        Parameters
        ----------
        checks
            ``ContentMD5``, ``ChecksumSHA256``: S3 refuses an object that arrives otherwise. ``Metadata``: kept with it.
        """
        fixed: dict[str, Any] = {"Bucket": self.bucket, "Key": key, "Body": body, "ContentType": content_type}
        answer = patiently(lambda: self._client.put_object(**fixed, **terms.parameters(), **checks))
        return answer["ETag"]

    def put_if_unchanged(self, key: str, body: bytes, etag: str | None) -> str:
        """Write a JSON object only if it still has that ETag, or, for ``None``, only if there is none yet.

        A write whose answer was lost is made again and then conflicts with itself; callers merge with what is there.

        Raises
        ------
        WriteConflict
            Somebody else wrote it in between.
        """
        condition: dict[str, Any] = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        try:
            answer = patiently(
                lambda: self._client.put_object(
                    Bucket=self.bucket, Key=key, Body=body, ContentType="application/json", **condition
                )
            )
        except ClientError as error:
            if error_code(error) in _CONFLICT | _MISSING:
                raise WriteConflict(
                    f"s3://{self.bucket}/{key} was written by somebody else at the same time"
                ) from error
            raise
        return answer["ETag"]

    def put_own(self, key: str, body: bytes, etag: str | None) -> str:
        """Write as ``put_if_unchanged`` does, and know one's own write again when only its answer was lost.

        For bodies that no other writer would write alike, because they say whose they are, or when they were written.

        Raises
        ------
        WriteConflict
            Somebody else wrote it in between.
        """
        try:
            return self.put_if_unchanged(key, body, etag)
        except WriteConflict:
            stored = self.find(key)
            if stored is None or stored.body != body:
                raise
            return stored.etag

    def next_objects(self, prefix: str, *, after: str | None, most: int) -> list[ListedObject]:
        """Return up to ``most`` (at most 1000) objects under a prefix in order of keys, those after the given one."""
        start: dict[str, Any] = {"StartAfter": after} if after else {}
        answer = patiently(
            lambda: self._client.list_objects_v2(Bucket=self.bucket, Prefix=prefix, MaxKeys=most, **start)
        )
        return [ListedObject(found["Key"], found["LastModified"]) for found in answer.get("Contents", [])]

    def tag(self, key: str, name: str, value: str) -> None:
        """Give an object this one tag, in place of any others.

        Raises
        ------
        ObjectMissing
            There is no such object.
        """
        tagging: Any = {"TagSet": [{"Key": name, "Value": value}]}
        try:
            patiently(lambda: self._client.put_object_tagging(Bucket=self.bucket, Key=key, Tagging=tagging))
        except ClientError as error:
            if error_code(error) in _MISSING:
                raise ObjectMissing(self.bucket, key) from error
            raise

    def folders(self, prefix: str) -> list[str]:
        """Return every folder key directly under a prefix, all pages, in key order."""
        pages = self._client.get_paginator("list_objects_v2")

        def read() -> list[str]:
            found = pages.paginate(Bucket=self.bucket, Prefix=prefix, Delimiter="/")
            return [folder["Prefix"] for page in found for folder in page.get("CommonPrefixes", [])]

        return patiently(read)

    def keys(self, prefix: str) -> list[str]:
        """Return the key of every object under a prefix, all pages, in key order."""
        return list(self.etags(prefix))

    def etags(self, prefix: str) -> dict[str, str]:
        """Return the ETag of every object under a prefix by its key, all pages, in key order."""
        pages = self._client.get_paginator("list_objects_v2")

        def read() -> dict[str, str]:
            found = pages.paginate(Bucket=self.bucket, Prefix=prefix)
            return {one["Key"]: one["ETag"] for page in found for one in page.get("Contents", [])}

        return patiently(read)


class _Body(io.RawIOBase):
    """A streaming body that says which object broke off."""

    def __init__(self, body: Any, name: str) -> None:
        self._body = body
        self._name = name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def read(self, size: int | None = -1) -> bytes:
        try:
            return self._body.read(None if size is None or size < 0 else size)  # type: ignore[no-any-return]
        except FlexibleChecksumError as error:
            raise BackupDamaged(f"{self._name} is altered: S3's own checksum of it is another ({error})") from error
        except BotoCoreError as error:
            raise ReadInterrupted(f"reading {self._name} broke off: {error}") from error

    def readall(self) -> bytes:
        return self.read()

    def close(self) -> None:
        self._body.close()
        super().close()
