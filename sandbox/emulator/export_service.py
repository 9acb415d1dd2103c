"""ExportTableToPointInTime, DescribeExport and ListExports as DynamoDB answers them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.emulator import export_rules
from sandbox.emulator.callers import Run
from sandbox.emulator.export_job import ExportJob
from sandbox.emulator.export_rules import Refused
from sandbox.emulator.journal import Journal
from sandbox.emulator.settings import ExportSettings
from sandbox.exports import ExportRequest

Request = Mapping[str, Any]
_TOKEN_SECONDS = 8 * 3600
_LARGEST_PAGE = 25


class ExportService:
    """All exports of the sandbox. An export acts as the caller of its request; `run` is how it comes to do so."""

    def __init__(self, journal: Journal, run: Run) -> None:
        self._journal = journal
        self._run = run
        self._lock = threading.Lock()
        self._jobs: dict[str, ExportJob] = {}
        self._pitr_since: dict[str, float] = {}
        self.settings = ExportSettings()

    def reset(self) -> None:
        """Forget every export and setting; exports in progress write nothing more."""
        with self._lock:
            for job in self._jobs.values():
                job.cancel()
            self._jobs.clear()
            self._pitr_since.clear()
            self.settings = ExportSettings()

    def pitr_changed(self, table_id: str, enabled: bool) -> None:
        """Point-in-time recovery was turned on or off: turning it on begins a new window."""
        if not enabled:
            self._pitr_since.pop(table_id, None)
        else:
            self._pitr_since.setdefault(table_id, time.time())

    def restorable_window(self, table_id: str) -> tuple[float, float] | None:
        """Earliest and latest restorable time (epoch seconds); None while PITR is off."""
        enabled_at = self._pitr_since.get(table_id)
        if enabled_at is None:
            return None
        return export_rules.restorable_window(time.time(), enabled_at, self.settings)

    def export_table(self, request: Request, table: Mapping[str, Any] | None) -> dict[str, Any]:
        """Start an export of `table` (None: no such table). Raises Refused."""
        export_rules.check_members(request)
        if table is None:
            raise Refused("TableNotFoundException", f"Table not found: {request['TableArn']}")
        with self._lock:
            repeated = self._same_token(request)
            if repeated is None:
                repeated = self._start(request, table)
        return {"ExportDescription": repeated.description()}

    def describe_export(self, request: Request) -> dict[str, Any]:
        """Return the export of an ARN, also when its table is gone. Raises Refused."""
        job = self._jobs.get(request.get("ExportArn") or "")
        if job is None:
            raise Refused("ExportNotFoundException", f"Export not found: {request.get('ExportArn')}")
        return {"ExportDescription": job.description()}

    def list_exports(self, request: Request, existing_table_ids: set[str]) -> dict[str, Any]:
        """Pages of at most 25 summaries, of tables that still exist. Raises Refused."""
        size = request.get("MaxResults") or _LARGEST_PAGE
        if not 1 <= size <= _LARGEST_PAGE:
            raise Refused("ValidationException", f"MaxResults must be between 1 and {_LARGEST_PAGE}")
        wanted = request.get("TableArn")
        shown = [
            job.summary()
            for job in self._jobs.values()
            if job.export.table_id in existing_table_ids and wanted in (None, job.export.table_arn)
        ]
        start = int(request.get("NextToken") or 0)
        page: dict[str, Any] = {"ExportSummaries": shown[start : start + size]}
        if start + size < len(shown):
            page["NextToken"] = str(start + size)
        return page

    def _same_token(self, request: Request) -> ExportJob | None:
        """Return the export that this ClientToken already started. Raises Refused(ExportConflictException)."""
        token = request.get("ClientToken")
        for job in self._jobs.values():
            if token is None or job.request.get("ClientToken") != token or job.ended_before(_TOKEN_SECONDS):
                continue
            if dict(job.request) != dict(request):
                raise Refused("ExportConflictException", "There is another export with the same client token")
            return job
        return None

    def _start(self, request: Request, table: Mapping[str, Any]) -> ExportJob:
        enabled_at = self._pitr_since.get(table["TableId"])
        if enabled_at is None:
            name = table["TableName"]
            message = f"Point in time recovery is not enabled for table '{name}'"
            raise Refused("PointInTimeRecoveryUnavailableException", message)
        if sum(job.in_progress for job in self._jobs.values()) >= self.settings.concurrent_exports:
            raise Refused("LimitExceededException", "Too many concurrent exports")
        export = self._export_request(request, table, enabled_at)
        job = ExportJob(request, export, table, self._journal, self._run, self.settings)
        self._jobs[export.export_arn] = job
        job.start()
        return job

    def _export_request(self, request: Request, table: Mapping[str, Any], enabled_at: float) -> ExportRequest:
        now = time.time()
        window = request.get("IncrementalExportSpecification")
        times: dict[str, Any] = {}
        if window is not None:
            start = window.get("ExportFromTime", enabled_at)
            end = window.get("ExportToTime", now)
            export_rules.check_window(start, end, now, enabled_at, self.settings)
            times = {"from_time": _moment(start), "to_time": _moment(end)}
        elif request.get("ExportTime") is not None:
            export_rules.check_full_time(request["ExportTime"], now, enabled_at, self.settings)
            times = {"export_time": _moment(request["ExportTime"])}
        return ExportRequest(
            table_arn=table["TableArn"],
            bucket=request["S3Bucket"],
            prefix=request.get("S3Prefix"),
            table_id=table["TableId"],
            start_time=_moment(now),
            output_view=(window or {}).get("ExportViewType", "NEW_AND_OLD_IMAGES"),
            sse_algorithm=request.get("S3SseAlgorithm", "AES256"),
            sse_kms_key_id=request.get("S3SseKmsKeyId"),
            **times,
        )


def _moment(epoch_seconds: float) -> datetime:
    return datetime.fromtimestamp(epoch_seconds, UTC)
