"""Writing items: every one of them ends as written, as refused by DynamoDB itself, or as still to be done.

A put is spliced from the export's own line, as bytes: ``{"Item":{...}}`` is already what it needs. Nothing is decoded
and encoded again, so binary values and 38-digit numbers arrive exactly as they were exported.
Limits: docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from dynamodb_backup.aws_errors import AWS_ERRORS, error_code, explain, is_transient
from dynamodb_backup.table.batch_call import ONE_OPERATION_IS_BAD, BatchCall
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.timing import Deadline, backoff_seconds

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

__all__ = ["MOST_BATCH_BYTES", "MOST_BATCH_ITEMS", "BatchWriter", "Outcome", "Refused"]

MOST_BATCH_ITEMS = 25
MOST_BATCH_BYTES = 15 * 1_048_576
"""A request may have 16 MB; the rest is for the envelope."""


@dataclass(frozen=True)
class Refused:
    """One operation that DynamoDB itself refuses: its bytes and DynamoDB's words. Both may hold item data."""

    operation: bytes
    reason: str


@dataclass
class Outcome:
    """What became of a batch. Operations neither written nor refused are ``unsettled``: time ran out first.

    Left alone on purpose are ``skipped`` ones, whose key is taken, and ``unchanged`` ones, which the table has already.
    """

    written: int = 0
    skipped: int = 0
    unchanged: int = 0
    refused: list[Refused] = field(default_factory=list)
    unsettled: list[bytes] = field(default_factory=list)
    last_trouble: str | None = None

    def of_leading(self, operations: Sequence[bytes]) -> Outcome:
        """Return the outcome of the first operations only, up to the first unsettled one."""
        left = set(self.unsettled)
        leading = list(takewhile(lambda operation: operation not in left, operations))
        refused = [one for one in self.refused if one.operation in set(leading)]
        return Outcome(
            written=len(leading) - len(refused),
            refused=refused,
            unsettled=self.unsettled,
            last_trouble=self.last_trouble,
        )

    @property
    def settled(self) -> int:
        return self.written + self.skipped + self.unchanged + len(self.refused)


class BatchWriter:
    """Sends batches of operations to one table. Safe to use from many threads.

    The client must not retry by itself (``Clients.dynamodb_writes``).
    """

    def __init__(self, client: DynamoDBClient, table: str, keys: KeySchema, deadline: Deadline) -> None:
        self._keys = keys
        self._deadline = deadline
        self._call = BatchCall(client, table, deadline)

    def __enter__(self) -> BatchWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._call.close()

    def put(self, lines: Sequence[bytes]) -> Outcome:
        """Put at most 25 verified lines ``{"Item":{...}}`` of at most 15 MB.

        Where time runs out, the outcome is that of the leading lines; what was written behind them is written again.
        Raises ``ClientError`` for what no retry mends.
        """
        operations = [b'{"PutRequest":' + line + b"}" for line in lines]
        outcome = self._settle(operations)
        return outcome.of_leading(operations) if outcome.unsettled else outcome

    def delete(self, keys: Sequence[dict[str, Any]]) -> Outcome:
        """Delete at most 25 keys, typed values as JSON has them.

        Raises ``ClientError`` for what no retry mends.
        """
        return self._settle([json.dumps({"DeleteRequest": {"Key": key}}).encode() for key in keys])

    def _settle(self, operations: list[bytes]) -> Outcome:
        outcome = Outcome()
        waiting = [operations]
        pauses = backoff_seconds()
        while waiting:
            batch = waiting.pop()
            left = self._attempt(batch, waiting, outcome)
            if not left:
                continue
            waiting.append(left)
            if len(left) < len(batch):
                pauses = backoff_seconds()  # some went through: the table is alive
            if self._deadline.passed():
                break
            self._deadline.sleep(next(pauses))
        outcome.unsettled = [operation for batch in waiting for operation in batch]
        return outcome

    def _attempt(self, batch: list[bytes], waiting: list[list[bytes]], outcome: Outcome) -> list[bytes]:
        """Send one batch once and return what must be sent again after a pause."""
        try:
            unprocessed = self._call.send(batch)
        except AWS_ERRORS as error:
            if is_transient(error):
                # It may or may not have been carried out; operations are idempotent, so all of it goes again.
                outcome.last_trouble = explain(error)
                return batch
            if error_code(error) not in ONE_OPERATION_IS_BAD:
                raise
            # One bad operation rejects the whole call, so the batch is halved until the bad one stands alone.
            self._isolate(batch, explain(error), waiting, outcome)
            return []
        left = self._still_to_do(batch, unprocessed)
        if left:
            outcome.last_trouble = "DynamoDB returned items as unprocessed (throttling)"
        outcome.written += len(batch) - len(left)
        return left

    def _isolate(self, batch: list[bytes], reason: str, waiting: list[list[bytes]], outcome: Outcome) -> None:
        if len(batch) == 1:
            outcome.refused.append(Refused(batch[0], reason))
            return
        middle = len(batch) // 2
        waiting.append(batch[middle:])
        waiting.append(batch[:middle])

    def _still_to_do(self, batch: list[bytes], unprocessed: list[dict[str, Any]]) -> list[bytes]:
        """Return the operations that DynamoDB handed back, as our own bytes; all of them if any cannot be matched."""
        if not unprocessed:
            return []
        try:
            keys = {self._keys.digest(_item_or_key(operation)) for operation in unprocessed}
            left = [operation for operation in batch if self._keys.digest(_item_or_key(json.loads(operation))) in keys]
        except (KeyError, ValueError):
            return batch
        return left if len(left) == len(unprocessed) else batch


def _item_or_key(operation: dict[str, Any]) -> dict[str, Any]:
    """Return the item of a put, or the key of a delete."""
    if "PutRequest" in operation:
        item: dict[str, Any] = operation["PutRequest"]["Item"]
        return item
    key: dict[str, Any] = operation["DeleteRequest"]["Key"]
    return key
