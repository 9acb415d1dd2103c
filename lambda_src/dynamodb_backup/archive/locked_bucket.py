"""A bucket with S3 Object Lock: what it locks by default, prolonging a lock, and legal holds.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from dynamodb_backup.aws_errors import error_code, patiently
from dynamodb_backup.errors import ConfigurationError, ObjectMissing

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from dynamodb_backup.object_lock import ObjectLock

__all__ = ["LockedBucket"]

_MISSING = {"NoSuchKey", "404", "NotFound"}
_NO_LOCK = {"ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration"}
_DAYS_A_YEAR = 365


@dataclass(frozen=True)
class LockedBucket:
    """The bucket. ``ClientError`` passes through where no name of ours fits."""

    client: S3Client
    bucket: str

    def refuse_without(self, lock: ObjectLock) -> None:
        """Check that the bucket locks new objects at least as the module's user asks.

        Raises
        ------
        ConfigurationError
            It has no Object Lock, or locks new objects in another mode or for fewer days.
        """
        found = self._default_retention()
        wanted = f"{lock.mode} for {lock.default_days} days"
        if found is None:
            problem = "has no S3 Object Lock that locks new objects by default"
        elif found[0] != lock.mode or found[1] < lock.default_days:
            problem = f"locks new objects by default as {found[0]} for {found[1]} days"
        else:
            return
        raise ConfigurationError(
            "OBJECT_LOCK",
            f"asks for objects locked as {wanted}, but bucket {self.bucket} {problem}; set its default retention, as "
            "docs/immutability.md shows, or take the module's input immutability away. No backup was begun",
        )

    def prolong(self, key: str, mode: str, until: datetime) -> None:
        """Lock an object until then, unless it is locked for longer already.

        Raises
        ------
        ObjectMissing
            There is no such object.
        """
        terms: Any = {"Mode": mode, "RetainUntilDate": until}
        try:
            self._call(key, lambda: self.client.put_object_retention(Bucket=self.bucket, Key=key, Retention=terms))
        except ClientError as error:
            # S3's answer is the same for a lock that would become shorter and for a missing permission.
            if error_code(error) != "AccessDenied" or not self._is_locked_until(key, until):
                raise

    def hold(self, key: str, *, on: bool) -> None:
        """Put a legal hold on an object, or take it away.

        Raises
        ------
        ObjectMissing
            There is no such object.
        """
        status: Any = {"Status": "ON" if on else "OFF"}
        self._call(key, lambda: self.client.put_object_legal_hold(Bucket=self.bucket, Key=key, LegalHold=status))

    def tag_of(self, key: str, *names: str) -> str | None:
        """Return the value of the first of these tags that an object has.

        Raises
        ------
        ObjectMissing
            There is no such object.
        """
        answer = self._call(key, lambda: self.client.get_object_tagging(Bucket=self.bucket, Key=key))
        tags = {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}
        return next((tags[name] for name in names if name in tags), None)

    def _default_retention(self) -> tuple[str, int] | None:
        try:
            answer = patiently(lambda: self.client.get_object_lock_configuration(Bucket=self.bucket))
        except ClientError as error:
            if error_code(error) in _NO_LOCK:
                return None
            raise
        rule: Any = answer.get("ObjectLockConfiguration", {}).get("Rule", {}).get("DefaultRetention")
        return (rule["Mode"], rule.get("Days") or rule.get("Years", 0) * _DAYS_A_YEAR) if rule else None

    def _is_locked_until(self, key: str, until: datetime) -> bool:
        try:
            answer = self._call(key, lambda: self.client.get_object_retention(Bucket=self.bucket, Key=key))
        except ClientError:
            return False
        return bool(answer["Retention"]["RetainUntilDate"] >= until)

    def _call(self, key: str, call: Any) -> Any:
        try:
            return patiently(call)
        except ClientError as error:
            if error_code(error) in _MISSING:
                raise ObjectMissing(self.bucket, key) from error
            raise
