"""S3 in memory, read only, for lists of many dates: it counts its calls, and can be as slow as S3 is."""

from __future__ import annotations

import io
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from botocore.exceptions import ClientError

from dynamodb_backup.aws import Clients
from dynamodb_backup.catalog.listing import Listing
from dynamodb_backup.contract.catalog import ListRequest
from dynamodb_backup.naming import NamingConvention
from dynamodb_backup.settings import Settings
from dynamodb_backup.timing import Deadline

BUCKET = "backups"
PREFIX = "native-exports"
FOLDERS_PER_PAGE = 1000
"""docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html"""


@dataclass
class FakeS3:
    """``days`` maps a date to its manifest's bytes, to what makes them, or to ``None``: a folder without a manifest."""

    days: Mapping[str, bytes | Callable[[], bytes] | None]
    call_seconds: float = 0.0
    denied: frozenset[str] = frozenset()
    calls: Counter[str] = field(default_factory=Counter)

    def clients(self) -> Clients:
        fake = cast("Any", self)
        return Clients(s3=fake, dynamodb=fake, dynamodb_writes=fake)

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        self._count("GetObject")
        date = Key.split("/")[1]
        if date in self.denied:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")
        body = self.days.get(date)
        if body is None:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(body() if callable(body) else body), "ETag": '"etag"'}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, Bucket: str, Prefix: str, Delimiter: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        if Prefix == f"{PREFIX}/chains/":
            self._count("ListObjectsV2")
            yield {}
            return
        folders = sorted([*(f"{Prefix}{date}/" for date in self.days), f"{Prefix}restores/"])
        for start in range(0, len(folders), FOLDERS_PER_PAGE):
            self._count("ListObjectsV2")
            yield {"CommonPrefixes": [{"Prefix": one} for one in folders[start : start + FOLDERS_PER_PAGE]]}

    def _count(self, operation: str) -> None:
        self.calls[operation] += 1
        time.sleep(self.call_seconds)


def entry(table: str, date: str, *, status: str = "COMPLETED", run: int = 1, **others: Any) -> dict[str, Any]:
    """Return an entry of a manifest, as a backup run writes it."""
    export_id = f"{date.replace('-', '')}-{run:08x}"
    folder = f"{PREFIX}/{date}/{table}"
    completed = status == "COMPLETED"
    return {
        "table_name": table,
        "status": status,
        "run_id": f"{date}-{run:04d}",
        "export_arn": f"arn:aws:dynamodb:us-east-1:123456789012:table/{table}/export/{export_id}",
        "export_type": "FULL_EXPORT",
        "export_time": f"{date}T03:00:00.000Z",
        "start_time": f"{date}T03:00:00.000Z",
        "end_time": f"{date}T03:05:00.000Z",
        "s3_prefix": folder,
        "export_manifest": f"{folder}/AWSDynamoDB/{export_id}/manifest-summary.json",
        "item_count": 600 if completed else None,
        "billed_size_bytes": 52690 if completed else None,
        "table_definition": f"{PREFIX}/{date}/runs/{date}-{run:04d}/definitions/{table}.json",
        "verification": {"files": 2, "compressed_bytes": 5329, "checked": "every checksum"} if completed else None,
        "warnings": [],
        "error": None if completed else "point-in-time recovery is off",
        **others,
    }


def manifest(*entries: Mapping[str, Any], failed: Sequence[Mapping[str, Any]] = ()) -> bytes:
    return json.dumps({"exports": entries, "failed_attempts": failed}, indent=2).encode()


class NoTimeLeft(Deadline):
    """A deadline that has always passed: each invocation gets as far as it must."""

    def __init__(self) -> None:
        super().__init__(0.0)


def list_points(
    s3: FakeS3, *, configured: tuple[str, ...] = (), deadline: Deadline | None = None, **event: Any
) -> dict[str, Any]:
    """Ask as the handler does and return the answer; ``earliest`` is the event's ``from``."""
    if "earliest" in event:
        event["from"] = event.pop("earliest")
    settings = Settings(BUCKET, "test", configured, PREFIX, NamingConvention())
    request = ListRequest.from_event({"action": "list", **event})
    answer = Listing(settings, s3.clients(), deadline or Deadline(900)).execute(request).to_response()
    whole: dict[str, Any] = json.loads(json.dumps(answer))
    return whole


def all_pages(s3: FakeS3, **event: Any) -> list[dict[str, Any]]:
    """Follow ``next`` to the end and return every page's body."""
    pages = [list_points(s3, **event)["body"]]
    while pages[-1]["next"]:
        pages.append(list_points(s3, **event, next=pages[-1]["next"])["body"])
    return pages


def points_of(body: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return (table, date, status) of every point of a page, in its order."""
    return [
        (table["table_name"], point["backup_date"], point["status"])
        for table in body["tables"]
        for point in table["recovery_points"]
    ]
