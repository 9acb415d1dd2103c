"""The undo in the sandbox: a table with point-in-time recovery, and a window in which things happened to it."""

from __future__ import annotations

import pytest

from sandbox import Sandbox
from tests.scenario.restore.kit import empty_stage
from tests.scenario.undo.kit import UndoStage


@pytest.fixture
def stage(aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> UndoStage:
    """An account with a bucket, fast exports of windows of any length, and this process as the function."""
    plain = empty_stage(aws, monkeypatch)
    aws.exports.configure(
        seconds=0, partitions=2, minimum_window_seconds=0, restorable_lag_seconds=0, pitr_age_seconds=3600
    )
    return UndoStage(plain.s3, plain.dynamodb, aws=aws, contents=aws.contents)
