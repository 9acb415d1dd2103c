"""Putting items only where their key is free: every one ends as written, skipped, refused, or still to be done.

A condition holds at the moment of the write, whoever else writes to the table, so an existing item is never touched.
BatchWriteItem has no conditions, so each item is a request of its own, spliced from the export's line like a batch.
docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dynamodb_backup.aws_errors import AWS_ERRORS, error_code, explain, is_transient
from dynamodb_backup.table.batch_write import BatchWriter, Outcome, Refused
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.timing import Deadline, backoff_seconds

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

__all__ = ["ConditionalWriter"]

_EVENT = "before-call.dynamodb.PutItem"
_THIS_ITEM_IS_BAD = {"ItemCollectionSizeLimitExceededException", "SerializationException", "ValidationException"}
_KEY_IS_TAKEN = "ConditionalCheckFailedException"


class ConditionalWriter:
    """Puts items whose key the table does not hold yet. Safe to use from many threads.

    The client must not retry by itself (``Clients.dynamodb_writes``).
    """

    def __init__(
        self, client: DynamoDBClient, table: str, keys: KeySchema, batches: BatchWriter, deadline: Deadline
    ) -> None:
        self._client = client
        self._table = table
        self._batches = batches
        self._deadline = deadline
        self._body = threading.local()
        condition = {
            "TableName": table,
            "ConditionExpression": "attribute_not_exists(#key)",
            "ExpressionAttributeNames": {"#key": keys.names[0]},
        }
        self._opening = json.dumps(condition).encode()[:-1] + b","
        client.meta.events.register_last(_EVENT, self._splice)

    def __enter__(self) -> ConditionalWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.meta.events.unregister(_EVENT, self._splice)

    def put(self, lines: Sequence[bytes]) -> Outcome:
        """Put verified lines ``{"Item":{...}}``, one after the other.

        Where the answer to a put was lost, it is sent again and then finds its own item: that is told as skipped, too.
        Raises ``ClientError`` for what no retry mends, if it is met before anything is settled. Behind settled lines
        it leaves the others unsettled instead, so that those are counted, and is raised when they are sent again.
        """
        outcome = Outcome()
        for number, line in enumerate(lines):
            if (number and self._deadline.passed()) or not self._settle(line, outcome):
                outcome.unsettled = list(lines[number:])
                break
        return outcome

    def delete(self, keys: Sequence[dict[str, Any]]) -> Outcome:
        """Delete keys as ever: the condition is for puts."""
        return self._batches.delete(keys)

    def _settle(self, line: bytes, outcome: Outcome) -> bool:
        """Put one item, and again while that may help; ``False`` means that it is for another time."""
        for pause in backoff_seconds():
            try:
                self._send(line)
            except AWS_ERRORS as error:
                if error_code(error) == _KEY_IS_TAKEN:
                    outcome.skipped += 1
                    return True
                if error_code(error) in _THIS_ITEM_IS_BAD:
                    outcome.refused.append(Refused(b'{"PutRequest":' + line + b"}", explain(error)))
                    return True
                outcome.last_trouble = explain(error)
                if not is_transient(error):
                    if outcome.settled:
                        return False
                    raise
                if self._deadline.passed():
                    return False
                self._deadline.sleep(pause)
            else:
                outcome.written += 1
                return True
        return False

    def _send(self, line: bytes) -> None:
        # The line was verified to be an object with the one member "Item", which joins the other members.
        self._body.value = self._opening + line.strip()[1:]
        try:
            self._client.put_item(TableName=self._table, Item={})
        finally:
            del self._body.value

    def _splice(self, params: dict[str, Any], **_: Any) -> None:
        """Replace the empty request that botocore built by the one that this thread wants to send."""
        body = getattr(self._body, "value", None)
        if body is not None:
            params["body"] = body
