"""Reading the keys of a table, all pages, in parallel segments, from where an earlier turn stopped."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dynamodb_backup.table.keys import KeySchema

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

__all__ = ["Segment", "key_page"]


@dataclass
class Segment:
    """One part of a parallel scan. It goes on after the key ``start``, as JSON has it; ``None`` at the beginning."""

    number: int
    start: dict[str, Any] | None = None
    done: bool = False


def key_page(
    client: DynamoDBClient, table: str, keys: KeySchema, segment: Segment, segments: int
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Read one page of a segment, strongly consistent.

    Returns the primary keys, typed values as JSON has them (binary as base64 text), and the key after which the next
    page begins, ``None`` after the last one.
    """
    placeholders = {f"#k{number}": name for number, name in enumerate(keys.names)}
    request: dict[str, Any] = {"ExclusiveStartKey": _from_json(segment.start)} if segment.start else {}
    answer = client.scan(
        TableName=table,
        Segment=segment.number,
        TotalSegments=segments,
        ConsistentRead=True,
        ProjectionExpression=",".join(placeholders),
        ExpressionAttributeNames=placeholders,
        **request,
    )
    last = answer.get("LastEvaluatedKey")
    return [_to_json(item) for item in answer["Items"]], _to_json(last) if last else None


def _to_json(key: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {kind: b64encode(value).decode("ascii") if isinstance(value, bytes) else value}
        for name, typed in key.items()
        for kind, value in typed.items()
    }


def _from_json(key: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {kind: b64decode(value) if kind == "B" else value}
        for name, typed in key.items()
        for kind, value in typed.items()
    }
