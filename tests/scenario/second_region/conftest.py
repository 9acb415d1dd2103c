"""Two regions of one account: backups are made in the first, and copied to a bucket in the second."""

from __future__ import annotations

import pytest

from sandbox import Sandbox
from tests.scenario.second_region.kit import HOME, History, Regions, with_history


@pytest.fixture
def regions(aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Regions:
    """A bucket in the first region, fast exports, and this process as the functions there."""
    regions = Regions(aws, monkeypatch)
    regions.set_up()
    return regions


@pytest.fixture(scope="module")
def history(running_sandbox: Sandbox) -> History:
    """What ``with_history`` leaves, made once: each test gets it into a bucket of its own account."""
    running_sandbox.reset()
    with pytest.MonkeyPatch.context() as monkeypatch:
        regions = Regions(running_sandbox, monkeypatch)
        regions.set_up()
        with_history(regions)
        return History({key: regions.read(HOME, key) for key in regions.keys(HOME)}, regions.states)
