"""AWS as far as a rehearsal needs it: a bucket on disk, tables that take everything, clocks that jump."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from dynamodb_backup.aws import Clients
from dynamodb_backup.naming import NamingConvention
from dynamodb_backup.settings import Settings
from dynamodb_backup.timing import Deadline
from dynamodb_backup.turns.means import Means
from sandbox.exports import DataFile, ExportRequest, build_full_export, data_file, full_line
from tests.reliability.scale.bucket import Bucket
from tests.unit.backup.fake_aws import FakeAws, VirtualDeadline

__all__ = ["ARN", "BUCKET", "PREFIX", "StandIn", "a_backup", "table_names"]

BUCKET = "backups"
PREFIX = "native-exports"
ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/"


def table_names(count: int) -> tuple[str, ...]:
    """Return names of 40 characters, longer than most."""
    return tuple(f"mfa-api_production_{number:05d}_".ljust(40, "x") for number in range(count))


class _Into:
    """What the fake DynamoDB takes for its S3: an export's objects go into the bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def update(self, objects: Mapping[str, bytes]) -> None:
        for key, body in objects.items():
            self._bucket.hold(key, body)


class _Writes:
    """The client of the batch writer, which sends bodies of its own by botocore's hooks."""

    def __init__(self) -> None:
        self.items = 0
        self.calls = 0
        self._splice: list[Callable[..., None]] = []
        self.meta = SimpleNamespace(events=self)

    def register_last(self, event: str, hook: Callable[..., None]) -> None:
        if event.startswith("before-call."):
            self._splice.append(hook)

    def unregister(self, event: str, hook: Callable[..., None]) -> None:
        if event.startswith("before-call."):
            self._splice.remove(hook)

    def batch_write_item(self, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803
        params: dict[str, Any] = {"body": b""}
        for hook in list(self._splice):
            hook(params=params)
        (operations,) = json.loads(params["body"])["RequestItems"].values()
        self.calls += 1
        self.items += len(operations)
        return {"UnprocessedItems": {}, "ResponseMetadata": {"HTTPHeaders": {}}}


@dataclass
class StandIn:
    """The clients, and what was asked of them."""

    bucket: Bucket = field(default_factory=Bucket)
    fake: FakeAws = field(default_factory=FakeAws)
    writes: _Writes = field(default_factory=_Writes)

    def __post_init__(self) -> None:
        self.fake.objects = cast("Any", _Into(self.bucket))

    def clients(self) -> Clients:
        return Clients(
            s3=cast("Any", self.bucket), dynamodb=cast("Any", self.fake), dynamodb_writes=cast("Any", self.writes)
        )

    def means(self, settings: Settings, seconds: float = 900.0) -> Means:
        return Means(settings, self.clients(), Deadline(seconds), self.fake.time.utc)

    def virtual_deadline(self, seconds: float = 900.0) -> Deadline:
        return VirtualDeadline(self.fake.time, seconds)

    @property
    def requests(self) -> Counter[str]:
        """Return the requests so far by name."""
        return (
            self.bucket.calls + Counter(name for name, _ in self.fake.calls) + Counter(BatchWriteItem=self.writes.calls)
        )


def settings_for(tables: tuple[str, ...], **others: Any) -> Settings:
    return Settings(BUCKET, "production", tables, PREFIX, NamingConvention(), **others)


def _files(count: int, items_per_file: int, table: str) -> Iterator[DataFile]:
    for number in range(count):
        lines = [full_line({"id": {"S": f"{table}-{number}-{one}"}}) for one in range(items_per_file)]
        yield data_file(lines, f"{number:026d}.json.gz")


def a_backup(aws: StandIn, day: str, tables: Iterable[str], *, files: int = 1, items_per_file: int = 1) -> None:
    """Put a verified backup of these tables into the bucket, as if a run had made it on that date."""
    entries = []
    for table in tables:
        export_id = "01700000000000-00000000"
        request = ExportRequest(ARN + table, BUCKET, f"{PREFIX}/{day}/{table}", export_id=export_id)
        export = build_full_export(request, list(_files(files, items_per_file, table)))
        for key, body in export.objects.items():
            aws.bucket.hold(key, body)
        entries.append(
            {
                "table_name": table,
                "status": "COMPLETED",
                "run_id": f"{day}-0001",
                "export_arn": f"{ARN}{table}/export/{export_id}",
                "export_type": "FULL_EXPORT",
                "export_time": f"{day}T03:00:00.000Z",
                "s3_prefix": f"{PREFIX}/{day}/{table}",
                "export_manifest": export.manifest_key,
                "item_count": files * items_per_file,
                "verification": {"files": files, "compressed_bytes": 1, "checked": "every checksum"},
            }
        )
    aws.bucket.hold(f"{PREFIX}/{day}/manifest.json", json.dumps({"exports": entries}).encode())
