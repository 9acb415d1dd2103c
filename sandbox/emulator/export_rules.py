"""When DynamoDB refuses an export call, and with which error. Each rule names the fact it enforces."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.emulator.settings import ExportSettings

Request = Mapping[str, Any]

_BUCKET = re.compile(r"^[a-z0-9A-Z]+[.\-\w]*[a-z0-9A-Z]+$")
_CLIENT_TOKEN = re.compile(r"^[^$]+$")
_LONGEST_WINDOW_SECONDS = 24 * 3600


class Refused(Exception):
    """The call answers HTTP 400 with `code`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def check_members(request: Request) -> None:
    """Check the members as the service model does. Raises Refused(ValidationException)."""
    for member, name in (("TableArn", "tableArn"), ("S3Bucket", "s3Bucket")):
        if not request.get(member):
            raise _invalid(f"Value null at '{name}' failed to satisfy constraint: Member must not be null")
    _match(_BUCKET, request["S3Bucket"], "s3Bucket")
    if "ClientToken" in request:
        _match(_CLIENT_TOKEN, request["ClientToken"], "clientToken")
    _one_of(request, "ExportFormat", "exportFormat", ("DYNAMODB_JSON", "ION"))
    _one_of(request, "ExportType", "exportType", ("FULL_EXPORT", "INCREMENTAL_EXPORT"))
    _one_of(request, "S3SseAlgorithm", "s3SseAlgorithm", ("AES256", "KMS"))
    if request.get("ExportFormat") == "ION":
        raise Refused("ValidationException", "The sandbox writes DYNAMODB_JSON exports only")
    incremental = request.get("ExportType") == "INCREMENTAL_EXPORT"
    if incremental and not request.get("IncrementalExportSpecification"):
        raise Refused("ValidationException", "IncrementalExportSpecification is required for an INCREMENTAL_EXPORT")
    if not incremental and request.get("IncrementalExportSpecification"):
        raise Refused("ValidationException", "IncrementalExportSpecification is only allowed for an INCREMENTAL_EXPORT")
    if incremental and request.get("ExportTime") is not None:
        raise Refused("ValidationException", "ExportTime is not allowed for an INCREMENTAL_EXPORT")


def check_full_time(export_time: float, now: float, enabled_at: float, settings: ExportSettings) -> None:
    """ExportTime lies in the PITR window. Raises Refused(InvalidExportTimeException). All times: epoch seconds."""
    earliest, latest = restorable_window(now, enabled_at, settings)
    if not earliest <= export_time <= latest:
        raise _bad_time("ExportTime must be between the earliest and the latest restorable time of the table")


def check_window(start: float, end: float, now: float, enabled_at: float, settings: ExportSettings) -> None:
    """Check an incremental window: 15 minutes to 24 hours, inside the PITR window. Raises Refused."""
    earliest, _ = restorable_window(now, enabled_at, settings)
    if end - start < settings.minimum_window_seconds:
        raise _bad_time(f"Export window must be at least {settings.minimum_window_seconds / 60:g} minutes")
    if end - start > _LONGEST_WINDOW_SECONDS:
        raise _bad_time("Export window must be at most 24 hours")
    if start < earliest or end > now:
        raise _bad_time("Export window must lie inside the point-in-time recovery window of the table")


def restorable_window(now: float, enabled_at: float, settings: ExportSettings) -> tuple[float, float]:
    """Earliest and latest restorable time of a table whose PITR was enabled at `enabled_at` (epoch seconds)."""
    earliest = int(max(enabled_at - settings.pitr_age_seconds, now - 35 * 24 * 3600))
    return earliest, int(max(earliest, now - settings.restorable_lag_seconds))


def _match(pattern: re.Pattern[str], value: str, name: str) -> None:
    if not pattern.match(value):
        regular = f"Member must satisfy regular expression pattern: {pattern.pattern}"
        raise _invalid(f"Value '{value}' at '{name}' failed to satisfy constraint: {regular}")


def _one_of(request: Request, member: str, name: str, allowed: tuple[str, ...]) -> None:
    value = request.get(member)
    if value is not None and value not in allowed:
        choices = f"Member must satisfy enum value set: [{', '.join(allowed)}]"
        raise _invalid(f"Value '{value}' at '{name}' failed to satisfy constraint: {choices}")


def _invalid(detail: str) -> Refused:
    return Refused("ValidationException", f"1 validation error detected: {detail}")


def _bad_time(message: str) -> Refused:
    return Refused("InvalidExportTimeException", message)
