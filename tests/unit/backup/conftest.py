"""A backup run over fake AWS: invoke it as often as a test wants, in virtual time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from dynamodb_backup.backup.methods import scan
from dynamodb_backup.backup.run import BackupRun
from dynamodb_backup.backup_methods import MethodChoice
from dynamodb_backup.collapse_terms import CollapseTerms
from dynamodb_backup.contract.backup import BackupRequest, BackupResult
from dynamodb_backup.naming import NamingConvention
from dynamodb_backup.settings import Settings
from dynamodb_backup.table.scan import Segment
from tests.unit.backup.fake_aws import BUCKET, FakeAws, VirtualDeadline


@dataclass
class Runner:
    """Invokes the use case as the handler does."""

    aws: FakeAws
    tables: tuple[str, ...]
    retention_days: Mapping[str, int] = field(default_factory=dict)
    methods: Mapping[str, MethodChoice] = field(default_factory=dict)
    item_count_collapse: CollapseTerms | None = None

    def invoke(self, event: object = None, *, seconds: float = 60.0) -> BackupResult:
        deadline = VirtualDeadline(self.aws.time, seconds)
        request = BackupRequest.from_event({} if event is None else event, self.tables)
        return BackupRun(self.settings, self.aws.clients(), deadline, self.aws.time.utc).execute(request)

    @property
    def settings(self) -> Settings:
        return Settings(
            BUCKET,
            "test",
            self.tables,
            "native-exports",
            NamingConvention(),
            retention_days=self.retention_days,
            methods=self.methods,
            item_count_collapse=self.item_count_collapse,
        )

    def manifest(self, date: str = "2026-01-31") -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.aws.objects[f"native-exports/{date}/manifest.json"])
        return document

    def recorded(self, table: str, date: str = "2026-01-31") -> dict[str, Any]:
        """Return the entry of a table in a date's manifest."""
        return next(entry for entry in self.manifest(date)["exports"] if entry["table_name"] == table)


@pytest.fixture(autouse=True)
def _time_is_virtual(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pauses before a repeated call are no part of what these tests look at."""
    monkeypatch.setattr("time.sleep", lambda _: None)


@pytest.fixture(autouse=True)
def _pages_come_from_the_fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """How a page is read from DynamoDB's answer is tested by itself."""

    def page(client: Any, table: str, segment: Segment, segments: int, *, limit: int | None) -> Any:
        return client.metered_page(table=table, segment=segment, segments=segments, limit=limit)

    monkeypatch.setattr(scan, "metered_page", page)


@pytest.fixture
def runner() -> Runner:
    return Runner(FakeAws(items={"orders": 7, "customers": 0}), ("orders", "customers"))
