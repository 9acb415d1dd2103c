"""Metrics, in CloudWatch's embedded format."""

from __future__ import annotations

import json

import pytest

from dynamodb_backup.telemetry import NAMESPACE, emit


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
