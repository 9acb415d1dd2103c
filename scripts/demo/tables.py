"""Tables as the demo uses them: what their keys are, all their items, and many writes at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts.demo.compare import Snapshot, snapshot
from scripts.demo.items import Item, KeyAttributes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

__all__ = ["Table"]

MOST_BATCH_ITEMS = 25
WRITERS = 4


@dataclass(frozen=True)
class Table:
    """One table."""

    client: DynamoDBClient
    name: str
    keys: KeyAttributes

    @classmethod
    def of(cls, client: DynamoDBClient, name: str) -> Table:
        """Return a table with its keys as DynamoDB describes them."""
        described = client.describe_table(TableName=name)["Table"]
        types = {
            attribute["AttributeName"]: attribute["AttributeType"] for attribute in described["AttributeDefinitions"]
        }
        # The hash key comes first, as DynamoDB demands.
        names = [element["AttributeName"] for element in described["KeySchema"]]
        return cls(client, name, tuple((key, types[key]) for key in names))

    def snapshot(self) -> Snapshot:
        """Read the whole table, strongly consistent."""
        return snapshot(self.keys, self._scan())

    def change(self, *, put: Sequence[Item] = (), delete: Sequence[Item] = ()) -> None:
        """Write items and delete keys; DynamoDB keeps no order between them."""
        requests: list[Any] = [{"PutRequest": {"Item": one}} for one in put]
        requests += [{"DeleteRequest": {"Key": one}} for one in delete]
        batches = [requests[start : start + MOST_BATCH_ITEMS] for start in range(0, len(requests), MOST_BATCH_ITEMS)]
        pool = ThreadPoolExecutor(WRITERS, thread_name_prefix="write")
        try:
            for done in [pool.submit(self._write, batch) for batch in batches]:
                done.result()
        finally:
            # Interrupted, it must not first write thousands of items more.
            pool.shutdown(cancel_futures=True)

    def _write(self, batch: list[Any]) -> None:
        rest = {self.name: batch}
        while rest:
            rest = self.client.batch_write_item(RequestItems=rest)["UnprocessedItems"]

    def _scan(self) -> Iterable[Item]:
        for page in self.client.get_paginator("scan").paginate(TableName=self.name, ConsistentRead=True):
            yield from page["Items"]
