"""The backup's entry point: whatever happens is answered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dynamodb_backup.backup.run import BackupRun
from dynamodb_backup.contract.backup import BackupResult, TableBackup
from dynamodb_backup.handlers.backup import lambda_handler


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKUP_BUCKET", "backups")
    monkeypatch.setenv("ENVIRONMENT", "test")
    monkeypatch.setenv("DYNAMODB_TABLES", '["orders"]')


def answer_with(monkeypatch: pytest.MonkeyPatch, outcome: BackupResult | BaseException) -> None:
    def execute(*_: Any) -> BackupResult:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    monkeypatch.setattr(BackupRun, "execute", execute)


def test_the_result_is_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(
        monkeypatch, BackupResult("2026-01-31", "test", "backups", tables=(TableBackup("orders", "COMPLETED"),))
    )
    response = lambda_handler({}, None)
    assert response["statusCode"] == 200
    assert isinstance(response["body"], dict)
    json.dumps(response)


@pytest.mark.parametrize("error", [RuntimeError("out of the blue"), KeyError("TableArn"), MemoryError()])
def test_an_error_that_nobody_expected_is_500_with_its_type(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    answer_with(monkeypatch, error)
    response = lambda_handler({}, None)
    assert response["statusCode"] == 500
    assert type(error).__name__ in response["body"]["error"]
    assert response["body"]["error_type"] == type(error).__name__
    assert response["body"]["s3_bucket"] == "backups"
    assert response["body"]["environment"] == "test"


def test_a_missing_setting_is_named_and_the_known_ones_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BACKUP_BUCKET")
    response = lambda_handler({}, None)
    assert response["statusCode"] == 500
    assert "BACKUP_BUCKET" in response["body"]["error"]
    assert response["body"]["error_type"] == "ConfigurationError"
    assert response["body"]["s3_bucket"] is None
    assert response["body"]["environment"] == "test"


def test_a_refused_event_is_500_by_its_field() -> None:
    response = lambda_handler({"tabels": []}, None)
    assert response["statusCode"] == 500
    assert "'tabels'" in response["body"]["error"]
    assert response["body"]["error_type"] == "RequestRefused"
