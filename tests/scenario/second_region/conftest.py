"""Two regions of one account: backups are made in the first, and copied to a bucket in the second."""

from __future__ import annotations

import pytest

from dynamodb_backup.backup import chain_steps
from dynamodb_backup.backup import run as backup_run
from sandbox import Sandbox
from tests.scenario.second_region.kit import SHORTEST_WINDOW, Regions


@pytest.fixture
def regions(aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Regions:
    """A bucket in the first region, fast exports, and this process as the functions there."""
    aws.exports.configure(
        seconds=0, partitions=2, minimum_window_seconds=0, restorable_lag_seconds=0, pitr_age_seconds=3600
    )
    monkeypatch.setattr(backup_run, "FIRST_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(chain_steps, "SHORTEST_WINDOW", SHORTEST_WINDOW)
    regions = Regions(aws, monkeypatch)
    regions.set_up()
    return regions
