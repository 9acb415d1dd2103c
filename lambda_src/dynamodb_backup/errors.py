"""Everything that this package raises on purpose.

    ToolError
    ├── ConfigurationError      an environment variable is missing or malformed
    ├── RequestRefused          an event's field is unknown, of the wrong type, or contradicts another
    ├── HttpRefused             an HTTP request whose body, content type or route cannot be accepted
    ├── BackupNotFound          no such backup: date, table, export or restore id
    ├── BackupDamaged           what lies in S3 is not the whole backup that its manifests promise
    ├── UnsupportedExport       a real export, but not one that can be restored: ION, incremental, filtered
    ├── TargetUnusable          the target table is missing, not active, or has another key schema
    ├── ExportRefused           DynamoDB would not start an export
    ├── TableReplaced           the table was deleted and created again while it was read
    ├── ObjectMissing           one S3 object is not there
    ├── ObjectArchived          one S3 object lies in a storage class from which it must be fetched first
    ├── ObjectChanged           one S3 object is no longer the one that was verified
    ├── WriteConflict           somebody else wrote the same S3 object in between
    ├── StoreUnusable           an S3-compatible store or its key refuses, or it does not hold what it was given
    ├── ReadInterrupted         the connection broke while an S3 object was being read; reading again may help
    ├── QueueMessageMalformed   a message in the on-demand backup's queue is not one of ours
    └── TimeIsUp                the invocation must answer now; the same work continues in the next one

Every message says what went wrong, with which thing, and what to do. None holds item data.
"""

from __future__ import annotations

__all__ = [
    "BackupDamaged",
    "BackupNotFound",
    "ConfigurationError",
    "ExportRefused",
    "HttpRefused",
    "LeaseTaken",
    "ObjectArchived",
    "ObjectChanged",
    "ObjectMissing",
    "QueueMessageMalformed",
    "ReadInterrupted",
    "RequestRefused",
    "StoreUnusable",
    "TableReplaced",
    "TargetUnusable",
    "TimeIsUp",
    "ToolError",
    "UnsupportedExport",
    "WriteConflict",
]


class ToolError(Exception):
    """Base of every error that this package raises on purpose."""


class ConfigurationError(ToolError):
    """An environment variable of the function is missing or malformed."""

    def __init__(self, variable: str, problem: str) -> None:
        super().__init__(f"environment variable {variable} {problem}")
        self.variable = variable


class RequestRefused(ToolError):
    """A field of the event cannot be accepted. Nothing was read or written."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"field '{field}' {problem}")
        self.field = field


class HttpRefused(ToolError):
    """An HTTP request cannot be accepted, whatever its fields are. Nothing was read or started."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status = status


class BackupNotFound(ToolError):
    """There is no such backup."""


class BackupDamaged(ToolError):
    """A stored backup is not whole: a manifest, a checksum, a count or a line is wrong."""


class UnsupportedExport(ToolError):
    """The export is genuine but cannot be restored by writing items: ION, incremental or filtered."""


class TargetUnusable(ToolError):
    """The target table is missing, not active, or its key schema differs from the backup's."""


class ExportRefused(ToolError):
    """DynamoDB would not start the export, and trying again would not help."""


class TableReplaced(ToolError):
    """The table is not the one whose reading began: it was deleted and created again."""


class ObjectMissing(ToolError):
    """An S3 object does not exist."""

    def __init__(self, bucket: str, key: str) -> None:
        super().__init__(f"s3://{bucket}/{key} does not exist")
        self.key = key


class ObjectArchived(ToolError):
    """An S3 object lies in a storage class that cannot be read directly."""


class ObjectChanged(ToolError):
    """An S3 object was replaced after it had been verified."""


class LeaseTaken(ToolError):
    """Another invocation is at the same work."""


class WriteConflict(ToolError):
    """A conditional write met an object that somebody else had written in between."""


class StoreUnusable(ToolError):
    """An S3-compatible store refuses a request or its key, or does not hold what it was given."""


class ReadInterrupted(ToolError):
    """The connection broke in the middle of an S3 object."""


class QueueMessageMalformed(ToolError):
    """A message in the on-demand backup's queue is not one that the function wrote."""


class TimeIsUp(ToolError):
    """The deadline of this invocation is near."""
