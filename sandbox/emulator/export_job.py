"""One export: taken from the journal at the call, written to S3 as its caller, described while it goes."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.emulator.callers import Caller, Denied, Run
from sandbox.emulator.journal import Change, ItemKey, Journal, partition_of
from sandbox.emulator.settings import ExportSettings
from sandbox.exports import (
    DataFile,
    Export,
    ExportRequest,
    build_full_export,
    build_incremental_export,
    data_file,
    incremental_line,
)

_LEAST_INCREMENTAL_BYTES = 10_000_000
_FAILURES = {
    "NoSuchBucket": "S3NoSuchBucket",
    "AccessDenied": "S3AccessDenied",
    "AccessDeniedException": "S3AccessDenied",
    "NotFoundException": "KmsNotFoundException",
}
_COPIED = ("ClientToken", "S3Bucket", "S3BucketOwner", "S3Prefix", "S3SseAlgorithm", "S3SseKmsKeyId", "ExportType")


class ExportJob:
    """The life of one export. The data are those of the call, however long the export then takes."""

    def __init__(
        self,
        request: Mapping[str, Any],
        export: ExportRequest,
        table: Mapping[str, Any],
        journal: Journal,
        run: Run,
        settings: ExportSettings,
    ) -> None:
        self.request = request
        self.export = export
        self._caller = Caller()
        self._run_as_caller = run
        self._settings = settings
        self._cancelled = threading.Event()
        self._outcome: dict[str, Any] = {"ExportStatus": "IN_PROGRESS"}
        self._lines = _lines(export, table, journal)

    @property
    def in_progress(self) -> bool:
        return bool(self._outcome["ExportStatus"] == "IN_PROGRESS")

    def start(self) -> None:
        threading.Thread(target=self._run, name=f"export-{self.export.export_id}", daemon=True).start()

    def cancel(self) -> None:
        self._cancelled.set()

    def ended_before(self, seconds: float) -> bool:
        """Whether the export ended more than `seconds` ago."""
        return bool(self._outcome.get("EndTime", time.time()) < time.time() - seconds)

    def summary(self) -> dict[str, Any]:
        """Return its entry in ListExports."""
        return {
            "ExportArn": self.export.export_arn,
            "ExportStatus": self._outcome["ExportStatus"],
            "ExportType": self.request.get("ExportType", "FULL_EXPORT"),
        }

    def description(self) -> dict[str, Any]:
        """DescribeExport's answer: counts, manifest and end time only once the export has ended."""
        described = {
            "ExportArn": self.export.export_arn,
            "StartTime": self.export.start_time.timestamp(),
            "TableArn": self.export.table_arn,
            "TableId": self.export.table_id,
            "ExportFormat": "DYNAMODB_JSON",
            **{name: self.request[name] for name in _COPIED if name in self.request},
        }
        if self.export.from_time is None or self.export.to_time is None:
            described["ExportTime"] = (self.export.export_time or self.export.start_time).timestamp()
        else:
            described["IncrementalExportSpecification"] = {
                "ExportFromTime": self.export.from_time.timestamp(),
                "ExportToTime": self.export.to_time.timestamp(),
                "ExportViewType": self.export.output_view,
            }
        return described | self._outcome

    def _run(self) -> None:
        if self._cancelled.wait(self._settings.seconds):
            return
        if self._settings.fail_with:
            self._fail(self._settings.fail_with, "The export failed, as the sandbox was told to let it fail")
            return
        built = self._build()
        try:
            self._run_as_caller(self._write(built))
        except Denied as error:
            self._fail(_FAILURES.get(error.code, "UNKNOWN"), str(error))
        else:
            self._complete(built)

    def _build(self) -> Export:
        files = _files(self._lines, self._settings)
        size = sum(len(line) for _, line in self._lines)
        export = dataclasses.replace(self.export, end_time=datetime.now(UTC), billed_size_bytes=size)
        if export.from_time is None:
            return build_full_export(export, files)
        export = dataclasses.replace(export, billed_size_bytes=max(size, _LEAST_INCREMENTAL_BYTES))
        return build_incremental_export(export, files)

    async def _write(self, built: Export) -> None:
        """Write the objects in AWS's order, data files in one part each. Raises Denied, as S3 and the key have it."""
        if self.export.sse_kms_key_id:
            await self._caller.generate_data_key(self.export.sse_kms_key_id)
        headers = self._put_headers()
        for key, body in built.objects.items():
            put = self._caller.put_object_in_one_part if key in built.data_keys else self._caller.put_object
            await put(self.export.bucket, key, body, headers)

    def _put_headers(self) -> dict[str, str]:
        headers = {"x-amz-acl": "bucket-owner-full-control", "x-amz-server-side-encryption": "AES256"}
        if self.export.sse_algorithm == "KMS":
            headers["x-amz-server-side-encryption"] = "aws:kms"
            if self.export.sse_kms_key_id:
                headers["x-amz-server-side-encryption-aws-kms-key-id"] = self.export.sse_kms_key_id
        if "S3BucketOwner" in self.request:
            headers["x-amz-expected-bucket-owner"] = self.request["S3BucketOwner"]
        return headers

    def _complete(self, built: Export) -> None:
        ended = built.request.end_time or datetime.now(UTC)
        self._outcome = {
            "ExportStatus": "COMPLETED",
            "EndTime": ended.timestamp(),
            "ExportManifest": built.manifest_key,
            "BilledSizeBytes": built.request.billed_size_bytes,
            "ItemCount": len(self._lines),
        }

    def _fail(self, code: str, message: str) -> None:
        self._outcome = {
            "ExportStatus": "FAILED",
            "EndTime": time.time(),
            "FailureCode": code,
            "FailureMessage": message,
        }


def _lines(export: ExportRequest, table: Mapping[str, Any], journal: Journal) -> list[tuple[ItemKey, bytes]]:
    """Return the export's data lines with their keys, in hash order."""
    if export.from_time is not None and export.to_time is not None:
        changes = journal.changes(export.table_id, _micros(export.from_time), _micros(export.to_time))
        names = [name for name in (table["pk_name"], table["sk_name"]) if name]
        return [(change.key, _changed_line(change, names, export.output_view)) for change in changes]
    moment = _micros(export.export_time) if export.export_time else time.time_ns()
    images = journal.images_at(export.table_id, moment)
    return [(key, b'{"Item":' + image + b"}\n") for key, image in images]


def _changed_line(change: Change, key_names: Sequence[str], view: str) -> bytes:
    old = None if change.old is None else json.loads(change.old)
    new = None if change.new is None else json.loads(change.new)
    image = new or old or {}
    keys = {name: image[name] for name in key_names}
    return incremental_line(change.micros, keys, old if view == "NEW_AND_OLD_IMAGES" else None, new)


def _files(lines: Sequence[tuple[ItemKey, bytes]], settings: ExportSettings) -> list[DataFile]:
    """At least one data file per partition, an empty one too; more where a partition is over items_per_file."""
    files = []
    for number in range(settings.partitions):
        held = [line for key, line in lines if partition_of(key, settings.partitions) == number]
        size = settings.items_per_file or max(1, len(held))
        files += [data_file(held[start : start + size]) for start in range(0, max(1, len(held)), size)]
    return files


def _micros(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)
