"""The backup function in the sandbox: a bucket, and the environment that Terraform would set."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from dynamodb_backup.backup import run
from dynamodb_backup.telemetry import logger
from sandbox import Sandbox
from tests.scenario.backup.kit import BUCKET, PREFIX, Stage

Configure = Callable[..., None]


@pytest.fixture
def stage(aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """An account with an empty bucket, fast exports, and this process as the backup function in it."""
    stage = Stage(aws, aws.client("s3"), aws.client("dynamodb"))
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in aws.environment.items():
        if value:
            monkeypatch.setenv(name, value)
    aws.exports.configure(seconds=0, partitions=1)
    # DynamoDB's exports take minutes, so the function looks at them seldom; these take none.
    monkeypatch.setattr(run, "FIRST_PAUSE_SECONDS", 0.1)
    stage.s3.create_bucket(Bucket=BUCKET)
    return stage


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Set the function's environment: its tables, and other variables by name (``None`` removes one)."""

    def set_variables(*tables: str, **others: str | None) -> None:
        variables: dict[str, str | None] = {
            "BACKUP_BUCKET": BUCKET,
            "ENVIRONMENT": "test",
            "DYNAMODB_TABLES": json.dumps(tables),
            "S3_EXPORTS_PREFIX": PREFIX,
        }
        for name, value in (variables | others).items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)

    return set_variables


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Everything that the function logs."""
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return stream


def metrics(printed: str) -> list[dict[str, Any]]:
    """Return the metric documents among printed lines."""
    return [json.loads(line) for line in printed.splitlines() if line.startswith('{"_aws"')]
