"""Hostile events: refused by name before anything is read, and nothing that they hold forges a log line."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest

from dynamodb_backup import telemetry
from dynamodb_backup.handlers import backup, offsite_copy, on_demand_backup, restore_test
from dynamodb_backup.telemetry import emit, logger
from tests.reliability.corruption.memory import MemoryAws
from tests.reliability.corruption.trial import answered_by, the_functions_run_here
from tests.reliability.injection.test_records import FOREIGN_ARN, ODD, THEIRS
from tests.unit.backup.fake_aws import BUCKET

FORGED = '\n{"level":"INFO","message":"answered","status_code":200}\n\r\u2028\u2029\x85\x1b[2J\x9b2J\ud800'

FIELDS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "restore": ({}, ("backup_date", "restore_to", "restore_id", "export", "target_role_arn", "on_demand_backup",
                     "method", "write_mode", "action", "confirm")),
    "verify": ({"action": "verify"}, ("backup_date", "verify_id", "export", "against")),
    "undo": ({"action": "undo", "tables": ["orders"]}, ("from", "to", "undo_id", "export", "confirm")),
    "history": ({"action": "history", "tables": ["orders"]}, ("next", "from", "to", "earliest")),
    "progress": ({"action": "progress"}, ("execution", "started_at")),
    "work": ({"action": "work"}, ("restore_id", "job")),
    "advance": ({"action": "advance"}, ("restore_id",)),
    "finish": ({"action": "finish"}, ("restore_id",)),
}  # fmt: skip
"""Each action of the restore function with its fields that hold a text."""

HOSTILE = [
    *ODD,
    FORGED,
    f"s3://{THEIRS}/../x/AWSDynamoDB/../",
    "2026-01-31/../..",
    "\uff12\uff10\uff12\uff16-01-31",
    "latest\n",
    f"{FOREIGN_ARN}/backup/../../x",
    "arn:aws:iam::999999999999:role/x\n",
    "States.Format('{}', $.x)",
    "{% $states.input %}",
]


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[io.StringIO]:
    """What the functions write to their log."""
    stream = io.StringIO()
    own = [one for one in logger._logger.handlers if isinstance(one, logging.StreamHandler)]
    with the_functions_run_here():
        logger.setLevel("DEBUG")
        streams = [one.setStream(stream) for one in own]
        try:
            yield stream
        finally:
            for one, before in zip(own, streams, strict=True):
                one.setStream(before or sys.stdout)


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    """Return the log as CloudWatch takes it: a JSON object a line, in ASCII."""
    text = stream.getvalue()
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    return [json.loads(line) for line in text.splitlines()]


def nothing() -> MemoryAws:
    return MemoryAws({BUCKET: {}, THEIRS: {}}, {"orders": {}})


@pytest.mark.parametrize("action", FIELDS)
def test_texts_are_refused_by_the_name_of_their_field(action: str, written: io.StringIO) -> None:
    base, fields = FIELDS[action]
    for field in fields:
        for value in HOSTILE:
            aws = nothing()
            response = answered_by(aws, {**base, field: value})
            assert response["statusCode"] == 500, (field, value)
            assert aws.table_writes == []
            assert {call.of for call in aws.calls} <= {BUCKET, "orders"}, (field, value)
            json.dumps(response, ensure_ascii=False).encode()
    for line in lines_of(written):
        assert line.get("status_code") != 200


@pytest.mark.parametrize("name", [*ODD, FORGED])
def test_names_of_tables_are_refused_wherever_they_stand(name: str, written: io.StringIO) -> None:
    for action in ({}, {"action": "verify", "against": "table"}):
        for event in ({"tables": [name]}, {"target_tables": {"orders": name}}, {"target_tables": {name: "orders"}}):
            aws = nothing()
            response = answered_by(aws, {**action, **event})
            assert response["statusCode"] == 500
            assert "cannot be a DynamoDB table name" in response["body"]["error"]
            assert aws.calls == []
    lines_of(written)


@pytest.mark.parametrize("name", [*ODD, FORGED])
def test_so_are_names_of_fields(name: str, written: io.StringIO) -> None:
    for action in ({}, {"action": "verify"}, {"action": "undo"}, {"action": "history"}):
        response = answered_by(nothing(), {**action, name: 1})
        assert response["statusCode"] == 500
        assert len(response["body"]["error"]) < 1000
        json.dumps(response, ensure_ascii=False).encode()
    lines_of(written)


@pytest.mark.parametrize("handler", [backup, restore_test, on_demand_backup, offsite_copy])
def test_the_other_functions_answer_alike(handler: Any, written: io.StringIO) -> None:
    variables = {"BACKUP_NAME_PREFIX": "b", "QUEUE_URL": "https://sqs", "RESTORE_TEST_PREFIX": "scratch-", **OFFSITE}
    with patch.dict("os.environ", variables):
        for value in HOSTILE:
            for event in (
                {"tables": [value]},
                {"action": value},
                {"run_id": value},
                {"test_id": value},
                {value: value},
            ):
                response = handler.lambda_handler(event, None)
                assert response["statusCode"] == 500
                json.dumps(response, ensure_ascii=False).encode()
    lines_of(written)


OFFSITE = {
    "OFFSITE_COPY": json.dumps(
        {"endpoint_url": "https://s3.example.com", "region": "auto", "bucket": "copies", "secret_arn": "arn", "days": 7}
    )
}


@pytest.mark.parametrize("value", [FORGED, *ODD])
def test_a_log_line_stays_one_line(value: str, written: io.StringIO) -> None:
    logger.error("failed", error=value, extra={"table": value, value or "field": value})
    whole = value.replace("\ud800", "")  # pytest hands messages on as UTF-8
    try:
        raise ValueError(whole)
    except ValueError:
        logger.exception(whole)
    first, second = lines_of(written)
    assert first["error"] == value
    assert second["message"] in (whole, {})  # what is JSON by itself stands there as such


@pytest.mark.filterwarnings("ignore:The dimension")
@pytest.mark.parametrize("value", [FORGED, *ODD])
def test_so_does_a_metric(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    emit({"RestoreSucceeded": 1}, environment="test", table=value)
    (line,) = capsys.readouterr().out.splitlines()
    document = json.loads(line)
    assert line.isascii()
    assert document["_aws"]["CloudWatchMetrics"][0]["Namespace"] == telemetry.NAMESPACE
    assert document["RestoreSucceeded"] == [1.0]
