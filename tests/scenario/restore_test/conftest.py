"""The restore-test function in the sandbox."""

from __future__ import annotations

import pytest

from sandbox import Sandbox
from tests.scenario.restore.kit import Stage, empty_stage

SCRATCH = "test-restore-test-"


@pytest.fixture
def stage(aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """An account with a backup bucket, and this process as the restore-test function of the tables orders and users."""
    stage = empty_stage(aws, monkeypatch)
    monkeypatch.setenv("DYNAMODB_TABLES", '["orders","users"]')
    monkeypatch.setenv("RESTORE_TEST_PREFIX", SCRATCH)
    monkeypatch.setenv("RESTORE_TEST_TABLES", '["orders"]')
    return stage
