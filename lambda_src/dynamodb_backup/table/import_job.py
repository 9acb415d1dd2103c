"""DynamoDB's import jobs: starting one exactly once, and reading how it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from dynamodb_backup.aws_errors import error_code, explain
from dynamodb_backup.errors import TargetUnusable
from dynamodb_backup.table.creation import may_not_create

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

__all__ = ["ImportJob", "describe_import", "exists_already", "start_import"]


@dataclass(frozen=True)
class ImportJob:
    """An import as DynamoDB describes it. ``status`` is IN_PROGRESS, COMPLETED, CANCELLING, CANCELLED or FAILED."""

    arn: str
    status: str
    imported_items: int = 0
    errors: int = 0
    failure: str | None = None

    @property
    def going_on(self) -> bool:
        return self.status in {"IN_PROGRESS", "CANCELLING"}


def start_import(client: DynamoDBClient, bucket: str, prefix: str, parameters: Mapping[str, Any], token: str) -> str:
    """Start the import of all gzipped DynamoDB JSON objects under a prefix into a new table, and return its ARN.

    The token makes it happen once: with the same token DynamoDB answers with the import that it has already started.

    Raises
    ------
    TargetUnusable
        The table exists already, or DynamoDB does not accept its definition.
    ClientError
        It may be accepted later, or the function lacks a permission.
    """
    creation: Any = parameters
    try:
        answer = client.import_table(
            ClientToken=token,
            S3BucketSource={"S3Bucket": bucket, "S3KeyPrefix": prefix},
            InputFormat="DYNAMODB_JSON",
            InputCompressionType="GZIP",
            TableCreationParameters=creation,
        )
    except ClientError as error:
        if error_code(error) == "ResourceInUseException":
            raise exists_already(parameters["TableName"]) from error
        if error_code(error) == "AccessDeniedException":
            raise may_not_create(parameters["TableName"], explain(error)) from error
        if error_code(error) == "ValidationException":
            raise TargetUnusable(
                f"table {parameters['TableName']} cannot be imported from the captured definition: {explain(error)}"
            ) from error
        raise
    return answer["ImportTableDescription"]["ImportArn"]


def exists_already(table: str) -> TargetUnusable:
    """Return the error that an import's target is there before the import."""
    return TargetUnusable(
        f"target table {table} exists already, and an import creates its table; name another one in 'target_tables', "
        'delete the table, or restore without "method": "import"'
    )


def describe_import(client: DynamoDBClient, arn: str) -> ImportJob:
    """Return how an import stands. Raises ``ClientError``, for example ``ImportNotFoundException``."""
    description: dict[str, Any] = dict(client.describe_import(ImportArn=arn)["ImportTableDescription"])
    status = description["ImportStatus"]
    failure = None
    if status not in {"IN_PROGRESS", "COMPLETED"}:
        failure = f"{description.get('FailureCode', 'unknown cause')}: {description.get('FailureMessage', '')}"
    return ImportJob(
        arn=arn,
        status=status,
        imported_items=description.get("ImportedItemCount", 0),
        errors=description.get("ErrorCount", 0),
        failure=failure,
    )
