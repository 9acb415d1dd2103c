"""An account in memory: buckets, tables, and a list of every call. A whole restore takes it milliseconds.

It knows what the restore and verify functions ask for, and takes a table's writes the way they send them: as bytes,
spliced into botocore's request by a hook.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

from botocore.exceptions import ClientError
from botocore.hooks import HierarchicalEmitter

from dynamodb_backup.aws import Clients
from dynamodb_backup.table.creation import RESTORING_TAG

WRITES = {"BatchWriteItem", "PutItem", "DeleteItem", "UpdateItem", "TransactWriteItems", "CreateTable", "DeleteTable"}
WRITTEN = datetime(2026, 1, 31, tzinfo=UTC)

Item = dict[str, Any]


class Call(NamedTuple):
    """One call: what, and the bucket or table that it was about, with the key."""

    operation: str
    of: str
    key: str = ""


@dataclass
class MemoryAws:
    """``buckets`` by name, objects by key; ``tables`` by name, items by the text of their partition key ``id``."""

    buckets: dict[str, dict[str, bytes]]
    tables: dict[str, dict[str, Item]]
    calls: list[Call] = field(default_factory=list)

    def clients(self) -> Clients:
        s3, dynamodb = cast("Any", MemoryS3(self)), cast("Any", MemoryDynamoDB(self))
        return Clients(s3=s3, dynamodb=dynamodb, dynamodb_writes=dynamodb)

    @property
    def table_writes(self) -> list[Call]:
        return [call for call in self.calls if call.operation in WRITES]

    @property
    def read_buckets(self) -> set[str]:
        return {call.of for call in self.calls if call.operation in {"GetObject", "HeadObject", "ListObjectsV2"}}


class _Service:
    def __init__(self, aws: MemoryAws) -> None:
        self._aws = aws

    def _called(self, operation: str, of: str, key: str = "") -> None:
        self._aws.calls.append(Call(operation, of, key))


class MemoryS3(_Service):
    def get_object(self, *, Bucket: str, Key: str, IfMatch: str | None = None) -> dict[str, Any]:  # noqa: N803
        self._called("GetObject", Bucket, Key)
        body = self._object(Bucket, Key, "GetObject", "NoSuchKey")
        if IfMatch not in {None, etag(body)}:
            raise failure("PreconditionFailed", "GetObject")
        return {"Body": io.BytesIO(body), "ETag": etag(body), "ContentLength": len(body)}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        self._called("HeadObject", Bucket, Key)
        body = self._object(Bucket, Key, "HeadObject", "404")
        return {"ContentLength": len(body), "ETag": etag(body)}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **terms: Any) -> dict[str, Any]:  # noqa: N803
        self._called("PutObject", Bucket, Key)
        standing = self._bucket(Bucket, "PutObject").get(Key)
        expected = terms.get("IfMatch")
        if ("IfNoneMatch" in terms and standing is not None) or (
            expected and (standing is None or etag(standing) != expected)
        ):
            raise failure("PreconditionFailed", "PutObject")
        self._aws.buckets[Bucket][Key] = Body
        return {"ETag": etag(Body)}

    def list_objects_v2(
        self,
        *,
        Bucket: str,  # noqa: N803
        Prefix: str,  # noqa: N803
        Delimiter: str = "",  # noqa: N803
        StartAfter: str = "",  # noqa: N803
        MaxKeys: int = 1000,  # noqa: N803
    ) -> dict[str, Any]:
        self._called("ListObjectsV2", Bucket, Prefix)
        objects = self._bucket(Bucket, "ListObjectsV2")
        tails = {key: key[len(Prefix) :] for key in sorted(objects) if key.startswith(Prefix) and key > StartAfter}
        folders = {Prefix + tail.split("/")[0] + "/" for tail in tails.values() if Delimiter and "/" in tail}
        plain = [
            {"Key": key, "ETag": etag(objects[key]), "LastModified": WRITTEN}
            for key, tail in tails.items()
            if not Delimiter or "/" not in tail
        ]
        return {"CommonPrefixes": [{"Prefix": one} for one in sorted(folders)], "Contents": plain[:MaxKeys]}

    def get_paginator(self, _operation: str) -> MemoryS3:
        return self

    def paginate(self, **parameters: Any) -> Iterator[dict[str, Any]]:
        yield self.list_objects_v2(**parameters)

    def _bucket(self, bucket: str, operation: str) -> dict[str, bytes]:
        if bucket not in self._aws.buckets:
            raise failure("NoSuchBucket", operation)
        return self._aws.buckets[bucket]

    def _object(self, bucket: str, key: str, operation: str, missing: str) -> bytes:
        objects = self._bucket(bucket, operation)
        if key not in objects:
            raise failure(missing, operation)
        return objects[key]


class MemoryDynamoDB(_Service):
    def __init__(self, aws: MemoryAws) -> None:
        super().__init__(aws)
        self.meta = self
        self.events = HierarchicalEmitter()
        self.region_name = "us-east-1"

    def describe_table(self, *, TableName: str) -> dict[str, Any]:  # noqa: N803
        self._called("DescribeTable", TableName)
        self._table(TableName, "DescribeTable")
        return {"Table": description(TableName)}

    def batch_write_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        call = {"params": {"body": json.dumps(RequestItems).encode()}}
        self.events.emit("before-call.dynamodb.BatchWriteItem", **call)
        for table, operations in json.loads(call["params"]["body"])["RequestItems"].items():
            self._called("BatchWriteItem", table)
            for operation in operations:
                self._apply(table, operation)
        return {"UnprocessedItems": {}, "ResponseMetadata": {"HTTPHeaders": {}}}

    def _apply(self, table: str, operation: dict[str, Any]) -> None:
        items = self._table(table, "BatchWriteItem")
        if "PutRequest" in operation:
            item = operation["PutRequest"]["Item"]
            items[item["id"]["S"]] = item
        else:
            items.pop(operation["DeleteRequest"]["Key"]["id"]["S"], None)

    def scan(self, *, TableName: str, Segment: int, TotalSegments: int, **_: Any) -> dict[str, Any]:  # noqa: N803
        self._called("Scan", TableName)
        found = list(self._table(TableName, "Scan").values())[Segment::TotalSegments]
        body = json.dumps({"Count": len(found), "Items": found}).encode()
        return {"RawBody": body, "ResponseMetadata": {"HTTPHeaders": {}}}

    def create_table(self, *, TableName: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        self._called("CreateTable", TableName)
        self._aws.tables[TableName] = {}
        return {"TableDescription": description(TableName)}

    def list_tags_of_resource(self, **_: Any) -> dict[str, Any]:
        return {"Tags": [{"Key": RESTORING_TAG, "Value": "this restore"}]}

    def update_continuous_backups(self, *, TableName: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        self._called("UpdateContinuousBackups", TableName)
        return {}

    def untag_resource(self, **_: Any) -> dict[str, Any]:
        return {}

    def _table(self, table: str, operation: str) -> dict[str, Item]:
        if table not in self._aws.tables:
            raise failure("ResourceNotFoundException", operation)
        return self._aws.tables[table]


def description(table: str) -> dict[str, Any]:
    return {
        "TableName": table,
        "TableStatus": "ACTIVE",
        "TableArn": f"arn:aws:dynamodb:us-east-1:123456789012:table/{table}",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "ItemCount": 0,
    }


def failure(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "says the account in memory"}}, operation)


def etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
