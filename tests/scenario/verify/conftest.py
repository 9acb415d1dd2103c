"""The verify function in the sandbox: a bucket, no tables yet, and the environment that Terraform would set."""

from __future__ import annotations

import pytest

from sandbox import Sandbox
from tests.scenario.restore.kit import Stage, empty_stage


@pytest.fixture
def stage(aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """An empty account with a backup bucket, and this process as the verify function in it."""
    return empty_stage(aws, monkeypatch)
