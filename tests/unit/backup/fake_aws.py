"""DynamoDB's export API and S3 in memory, with virtual time: every interleaving and crash in milliseconds."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from botocore.exceptions import ClientError

from dynamodb_backup.aws import Clients
from dynamodb_backup.table.scan import Page, Segment
from dynamodb_backup.timing import Deadline
from sandbox.exports import (
    ExportRequest,
    build_full_export,
    build_incremental_export,
    data_file,
    full_line,
    incremental_line,
)

BUCKET = "backups"
TOKEN_LIVES = timedelta(hours=8)
ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/"

Call = tuple[str, dict[str, Any]]


class Killed(BaseException):
    """The invocation is gone, as when Lambda ends it: no handler may catch this."""


def client_error(code: str, operation: str = "Operation", message: str = "as the test wants it") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@dataclass
class VirtualTime:
    """A clock that only moves when somebody sleeps."""

    now: datetime = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)

    def utc(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.now.timestamp()

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class VirtualDeadline(Deadline):
    """A deadline that sleeps in virtual time. ``seconds`` is what Lambda says is left."""

    def __init__(self, time: VirtualTime, seconds: float) -> None:
        super().__init__(seconds, monotonic=time.monotonic)
        self._time = time

    def sleep(self, seconds: float) -> None:
        self._time.advance(min(seconds, self.remaining()))


@dataclass
class Export:
    """One billed export."""

    arn: str
    token: str
    parameters: dict[str, Any]
    started: datetime
    ends: datetime | None
    failure: str | None = None
    written: bool = False


@dataclass
class FakeAws:
    """``before`` and ``after`` are called with every operation and its parameters; what they raise, the caller gets."""

    time: VirtualTime = field(default_factory=VirtualTime)
    items: dict[str, int] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    exports: list[Export] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    before: Callable[[str, dict[str, Any]], None] = lambda *_: None
    after: Callable[[str, dict[str, Any]], None] = lambda *_: None
    export_seconds: float | None = 0.0
    """How long exports take that are started from now on; ``None``: they never end."""
    files_per_export: int = 2
    table_id: str = "11111111-2222-3333-4444-555555555555"
    recovery_since: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    items_per_page: int = 3
    units_per_item: float = 1.0

    def clients(self) -> Clients:
        fake = cast("Any", self)
        return Clients(s3=fake, dynamodb=fake, dynamodb_writes=fake)

    def billed(self, table: str) -> int:
        return sum(export.parameters["TableArn"] == ARN + table for export in self.exports)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        carry_out: Callable[..., Any] = object.__getattribute__(self, f"do_{operation}")

        def call(**parameters: Any) -> Any:
            self.before(operation, parameters)
            self.calls.append((operation, parameters))
            answer = carry_out(**parameters)
            self.after(operation, parameters)
            return answer

        return call

    def get_paginator(self, operation: str) -> Any:
        return _Paginator(getattr(self, operation))

    # S3

    def do_get_object(self, Bucket: str, Key: str, IfMatch: str | None = None) -> dict[str, Any]:  # noqa: N803
        body = self._object(Key, "GetObject")
        if IfMatch and IfMatch != _etag(body):
            raise client_error("PreconditionFailed", "GetObject")
        return {"Body": io.BytesIO(body), "ETag": _etag(body), "ContentLength": len(body)}

    def do_head_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        body = self._object(Key, "HeadObject")
        return {"ContentLength": len(body), "ETag": _etag(body)}

    def do_put_object(self, Bucket: str, Key: str, Body: bytes, **conditions: str) -> dict[str, Any]:  # noqa: N803
        standing = self.objects.get(Key)
        if "IfNoneMatch" in conditions and standing is not None:
            raise client_error("PreconditionFailed", "PutObject")
        if "IfMatch" in conditions and (standing is None or _etag(standing) != conditions["IfMatch"]):
            raise client_error("PreconditionFailed" if standing is not None else "NoSuchKey", "PutObject")
        self.objects[Key] = Body
        # A new version of an object begins without tags.
        self.tags.pop(Key, None)
        return {"ETag": _etag(Body)}

    def do_put_object_tagging(self, Bucket: str, Key: str, Tagging: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        self._object(Key, "PutObjectTagging")
        self.tags[Key] = {tag["Key"]: tag["Value"] for tag in Tagging["TagSet"]}
        return {}

    def do_list_objects_v2(
        self,
        Bucket: str,  # noqa: N803
        Prefix: str,  # noqa: N803
        Delimiter: str = "",  # noqa: N803
        StartAfter: str = "",  # noqa: N803
        MaxKeys: int = 1_000_000,  # noqa: N803
    ) -> dict[str, Any]:
        keys = sorted(key for key in list(self.objects) if key.startswith(Prefix) and key > StartAfter)[:MaxKeys]
        folders = {Prefix + key[len(Prefix) :].split("/")[0] + "/" for key in keys if "/" in key[len(Prefix) :]}
        plain = [
            {"Key": key, "LastModified": self.time.utc(), "ETag": _etag(self.objects[key])}
            for key in keys
            if "/" not in key[len(Prefix) :] or not Delimiter
        ]
        return {"CommonPrefixes": [{"Prefix": folder} for folder in sorted(folders)], "Contents": plain}

    def _object(self, key: str, operation: str) -> bytes:
        if key not in self.objects:
            raise client_error("404" if operation == "HeadObject" else "NoSuchKey", operation)
        return self.objects[key]

    # DynamoDB

    def do_describe_table(self, TableName: str) -> dict[str, Any]:  # noqa: N803
        if TableName not in self.items:
            raise client_error("ResourceNotFoundException", "DescribeTable")
        keys = [{"AttributeName": "id", "KeyType": "HASH"}]
        attributes = [{"AttributeName": "id", "AttributeType": "S"}]
        table = {"TableName": TableName, "TableArn": ARN + TableName, "TableStatus": "ACTIVE", "TableId": self.table_id}
        return {"Table": {**table, "KeySchema": keys, "AttributeDefinitions": attributes}}

    def do_metered_page(self, table: str, segment: Segment, segments: int, limit: int | None) -> Page:
        if table not in self.items:
            raise client_error("ResourceNotFoundException", "Scan")
        mine = list(range(segment.number, self.items[table], segments))
        done = mine.index(int(segment.start["id"]["N"])) + 1 if segment.start else 0
        numbers = mine[done : done + min(limit or self.items_per_page, self.items_per_page)]
        lines = [json.dumps({"id": {"S": f"{table}-{number}"}}).encode() for number in numbers]
        last = {"id": {"N": str(numbers[-1])}} if numbers and numbers[-1] != mine[-1] else None
        return Page(lines, last, len(lines) * self.units_per_item)

    def do_describe_time_to_live(self, TableName: str) -> dict[str, Any]:  # noqa: N803
        return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}

    def do_describe_continuous_backups(self, TableName: str) -> dict[str, Any]:  # noqa: N803
        recovery = {
            "PointInTimeRecoveryStatus": "ENABLED",
            "EarliestRestorableDateTime": self.recovery_since,
            "LatestRestorableDateTime": self.time.now - timedelta(minutes=5),
        }
        return {
            "ContinuousBackupsDescription": {
                "ContinuousBackupsStatus": "ENABLED",
                "PointInTimeRecoveryDescription": recovery,
            }
        }

    def do_list_tags_of_resource(self, ResourceArn: str) -> dict[str, Any]:  # noqa: N803
        return {"Tags": []}

    def do_export_table_to_point_in_time(self, TableArn: str, ClientToken: str, **others: Any) -> dict[str, Any]:  # noqa: N803
        parameters = {"TableArn": TableArn, **others}
        for export in self.exports:
            forgotten = export.ends is not None and self.time.now - export.ends > TOKEN_LIVES
            if export.token == ClientToken and not forgotten:
                if export.parameters != parameters:
                    raise client_error("ExportConflictException", "ExportTableToPointInTime")
                return {"ExportDescription": self._description(export)}
        ends = None if self.export_seconds is None else self.time.now + timedelta(seconds=self.export_seconds)
        export_id = f"{round(self.time.monotonic() * 1000):014d}-{len(self.exports):08x}"
        export = Export(f"{TableArn}/export/{export_id}", ClientToken, parameters, self.time.now, ends)
        self.exports.append(export)
        return {"ExportDescription": self._description(export)}

    def do_describe_export(self, ExportArn: str) -> dict[str, Any]:  # noqa: N803
        export = next((export for export in self.exports if export.arn == ExportArn), None)
        if export is None:
            raise client_error("ExportNotFoundException", "DescribeExport")
        return {"ExportDescription": self._description(export)}

    def _description(self, export: Export) -> dict[str, Any]:
        description: dict[str, Any] = {"ExportArn": export.arn, "StartTime": export.started}
        if "IncrementalExportSpecification" not in export.parameters:
            description["ExportTime"] = export.started
        if export.failure:
            return {**description, "ExportStatus": "FAILED", "FailureCode": export.failure, "FailureMessage": "denied"}
        if export.ends is None or export.ends > self.time.now:
            return {**description, "ExportStatus": "IN_PROGRESS"}
        count = self._write(export)
        ended = {"EndTime": export.ends, "ItemCount": count, "BilledSizeBytes": count * 10}
        return {**description, "ExportStatus": "COMPLETED", **ended}

    def _write(self, export: Export) -> int:
        table = export.parameters["TableArn"].removeprefix(ARN)
        window = export.parameters.get("IncrementalExportSpecification")
        count = 1 if window else self.items[table]
        if not export.written:
            keys = [{"id": {"S": f"{table}-{number}"}} for number in range(count)]
            lines = [incremental_line(1, key, None, key) if window else full_line(key) for key in keys]
            files = [data_file(lines[start :: self.files_per_export]) for start in range(self.files_per_export)]
            request = ExportRequest(
                ARN + table,
                BUCKET,
                export.parameters["S3Prefix"],
                table_id=self.table_id,
                start_time=export.started,
                from_time=window["ExportFromTime"] if window else None,
                to_time=window["ExportToTime"] if window else None,
                export_id=export.arn.rpartition("/")[2],
            )
            build = build_incremental_export if window else build_full_export
            self.objects.update(build(request, files).objects)
            export.written = True
        return count


@dataclass
class _Paginator:
    operation: Callable[..., Any]

    def paginate(self, **parameters: Any) -> Iterator[Any]:
        yield self.operation(**parameters)


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body).hexdigest()}"'
