"""A stage for restore tests: tables, hand-made backups, the real handler, and what stands in the tables afterwards.

Backups are fabricated here, exports and manifests alike, so that a fault of the backup function cannot hide one of the
restore function.
"""

from __future__ import annotations

import hashlib
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any

import pytest

from dynamodb_backup.handlers.restore import lambda_handler
from sandbox import Sandbox, exports
from sandbox.remote import Contents, LoggedRequest

ACCOUNT = "123456789012"
BUCKET = "backups"
PREFIX = "native-exports"
DATE = "2026-01-31"

FUNCTION_VARIABLES = {
    "BACKUP_BUCKET": BUCKET,
    "ENVIRONMENT": "test",
    "DYNAMODB_TABLES": '["orders"]',
    "S3_EXPORTS_PREFIX": PREFIX,
}
AWS_VARIABLES = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION")

Item = Mapping[str, Any]
"""An item in DynamoDB's wire JSON."""

_EXACT = Context(prec=60)


class LambdaContext:
    """A Lambda context with so many seconds left."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return max(0, round((self._end - time.monotonic()) * 1000))


@dataclass
class Answer:
    """The handler's response."""

    code: int
    body: dict[str, Any]

    def __post_init__(self) -> None:
        json.dumps(self.body)  # what Lambda does with it

    @property
    def result(self) -> dict[str, Any]:
        """The result of the only table."""
        (result,) = self.body["restore_results"]
        return dict(result)

    def of(self, table: str) -> dict[str, Any]:
        (result,) = (one for one in self.body["restore_results"] if one["table_name"] == table)
        return dict(result)

    @property
    def errors(self) -> str:
        """Every message of the answer, for tests that look for a name in it."""
        return " | ".join(
            str(error)
            for error in [self.body.get("error"), *(one["error"] for one in self.body["restore_results"])]
            if error
        )


@contextmanager
def listening(client: Any, event: str, handler: Callable[..., None]) -> Iterator[None]:
    """Have one of botocore's events call the handler, and take it off again: the functions' clients outlive a test."""
    client.meta.events.register(event, handler)
    try:
        yield
    finally:
        client.meta.events.unregister(event, handler)


def table_arn(table: str) -> str:
    return f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{table}"


def restore(event: object = None, *, seconds: float = 60.0) -> Answer:
    """Call the handler as Lambda would, with the event once through JSON."""
    event = json.loads(json.dumps({} if event is None else event))
    response = lambda_handler(event, LambdaContext(seconds))
    assert set(response) == {"statusCode", "body"}
    assert isinstance(response["body"], dict)
    return Answer(response["statusCode"], response["body"])


def restore_in_turns(event: Mapping[str, Any], *, seconds: float, most: int = 200) -> list[Answer]:
    """Repeat the event with the ``restore_id`` of the first answer until it is no longer 202; return all answers."""
    answers = [restore(event, seconds=seconds)]
    while answers[-1].code == 202 and len(answers) < most:
        answers.append(restore({**event, "restore_id": answers[0].body["restore_id"]}, seconds=seconds))
    return answers


@dataclass
class Stage:
    """One account with a bucket of backups. ``s3`` and ``dynamodb`` are boto3 clients.

    With ``contents``, objects and items are put past the edge: no request of the log, and no fault, concerns them.
    """

    s3: Any
    dynamodb: Any
    bucket: str = BUCKET
    prefix: str = PREFIX
    entries: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    contents: Contents | None = None

    # --- tables

    def create_table(self, name: str, keys: Sequence[tuple[str, str]] = (("id", "S"),)) -> None:
        """Create a table with a partition key and perhaps a sort key, each with its type."""
        self.dynamodb.create_table(
            TableName=name,
            KeySchema=[
                {"AttributeName": key, "KeyType": kind} for (key, _), kind in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in keys],
            BillingMode="PAY_PER_REQUEST",
        )

    def fill(self, table: str, items: Iterable[Item]) -> None:
        if self.contents:
            self.contents.put_items(table, items)
            return
        for item in items:
            self.dynamodb.put_item(TableName=table, Item=decoded(item))

    def items(self, table: str) -> list[str]:
        """Everything in a table, canonical and sorted."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        return sorted(canonical(encoded(item)) for page in pages for item in page["Items"])

    # --- backups

    def place(self, table: str, date: str = DATE) -> str:
        return f"{self.prefix}/{date}/{table}"

    def export(
        self,
        table: str,
        items: Iterable[Item] = (),
        *,
        date: str = DATE,
        file_count: int = 1,
        files: Sequence[exports.DataFile] | None = None,
    ) -> exports.Export:
        """Lay out a full export where the backup function would have it; it is not uploaded yet."""
        if files is None:
            lines = [exports.full_line(item) for item in items]
            files = [exports.data_file(lines[number::file_count]) for number in range(file_count)]
        return exports.build_full_export(
            exports.ExportRequest(table_arn(table), self.bucket, self.place(table, date)), files
        )

    def upload(self, export: exports.Export) -> None:
        """Upload an export, data files in one plain put each."""
        self.put_all(export.objects)

    def put(self, key: str, body: bytes | str) -> None:
        self.put_all({key: body})

    def put_all(self, objects: Mapping[str, bytes | str]) -> None:
        bodies = {key: body if isinstance(body, bytes) else body.encode() for key, body in objects.items()}
        if self.contents:
            self.contents.put_objects(self.bucket, bodies)
            return
        for key, body in bodies.items():
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def get(self, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def keys(self, prefix: str = "") -> set[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return {one["Key"] for page in pages for one in page.get("Contents", [])}

    def entry(self, export: exports.Export, table: str, **fields: Any) -> dict[str, Any]:
        """One table's entry, with the five fields that manifests have had from the first."""
        return {
            "table_name": table,
            "s3_prefix": export.request.prefix,
            "status": "COMPLETED",
            "export_arn": export.request.export_arn,
            "item_count": 0,
        } | fields

    def record(self, entries: Iterable[Mapping[str, Any]], date: str = DATE) -> None:
        """Write one date's manifest.json with these entries."""
        manifest = {
            "backup_date": date,
            "environment": "test",
            "backup_type": "DYNAMODB_NATIVE_EXPORT",
            "created_at": f"{date}T02:00:00Z",
            "s3_bucket": self.bucket,
            "exports": list(entries),
        }
        self.put(f"{self.prefix}/{date}/manifest.json", json.dumps(manifest))

    def back_up(
        self,
        table: str,
        items: Iterable[Item] = (),
        *,
        date: str = DATE,
        entry: Mapping[str, Any] | None = None,
        **how: Any,
    ) -> exports.Export:
        """Fabricate a whole backup of one more table of a date; ``how`` as in ``export``."""
        export = self.export(table, items, date=date, **how)
        self.upload(export)
        self.entries.setdefault(date, []).append(self.entry(export, table, **entry or {}))
        self.record(self.entries[date], date)
        return export

    def back_up_damaged(self, table: str, export: exports.Export, *, date: str = DATE) -> None:
        """Upload an export that a test has edited, and record it as COMPLETED."""
        self.upload(export)
        self.entries.setdefault(date, []).append(self.entry(export, table))
        self.record(self.entries[date], date)


