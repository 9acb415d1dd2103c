"""Single items of a live table: reading them consistently, and replacing one only where it stands as expected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from dynamodb_backup.aws_errors import AWS_ERRORS, error_code, explain, is_transient
from dynamodb_backup.errors import TimeIsUp
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.table.typed import for_boto3, from_boto3
from dynamodb_backup.timing import Deadline, backoff_seconds

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

__all__ = ["MOST_KEYS_AT_ONCE", "LiveItems", "Replacement"]

Item = dict[str, Any]

MOST_KEYS_AT_ONCE = 100
"""docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""

MOST_COMPARED_ATTRIBUTES = 100
"""An expression has at most 4 KB; each attribute takes up to 15 bytes of it:
docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html"""

_REFUSALS = {"ItemCollectionSizeLimitExceededException", "SerializationException", "ValidationException"}


@dataclass(frozen=True)
class Replacement:
    """What became of replacing one item.

    ``before`` is what stood there at that very moment, if it was replaced. ``refused`` is why DynamoDB does not take
    the new one; it may hold item data. ``repeated`` tells that something else stood there, but at a second attempt:
    the first may have been carried out although its answer was lost.
    """

    done: bool
    before: Item | None = None
    refused: str | None = None
    repeated: bool = False


class LiveItems:
    """The items of one table, typed values as JSON has them. Safe to use from many threads."""

    def __init__(self, client: DynamoDBClient, table: str, keys: KeySchema, deadline: Deadline) -> None:
        self._client = client
        self._table = table
        self._keys = keys
        self._deadline = deadline

    def read(self, keys: Sequence[Mapping[str, Any]]) -> dict[bytes, Item]:
        """Return the items of at most 100 different keys by the keys' digests, strongly consistent.

        Raises ``ClientError`` for what no retry mends, and ``TimeIsUp`` where the deadline came first.
        """
        found: dict[bytes, Item] = {}
        asked: dict[str, Any] = {self._table: {"Keys": [for_boto3(key) for key in keys], "ConsistentRead": True}}
        pauses = backoff_seconds()
        while asked:
            answer, refusal, _ = self._until_answered(self._client.batch_get_item, {"RequestItems": asked})
            if refusal:
                raise refusal
            for item in answer["Responses"].get(self._table, []):
                typed = from_boto3(item)
                found[self._keys.digest(typed)] = typed
            asked = answer.get("UnprocessedKeys") or {}
            if asked:
                self._pause(next(pauses))
        return found

    def replace(self, key: Mapping[str, Any], expected: Item | None, wanted: Item | None) -> Replacement:
        """Put ``wanted`` (``None``: delete) where ``expected`` (``None``: no item) stands, and nowhere else.

        The condition compares up to 100 attributes, and cannot notice an attribute that ``expected`` does not have:
        whoever must be sure compares ``before`` with it.

        Raises ``ClientError`` for what no retry mends, and ``TimeIsUp`` where the deadline came first.
        """
        request: dict[str, Any] = {"TableName": self._table, "ReturnValues": "ALL_OLD", **self._condition(expected)}
        call: Callable[..., Any] = self._client.put_item if wanted else self._client.delete_item
        request |= {"Item": for_boto3(wanted)} if wanted else {"Key": for_boto3(key)}
        answer, refusal, attempts = self._until_answered(call, request)
        if refusal is None:
            before = answer.get("Attributes")
            return Replacement(done=True, before=from_boto3(before) if before else None)
        if error_code(refusal) == "ConditionalCheckFailedException":
            return Replacement(done=False, repeated=attempts > 1)
        if error_code(refusal) in _REFUSALS:
            return Replacement(done=False, refused=explain(refusal))
        raise refusal

    def _condition(self, expected: Item | None) -> dict[str, Any]:
        if expected is None:
            return {
                "ConditionExpression": "attribute_not_exists(#k)",
                "ExpressionAttributeNames": {"#k": self._keys.names[0]},
            }
        compared = list(expected.items())[:MOST_COMPARED_ATTRIBUTES]
        return {
            "ConditionExpression": " AND ".join(f"#a{number} = :a{number}" for number in range(len(compared))),
            "ExpressionAttributeNames": {f"#a{number}": name for number, (name, _) in enumerate(compared)},
            "ExpressionAttributeValues": for_boto3(
                {f":a{number}": value for number, (_, value) in enumerate(compared)}
            ),
        }

    def _until_answered(
        self, call: Callable[..., Any], request: dict[str, Any]
    ) -> tuple[dict[str, Any], ClientError | None, int]:
        """Make a call until DynamoDB answers it: its answer, or its refusal, and the number of attempts."""
        pauses = backoff_seconds()
        for attempt in count(1):
            try:
                return call(**request), None, attempt
            except AWS_ERRORS as error:
                if not is_transient(error) and error_code(error) != "TransactionConflictException":
                    if isinstance(error, ClientError):
                        return {}, error, attempt
                    raise
                trouble = explain(error)
            self._pause(next(pauses), trouble)
        raise AssertionError("count() never ends")

    def _pause(self, seconds: float, trouble: str = "DynamoDB left keys unprocessed (throttling)") -> None:
        if self._deadline.passed():
            raise TimeIsUp(f"table {self._table} goes on in the next turn: {trouble}")
        self._deadline.sleep(seconds)
