"""Small whole backups, made by the backup function itself, and what a restore of them must leave in the tables."""

from __future__ import annotations

import io
import itertools
from collections.abc import Mapping
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from dynamodb_backup.backup.methods import scan
from dynamodb_backup.backup_methods import MethodChoice
from sandbox.exports import (
    ExportRequest,
    build_full_export,
    build_incremental_export,
    data_file,
    full_line,
    incremental_line,
)
from tests.reliability.corruption.memory import Item
from tests.unit.backup.conftest import Runner
from tests.unit.backup.fake_aws import ARN, BUCKET, Export, FakeAws, VirtualTime

DATE, EARLIER, PREFIX = "2026-01-31", "2026-01-30", "native-exports"
INCREMENT = {"export_type": "INCREMENTAL_EXPORT"}
MODES = ("overwrite", "mirror")


def item(table: str, number: int, value: str) -> Item:
    return {"id": {"S": f"{table}-{number}"}, "v": {"S": value}}


@dataclass
class Account(FakeAws):
    """Backs up tables whose items say when they were written; its increments put, change and delete."""

    value: str = "first"

    def do_describe_table(self, TableName: str) -> dict[str, Any]:  # noqa: N803
        described = super().do_describe_table(TableName)
        described["Table"]["BillingModeSummary"] = {"BillingMode": "PAY_PER_REQUEST"}
        return described

    def _write(self, export: Export) -> int:
        table = export.parameters["TableArn"].removeprefix(ARN)
        window = export.parameters.get("IncrementalExportSpecification")
        lines = self._changes(table) if window else [full_line(one) for one in self._items(table)]
        if not export.written:
            request = ExportRequest(
                export.parameters["TableArn"],
                BUCKET,
                export.parameters["S3Prefix"],
                table_id=self.table_id,
                start_time=export.started,
                end_time=export.ends,
                from_time=window["ExportFromTime"] if window else None,
                to_time=window["ExportToTime"] if window else None,
                export_id=export.arn.rpartition("/")[2],
            )
            build = build_incremental_export if window else build_full_export
            count = self.files_per_export
            files = [
                data_file(lines[place::count], f"{request.export_id[-8:]}{place:018d}.json.gz")
                for place in range(count)
            ]
            self.objects.update(build(request, files).objects)
            export.written = True
        return len(lines)

    def _items(self, table: str) -> list[Item]:
        return [item(table, number, self.value) for number in range(self.items[table])]

    def _changes(self, table: str) -> list[bytes]:
        """One item more, one changed, and one gone."""
        new, changed, gone = (item(table, number, self.value) for number in (100 + len(self.exports), 0, 1))
        return [
            incremental_line(1, {"id": new["id"]}, None, new),
            incremental_line(2, {"id": changed["id"]}, item(table, 0, "first"), changed),
            incremental_line(3, {"id": gone["id"]}, gone, None),
        ]


@dataclass(frozen=True)
class Specimen:
    """A bucket's objects, the event that restores from it, and the items that belong into each table of it.

    ``verifiable``: the verify function is about it, too; it knows no increments.
    """

    name: str
    objects: Mapping[str, bytes]
    event: Mapping[str, Any]
    items: Mapping[str, list[Item]]
    verifiable: bool = True


def one_file() -> Specimen:
    runner = _backed_up(Account(VirtualTime(), items={"orders": 5}, files_per_export=1))
    return _specimen("one file", runner, {"backup_date": DATE})


def several_files() -> Specimen:
    """Two tables at two dates, the event names neither table nor date."""
    aws = Account(VirtualTime(datetime(2026, 1, 30, 12, tzinfo=UTC)), items={"orders": 7, "customers": 4}, value="old")
    aws.files_per_export = 3
    runner = _backed_up(aws)
    aws.time.advance(86_400)
    aws.value = "first"
    _backed_up(aws)
    return _specimen("several files", runner, {})


def own_scan() -> Specimen:
    aws = Account(VirtualTime(), items={"orders": 6})
    names = (f"{number:032x}" for number in itertools.count())
    with ExitStack() as patches:
        patches.enter_context(patch.object(scan, "metered_page", _page))
        patches.enter_context(patch("secrets.token_bytes", lambda _size: bytes.fromhex(next(names))[:16]))
        runner = _backed_up(aws, {"orders": MethodChoice("scan", segments=2)})
    specimen = _specimen("own scan", runner, {"backup_date": DATE})
    scanned = [{"id": {"S": f"orders-{number}"}} for number in range(6)]
    return replace(specimen, items={"orders": scanned})


def chain() -> Specimen:
    aws = Account(VirtualTime(), items={"orders": 4}, files_per_export=2)
    runner = _backed_up(aws)
    for value in ("second", "third"):
        aws.time.advance(3600)
        aws.value = value
        _must_succeed(runner, INCREMENT)
    specimen = _specimen("chain", runner, {"tables": ["orders"], "restore_to": "2026-01-31T14:30:00Z"})
    kept = [item("orders", number, "first") for number in (2, 3)]
    items = {
        "orders": [
            item("orders", 0, "third"),
            *kept,
            item("orders", 102, "second"),
            item("orders", 103, "third"),
        ]
    }
    return replace(specimen, items=items, verifiable=False)


def all_specimens() -> list[Specimen]:
    with patch("time.sleep", lambda _seconds: None), redirect_stdout(io.StringIO()):
        return [one_file(), several_files(), own_scan(), chain()]


def _backed_up(aws: Account, methods: Mapping[str, MethodChoice] | None = None) -> Runner:
    runner = Runner(aws, tuple(aws.items), methods=methods or {})
    _must_succeed(runner, {})
    return runner


def _must_succeed(runner: Runner, event: Mapping[str, Any]) -> None:
    result = runner.invoke(dict(event), seconds=300)
    if result.status_code != 200:
        raise AssertionError(result.to_response())


def _specimen(name: str, runner: Runner, event: Mapping[str, Any]) -> Specimen:
    aws = runner.aws
    needed = {key: body for key, body in sorted(aws.objects.items()) if not _is_progress(key)}
    items = {table: [item(table, number, "first") for number in range(count)] for table, count in aws.items.items()}
    return Specimen(name, needed, event, items)


def _is_progress(key: str) -> bool:
    """Tell whether only the backup function itself reads an object, never a restore."""
    return key.endswith(("/run.json", "/_started")) or "/scans/" in key or f"{PREFIX}/retention/" in key


def _page(client: Any, table: str, segment: Any, segments: int, *, limit: int | None) -> Any:
    return client.metered_page(table=table, segment=segment, segments=segments, limit=limit)
