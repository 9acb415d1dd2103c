"""Metrics, in CloudWatch's embedded format."""

from __future__ import annotations

import io
import json
import logging
import sys

import pytest

from dynamodb_backup.telemetry import NAMESPACE, emit, logger


def test_metrics_are_one_line_with_their_units_and_dimensions(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"BackupSucceeded": 1, "BytesBackedUp": 2048}, environment="test", table="orders")
    (line,) = capsys.readouterr().out.splitlines()
    document = json.loads(line)
    (described,) = document["_aws"]["CloudWatchMetrics"]
    assert described["Namespace"] == NAMESPACE
    assert {one["Name"]: one["Unit"] for one in described["Metrics"]} == {
        "BackupSucceeded": "Count",
        "BytesBackedUp": "Bytes",
    }
    assert {"environment", "table"} <= set(described["Dimensions"][0])
    assert (document["environment"], document["table"]) == ("test", "orders")
    assert document["BackupSucceeded"] == [1]
    assert document["BytesBackedUp"] == [2048]


def test_dimensions_of_one_call_do_not_stay_for_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"BackupFailed": 1}, table="orders")
    emit({"BackupFailed": 0}, environment="test")
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert "table" not in last
    assert last["BackupFailed"] == [0]


def test_a_metric_that_is_not_named_in_one_place_is_refused() -> None:
    with pytest.raises(KeyError):
        emit({"Typo": 1})


def test_no_value_ends_a_log_line_or_reaches_a_terminal_as_a_command() -> None:
    stream = io.StringIO()
    handler = next(one for one in logger._logger.handlers if isinstance(one, logging.StreamHandler))
    before = handler.setStream(stream)
    try:
        logger.error("failed", error="a\nb\u2028c\x9b2J\x1b[2J\ud800")
    finally:
        handler.setStream(before or sys.stdout)
    (line,) = stream.getvalue().splitlines()
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["error"] == "a\nb\u2028c\x9b2J\x1b[2J\ud800"
