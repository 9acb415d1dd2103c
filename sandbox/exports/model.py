"""An export as a set of S3 objects: layout, manifests and their checksum companions."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sandbox.exports.format import DataFile, base64_md5, compact_json


def _now() -> datetime:
    return datetime.now(UTC)


def new_export_id(start_time: datetime) -> str:
    """14 digits of epoch milliseconds, a hyphen and 8 random hexadecimal digits."""
    return f"{round(start_time.timestamp() * 1000):014d}-{secrets.token_hex(4)}"


@dataclass(frozen=True)
class ExportRequest:
    """What DynamoDB knows of an export besides its items. Times are UTC; `prefix` is the S3Prefix of the call."""

    table_arn: str
    bucket: str
    prefix: str | None = None
    table_id: str = "11111111-2222-3333-4444-555555555555"
    start_time: datetime = field(default_factory=_now)
    end_time: datetime | None = None
    export_time: datetime | None = None
    from_time: datetime | None = None
    to_time: datetime | None = None
    output_view: str = "NEW_AND_OLD_IMAGES"
    sse_algorithm: str | None = "AES256"
    sse_kms_key_id: str | None = None
    billed_size_bytes: int = 0
    export_id: str = ""

    def __post_init__(self) -> None:
        if not self.export_id:
            object.__setattr__(self, "export_id", new_export_id(self.start_time))

    @property
    def export_arn(self) -> str:
        return f"{self.table_arn}/export/{self.export_id}"

    @property
    def base(self) -> str:
        """`<prefix>/AWSDynamoDB/`, with exactly one slash whatever the prefix ends with."""
        prefix = (self.prefix or "").rstrip("/")
        return f"{prefix}/AWSDynamoDB/" if prefix else "AWSDynamoDB/"

    @property
    def root(self) -> str:
        """`<prefix>/AWSDynamoDB/<ExportId>/`, where the manifests are."""
        return f"{self.base}{self.export_id}/"


@dataclass(frozen=True)
class Export:
    """A whole export: `objects` maps full keys to bytes, in the order in which AWS writes them.

    `data_keys` names those that are data files: they are uploaded in one part, because of their ETag.
    """

    request: ExportRequest
    objects: dict[str, bytes]
    data_keys: tuple[str, ...]

    @property
    def export_id(self) -> str:
        return self.request.export_id

    @property
    def manifest_key(self) -> str:
        return f"{self.request.root}manifest-summary.json"


def build_full_export(request: ExportRequest, files: Sequence[DataFile]) -> Export:
    """Lay out a full export: data under `<ExportId>/data/`, manifest version 2020-06-30."""
    times = {"exportTime": _timestamp(request.export_time or request.start_time)}
    return _build(request, files, f"{request.root}data/", "2020-06-30", times, {})


def build_incremental_export(request: ExportRequest, files: Sequence[DataFile]) -> Export:
    """Lay out an incremental export: data under the shared `AWSDynamoDB/data/`, manifest version 2023-08-01."""
    if request.from_time is None or request.to_time is None:
        raise ValueError("an incremental export needs from_time and to_time")
    times = {"exportFromTime": _timestamp(request.from_time), "exportToTime": _timestamp(request.to_time)}
    view = {"outputView": request.output_view, "exportType": "INCREMENTAL_EXPORT"}
    return _build(request, files, f"{request.base}data/", "2023-08-01", times, view)


def _build(
    request: ExportRequest,
    files: Sequence[DataFile],
    data_prefix: str,
    version: str,
    times: Mapping[str, str],
    view: Mapping[str, str],
) -> Export:
    listing = b"".join(_listing_line(file, data_prefix) for file in files)
    summary = compact_json(
        {
            "version": version,
            "exportArn": request.export_arn,
            "startTime": _timestamp(request.start_time),
            "endTime": _timestamp(request.end_time or _now()),
            "tableArn": request.table_arn,
            "tableId": request.table_id,
            **times,
            "s3Bucket": request.bucket,
            "s3Prefix": request.prefix,
            "s3SseAlgorithm": request.sse_algorithm,
            "s3SseKmsKeyId": request.sse_kms_key_id,
            "manifestFilesS3Key": f"{request.root}manifest-files.json",
            "billedSizeBytes": request.billed_size_bytes,
            "itemCount": sum(file.item_count for file in files),
            "outputFormat": "DYNAMODB_JSON",
            **view,
        }
    )
    summary += b"\n"
    objects = {f"{request.root}_started": b""}
    objects.update({data_prefix + file.name: file.body for file in files})
    for name, body in (("manifest-files", listing), ("manifest-summary", summary)):
        objects[f"{request.root}{name}.json"] = body
        objects[f"{request.root}{name}.md5"] = base64_md5(body).encode()
    return Export(request, objects, tuple(data_prefix + file.name for file in files))


def _listing_line(file: DataFile, data_prefix: str) -> bytes:
    entry = {
        "itemCount": file.item_count,
        "md5Checksum": file.md5_checksum,
        "etag": file.etag,
        "dataFileS3Key": data_prefix + file.name,
    }
    return compact_json(entry) + b"\n"


def _timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
