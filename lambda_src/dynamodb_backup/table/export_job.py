"""DynamoDB's export jobs: starting one exactly once, and reading how it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from dynamodb_backup.aws_errors import error_code, explain, is_transient
from dynamodb_backup.errors import ExportRefused
from dynamodb_backup.timing import iso

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

__all__ = ["TOKEN_VALID", "ExportDestination", "ExportJob", "describe_export", "recovery_is_off", "start_export"]

TOKEN_VALID = timedelta(hours=8)
"""A ClientToken is good for 8 hours after its export completed; later the same token would start a second export."""


@dataclass(frozen=True)
class ExportDestination:
    """Where an export writes to, and how it is encrypted there."""

    bucket: str
    prefix: str
    kms_key_id: str | None = None
    bucket_owner: str | None = None

    def parameters(self) -> dict[str, Any]:
        parameters: dict[str, Any] = {"S3Bucket": self.bucket, "S3Prefix": self.prefix}
        if self.bucket_owner:
            parameters["S3BucketOwner"] = self.bucket_owner
        if self.kms_key_id:
            parameters |= {"S3SseAlgorithm": "KMS", "S3SseKmsKeyId": self.kms_key_id}
        return parameters


@dataclass(frozen=True)
class ExportJob:
    """An export as DynamoDB describes it. ``status`` is IN_PROGRESS, COMPLETED or FAILED; sizes in bytes."""

    arn: str
    status: str
    item_count: int | None = None
    billed_size_bytes: int | None = None
    export_time: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    failure: str | None = None


def start_export(
    client: DynamoDBClient,
    table_arn: str,
    destination: ExportDestination,
    token: str,
    window: tuple[datetime, datetime] | None = None,
) -> str:
    """Start a full export, or the incremental one of a window (from, to), and return its ARN.

    The token makes it happen once: with the same token DynamoDB answers with the export that it has already started.

    Raises
    ------
    ExportRefused
        It would be refused again; the message says what to do.
    ClientError
        It may be accepted later.
    """
    kind: dict[str, Any] = {"ExportType": "FULL_EXPORT"}
    if window:
        kind = {
            "ExportType": "INCREMENTAL_EXPORT",
            "IncrementalExportSpecification": {
                "ExportFromTime": window[0],
                "ExportToTime": window[1],
                "ExportViewType": "NEW_AND_OLD_IMAGES",
            },
        }
    try:
        answer = client.export_table_to_point_in_time(
            TableArn=table_arn,
            ClientToken=token,
            ExportFormat="DYNAMODB_JSON",
            **kind,
            **destination.parameters(),
        )
    except ClientError as error:
        if is_transient(error):
            raise
        raise ExportRefused(_advice(error_code(error), table_arn) or explain(error)) from error
    return answer["ExportDescription"]["ExportArn"]


def recovery_is_off(table: str) -> str:
    """Return what is wrong, and what to do about it."""
    return (
        f"point-in-time recovery is off for table {table}, and native exports need it; turn it on with: "
        f"aws dynamodb update-continuous-backups --table-name {table} "
        "--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true, or have the table backed up by "
        "the method 'scan', which needs none (backup_methods of the module)"
    )


def _advice(code: str, table_arn: str) -> str | None:
    table = table_arn.rpartition("/")[2]
    if code == "PointInTimeRecoveryUnavailableException":
        return recovery_is_off(table)
    if code in {"TableNotFoundException", "ResourceNotFoundException"}:
        return f"table {table} does not exist"
    return None


def describe_export(client: DynamoDBClient, arn: str) -> ExportJob:
    """Return how an export stands. Raises ``ClientError``, for example ``ExportNotFoundException``."""
    description: dict[str, Any] = dict(client.describe_export(ExportArn=arn)["ExportDescription"])
    failure = None
    if description["ExportStatus"] == "FAILED":
        failure = f"{description.get('FailureCode', 'unknown cause')}: {description.get('FailureMessage', '')}"
    times = {name: iso(value) for name, value in description.items() if name.endswith("Time") and value}
    return ExportJob(
        arn=arn,
        status=description["ExportStatus"],
        item_count=description.get("ItemCount"),
        billed_size_bytes=description.get("BilledSizeBytes"),
        export_time=times.get("ExportTime"),
        start_time=times.get("StartTime"),
        end_time=times.get("EndTime"),
        failure=failure,
    )
