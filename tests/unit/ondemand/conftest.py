"""The two functions of the on-demand backup over fake AWS."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from dynamodb_backup.contract.on_demand import OnDemandRequest, OnDemandResult
from dynamodb_backup.naming import NamingConvention
from dynamodb_backup.ondemand.create import OnDemandRun
from dynamodb_backup.ondemand.monitor import Monitor
from dynamodb_backup.settings import OnDemandSettings
from tests.unit.ondemand.fake_aws import FakeAws, VirtualDeadline

TOPIC = "arn:aws:sns:us-east-1:123456789012:on-call"


@dataclass
class Runner:
    """Invokes both use cases as their handlers do."""

    aws: FakeAws
    tables: tuple[str, ...] = ("orders", "users")
    topic: str | None = TOPIC

    @property
    def settings(self) -> OnDemandSettings:
        return OnDemandSettings(
            environment="prod",
            tables=self.tables,
            convention=NamingConvention(),
            name_prefix="shop-prod",
            queue_url="https://sqs/queue.fifo",
            topic_arn=self.topic,
        )

    def create(self, event: object = None, *, request_id: str = "r1", seconds: float = 300.0) -> OnDemandResult:
        request = OnDemandRequest.from_event({} if event is None else event, self.tables)
        deadline = VirtualDeadline(self.aws, seconds)
        return OnDemandRun(self.settings, self.aws.clients(), deadline, self.aws.utc).execute(request, request_id)

    def monitor(self, records: Iterable[dict[str, Any]] | None = None, *, seconds: float = 120.0) -> list[str]:
        """Hand records over, by default all that are in the queue."""
        deadline = VirtualDeadline(self.aws, seconds)
        taken = list(self.aws.records() if records is None else records)
        return Monitor(self.settings, self.aws.clients(), deadline, self.aws.utc).execute(taken)

    def all_available(self) -> None:
        for backup in self.aws.backups:
            backup.status = "AVAILABLE"


@pytest.fixture(autouse=True)
def _time_is_virtual(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pauses before a repeated call are no part of what these tests look at."""
    monkeypatch.setattr("time.sleep", lambda _: None)


@pytest.fixture
def runner() -> Runner:
    return Runner(FakeAws())
