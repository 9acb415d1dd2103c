"""An account with backups, and a store of another provider: a second sandbox on a port of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import sandbox
from dynamodb_backup.backup import chain_steps
from dynamodb_backup.backup import run as backup_run
from dynamodb_backup.offsite import run as offsite_run
from sandbox import Sandbox
from tests.scenario.offsite.kit import SHORTEST_WINDOW, Places


@pytest.fixture(scope="session")
def running_store() -> Iterator[Sandbox]:
    """The other provider: nothing of it is AWS's but the protocol."""
    with sandbox.start() as store:
        yield store


@pytest.fixture
def places(aws: Sandbox, running_store: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Places:
    """A bucket with fast exports here, an empty bucket there, and this process as every function here."""
    running_store.reset()
    aws.exports.configure(
        seconds=0, partitions=2, minimum_window_seconds=0, restorable_lag_seconds=0, pitr_age_seconds=3600
    )
    monkeypatch.setattr(backup_run, "FIRST_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(chain_steps, "SHORTEST_WINDOW", SHORTEST_WINDOW)
    monkeypatch.setattr(offsite_run, "PATIENCE_SECONDS", 1.0)
    places = Places(aws, running_store, monkeypatch)
    places.set_up()
    return places
