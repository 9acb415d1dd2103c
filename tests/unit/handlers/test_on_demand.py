"""The doors of the on-demand backup: whoever must hear of a failure does, also where the answer is read by nobody."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from dynamodb_backup.handlers import on_demand_backup, on_demand_monitor
from tests.unit.ondemand.fake_aws import FakeAws, client_error

CONTEXT = SimpleNamespace(aws_request_id="r1")
TOPIC = "arn:aws:sns:us-east-1:123456789012:on-call"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    """The functions' environment, and fake AWS behind their clients."""
    variables = {
        "BACKUP_NAME_PREFIX": "shop-prod",
        "DYNAMODB_TABLES": '["orders", "users"]',
        "ENVIRONMENT": "prod",
        "NOTIFICATION_TOPIC_ARN": TOPIC,
        "QUEUE_URL": "https://sqs/queue.fifo",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    fake = FakeAws()
    for door in (on_demand_backup, on_demand_monitor):
        monkeypatch.setattr(door, "on_demand_clients", fake.clients)
    return fake


def test_a_good_run_tells_nobody(fake: FakeAws) -> None:
    assert on_demand_backup.lambda_handler({}, CONTEXT)["statusCode"] == 200
    assert fake.published == []


def test_lambda_s_repetition_of_a_request_makes_no_second_backup(fake: FakeAws) -> None:
    for _ in range(2):
        on_demand_backup.lambda_handler({}, CONTEXT)

    assert len(fake.of("orders")) == 1


def test_a_partial_failure_is_told_with_table_and_cause(fake: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    fake.tables = ("users",)

    response = on_demand_backup.lambda_handler({}, CONTEXT)

    assert response["statusCode"] == 207
    (message,) = fake.published
    assert message["TopicArn"] == TOPIC
    assert message["Subject"].startswith("On-demand backup failed: shop-prod-by-hand-")
    assert "table orders: table orders does not exist" in message["Message"]
    assert '"OnDemandBackupsFailed":[1.0]' in capsys.readouterr().out


def test_a_refused_event_is_told(fake: FakeAws) -> None:
    response = on_demand_backup.lambda_handler({"table": "orders"}, CONTEXT)

    assert response["statusCode"] == 500
    assert "field 'table' is unknown" in fake.published[0]["Message"]


@pytest.mark.parametrize("name", ["BACKUP_NAME_PREFIX", "DYNAMODB_TABLES", "ENVIRONMENT", "QUEUE_URL"])
def test_a_missing_variable_is_told_by_name(fake: FakeAws, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)

    response = on_demand_backup.lambda_handler({}, CONTEXT)

    assert response["statusCode"] == 500
    assert name in response["body"]["error"]
    assert name in fake.published[0]["Message"]


@pytest.mark.parametrize("name", ["RETENTION_DAYS", "ALERT_AFTER_HOURS"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "three"])
def test_a_malformed_number_is_told_by_name(
    fake: FakeAws, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    assert name in on_demand_backup.lambda_handler({}, CONTEXT)["body"]["error"]
    assert fake.backups == []


def test_a_topic_that_is_down_does_not_hide_the_failure(fake: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(called: str, _: dict[str, Any]) -> None:
        if called == "publish":
            raise client_error("AuthorizationErrorException", "Publish")

    fake.tables, fake.before = ("users",), refuse

    response = on_demand_backup.lambda_handler({}, CONTEXT)

    assert response["statusCode"] == 207
    assert "nobody was notified" in response["body"]["warnings"][0]
    assert "OnDemandBackupsFailed" in capsys.readouterr().out, "the alarm's metric is out"


def test_the_monitor_answers_which_messages_must_come_again(fake: FakeAws) -> None:
    on_demand_backup.lambda_handler({}, CONTEXT)
    records = [*fake.records(), {"messageId": "theirs", "body": "?"}]

    answer = json.loads(json.dumps(on_demand_monitor.lambda_handler({"Records": records}, CONTEXT)))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "theirs"}]}
