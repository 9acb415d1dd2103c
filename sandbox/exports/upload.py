"""Putting an export into S3, and the two calls that tests use to fabricate one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sandbox.exports.format import DataFile, Item, data_file, full_line
from sandbox.exports.model import Export, ExportRequest, build_full_export, build_incremental_export


def upload(s3: Any, export: Export, **put_arguments: str) -> None:
    """Write the objects of `export` in AWS's order; `put_arguments` go to every write (encryption, ACL).

    Raises botocore's ClientError as S3 answers it: NoSuchBucket, AccessDenied, KMS faults.
    """
    for key, body in export.objects.items():
        if key in export.data_keys:
            _upload_in_one_part(s3, export.request.bucket, key, body, put_arguments)
        else:
            s3.put_object(Bucket=export.request.bucket, Key=key, Body=body, **put_arguments)


def _upload_in_one_part(s3: Any, bucket: str, key: str, body: bytes, put_arguments: dict[str, str]) -> None:
    """Upload in one part: that is what gives a data file the ETag that its manifest names."""
    target = {"Bucket": bucket, "Key": key}
    started = s3.create_multipart_upload(**target, **put_arguments)
    part = s3.upload_part(**target, UploadId=started["UploadId"], PartNumber=1, Body=body)
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    s3.complete_multipart_upload(**target, UploadId=started["UploadId"], MultipartUpload=parts)


def write_full_export(
    s3: Any,
    bucket: str,
    prefix: str | None,
    table_arn: str,
    items: Iterable[Item],
    *,
    file_count: int = 1,
    files: Sequence[DataFile] | None = None,
    **details: Any,
) -> str:
    """Fabricate a full export in `bucket` and return its ExportId.

    `items` (wire JSON) are dealt over `file_count` data files, or `files` gives the data files themselves.
    `details` are further fields of ExportRequest (times, table_id, sse_algorithm, export_id, ...).

    Example: `write_full_export(s3, "b", "p", arn, [{"id": {"S": "a"}}], file_count=3)`.
    """
    if files is None:
        lines = [full_line(item) for item in items]
        files = [data_file(lines[number::file_count]) for number in range(file_count)]
    export = build_full_export(ExportRequest(table_arn, bucket, prefix, **details), files)
    upload(s3, export)
    return export.export_id


def write_incremental_export(
    s3: Any,
    bucket: str,
    prefix: str | None,
    table_arn: str,
    lines: Iterable[bytes],
    window: tuple[datetime, datetime],
    **details: Any,
) -> str:
    """Fabricate an incremental export of `lines` (see incremental_line) over `window`; return its ExportId."""
    request = ExportRequest(table_arn, bucket, prefix, from_time=window[0], to_time=window[1], **details)
    export = build_incremental_export(request, [data_file(lines)])
    upload(s3, export)
    return export.export_id