def empty_stage(aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Make this process the restore function of an account that holds an empty bucket."""
    for name in AWS_VARIABLES:
        monkeypatch.setenv(name, aws.environment[name])
    for name, value in FUNCTION_VARIABLES.items():
        monkeypatch.setenv(name, value)
    stage = Stage(aws.client("s3"), aws.client("dynamodb"), contents=aws.contents)
    stage.s3.create_bucket(Bucket=BUCKET)
    return stage


def edit_manifest(export: exports.Export, name: str, edit: Any) -> None:
    """Replace ``manifest-files`` or ``manifest-summary`` by what ``edit`` makes of its bytes, with a matching .md5."""
    key = f"{export.request.root}{name}"
    body = edit(export.objects[f"{key}.json"])
    export.objects[f"{key}.json"] = body
    export.objects[f"{key}.md5"] = md5(body).encode()


def edit_summary(export: exports.Export, **fields: Any) -> None:
    """Set fields of manifest-summary.json, with a matching .md5; ``None`` is written as null."""
    edit_manifest(export, "manifest-summary", lambda body: json.dumps(json.loads(body) | fields).encode())


def md5(body: bytes) -> str:
    """Return base64 of the MD5, as manifests and their .md5 companions have it."""
    return b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def strings(count: int, start: int = 0, **attributes: Any) -> list[dict[str, Any]]:
    """Small items with distinct string keys."""
    return [{"id": {"S": f"item-{number:06d}"}, **attributes} for number in range(start, start + count)]


def decoded(item: Item) -> dict[str, Any]:
    """Wire JSON to what boto3's client takes: bytes for binary values, by type tag and never by attribute name."""
    return {name: _decoded(value) for name, value in item.items()}


def _decoded(typed: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, value),) = typed.items()
    if kind == "B":
        return {kind: b64decode(value)}
    if kind == "BS":
        return {kind: [b64decode(one) for one in value]}
    if kind == "L":
        return {kind: [_decoded(one) for one in value]}
    return {kind: decoded(value)} if kind == "M" else {kind: value}


def encoded(item: Item) -> dict[str, Any]:
    """What boto3's client returns to wire JSON."""
    return {name: _encoded(value) for name, value in item.items()}


def _encoded(typed: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, value),) = typed.items()
    if kind == "B":
        return {kind: b64encode(value).decode()}
    if kind == "BS":
        return {kind: [b64encode(one).decode() for one in value]}
    if kind == "L":
        return {kind: [_encoded(one) for one in value]}
    return {kind: encoded(value)} if kind == "M" else {kind: value}


def canonical(item: Item) -> str:
    """One text for equal items in wire JSON: sets in order, numbers in one form."""
    return json.dumps({name: _canonical(value) for name, value in item.items()}, sort_keys=True)


def _canonical(typed: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, value),) = typed.items()
    if kind == "N":
        return {kind: _number(value)}
    if kind == "NS":
        return {kind: sorted(map(_number, value))}
    if kind in ("SS", "BS"):
        return {kind: sorted(value)}
    if kind == "L":
        return {kind: [_canonical(one) for one in value]}
    return {kind: {name: _canonical(one) for name, one in value.items()}} if kind == "M" else {kind: value}


def _number(text: str) -> str:
    number = Decimal(text)
    return "0" if number == 0 else str(number.normalize(_EXACT))


def canonicals(items: Iterable[Item]) -> list[str]:
    return sorted(map(canonical, items))


TABLE_WRITES = {"BatchWriteItem", "DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"}
READS = {"DescribeTable", "DescribeTimeToLive", "GetObject", "HeadObject", "ListObjects", "ListObjectsV2", "Scan"}


def table_writes(aws: Sandbox) -> list[LoggedRequest]:
    """Return the requests that changed, or tried to change, items."""
    return [request for request in aws.requests.list("dynamodb") if request.operation in TABLE_WRITES]


def all_writes(aws: Sandbox) -> list[LoggedRequest]:
    """Return the requests that were not certainly reads."""
    return [request for request in aws.requests.list() if request.operation not in READS]
