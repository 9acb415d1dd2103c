"""The backup's entry point, asked for the list: its own answer, also where it fails."""

from __future__ import annotations

from typing import Any

import pytest

from dynamodb_backup.backup.run import BackupRun
from dynamodb_backup.catalog.listing import Listing
from dynamodb_backup.contract.catalog import ListRequest, ListResult
from dynamodb_backup.handlers.backup import lambda_handler


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKUP_BUCKET", "backups")
    monkeypatch.setenv("ENVIRONMENT", "test")
    monkeypatch.setenv("DYNAMODB_TABLES", '["orders"]')

    def no_backup(*_: Any) -> None:
        pytest.fail("a list must not start a backup")

    monkeypatch.setattr(BackupRun, "execute", no_backup)


def test_the_list_is_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def execute(_: Listing, request: ListRequest) -> ListResult:
        asked.append(request)
        return ListResult("test", "backups", next_page="2026-01-09")

    monkeypatch.setattr(Listing, "execute", execute)
    response = lambda_handler({"action": "list", "tables": ["orders"]}, None)
    assert response["statusCode"] == 200
    assert response["body"]["next"] == "2026-01-09"
    assert asked == [ListRequest(tables=("orders",))]


def test_an_error_is_answered_in_the_list_s_own_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BACKUP_BUCKET")
    response = lambda_handler({"action": "list"}, None)
    assert response["statusCode"] == 500
    body = response["body"]
    assert "BACKUP_BUCKET" in body.pop("error")
    assert body.pop("error_type") == "ConfigurationError"
    assert body == ListResult("test", None).to_response()["body"]


def test_an_action_that_there_is_not_is_refused_and_backs_nothing_up() -> None:
    response = lambda_handler({"action": "lst"}, None)
    assert response["statusCode"] == 500
    assert "field 'action' must be accept_collapse or legal_hold or list" in response["body"]["error"]
