"""A table's definition: captured beside each backup, compared before each restore."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from dynamodb_backup.aws_errors import AWS_ERRORS, error_code, explain, patiently
from dynamodb_backup.errors import TargetUnusable
from dynamodb_backup.table.keys import KeySchema

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

__all__ = ["capture_definition", "describe", "describe_target", "target_key_schema"]

_USABLE = {"ACTIVE", "UPDATING"}
"""In both states a table takes writes."""


def describe(client: DynamoDBClient, table: str) -> dict[str, Any]:
    """Return DescribeTable's ``Table``. Raises ``ClientError`` (``ResourceNotFoundException`` for a missing table)."""
    return dict(client.describe_table(TableName=table)["Table"])


def target_key_schema(client: DynamoDBClient, table: str) -> KeySchema:
    """Return the key schema of a table that is about to be written to; raises as ``describe_target``."""
    return KeySchema.of(describe_target(client, table))


def describe_target(client: DynamoDBClient, table: str) -> dict[str, Any]:
    """Return the description of a table that is about to be written to.

    Raises
    ------
    TargetUnusable
        The table is missing or cannot take writes.
    """
    try:
        description = describe(client, table)
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            raise TargetUnusable(
                f"target table {table} does not exist; create it first, with the backup's keys"
            ) from error
        raise
    if description.get("TableStatus", "ACTIVE") not in _USABLE:
        raise TargetUnusable(f"target table {table} is {description['TableStatus']}; try again when it is ACTIVE")
    return description


def capture_definition(client: DynamoDBClient, description: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return everything needed to create the table again, and a warning for each part that could not be read.

    Parameters
    ----------
    description
        The table as ``describe`` returned it.
    """
    table, arn = description["TableName"], description["TableArn"]
    parts: dict[str, Callable[[], Any]] = {
        "TimeToLiveDescription": lambda: client.describe_time_to_live(TableName=table).get("TimeToLiveDescription"),
        "ContinuousBackupsDescription": lambda: client.describe_continuous_backups(TableName=table).get(
            "ContinuousBackupsDescription"
        ),
        "Tags": lambda: [
            tag
            for page in client.get_paginator("list_tags_of_resource").paginate(ResourceArn=arn)
            for tag in page.get("Tags", [])
        ],
    }
    definition: dict[str, Any] = {"Table": dict(description)}
    warnings = []
    for name, read in parts.items():
        try:
            definition[name] = patiently(read)
        except AWS_ERRORS as error:
            # The data are worth more than this part: the backup goes on and says what it lacks.
            warnings.append(f"{name} of table {table} was not captured: {explain(error)}")
    return definition, warnings
