"""What writing to a table sets off beyond the items themselves, as far as the table itself tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dynamodb_backup.aws_errors import AWS_ERRORS, explain, patiently

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

__all__ = ["side_effects", "ttl_attribute"]


def ttl_attribute(client: DynamoDBClient, table: str, unknown: list[str]) -> str | None:
    """Return the attribute by which a table's items expire; ``None`` if none does.

    What cannot be read is added to ``unknown``: an estimate is not worth failing a dry run.
    """
    try:
        answer = patiently(lambda: client.describe_time_to_live(TableName=table))
    except AWS_ERRORS as error:
        unknown.append(f"whether TTL will expire items of table {table} is not known: {explain(error)}")
        return None
    described = answer.get("TimeToLiveDescription", {})
    enabled = described.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}
    return described.get("AttributeName") if enabled else None


def side_effects(description: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each thing that writes to the table set off, from DescribeTable's answer."""
    found = []
    stream = description.get("StreamSpecification") or {}
    if stream.get("StreamEnabled"):
        found.append(
            f"a stream ({stream.get('StreamViewType')}) is on: whoever reads it receives each changed item, "
            "so triggers run again"
        )
    replicas = [str(one.get("RegionName")) for one in description.get("Replicas") or ()]
    if replicas:
        found.append(f"replicas in {', '.join(replicas)} receive each write, and each is billed for it")
    indexes = [str(one.get("IndexName")) for one in description.get("GlobalSecondaryIndexes") or ()]
    if indexes:
        found.append(
            f"global secondary indexes ({', '.join(indexes)}) are written too: "
            f"up to {len(indexes)} write units more for each of the table's"
        )
    return found
