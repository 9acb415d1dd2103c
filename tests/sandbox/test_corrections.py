"""Small things in which MiniStack alone differs from AWS."""

from __future__ import annotations

import pytest

from sandbox import Sandbox
from tests.sandbox.tables import create_table


@pytest.mark.parametrize("written", ["7", "7.0", "07", "70E-1"])
def test_equal_numbers_are_one_key(aws: Sandbox, written: str) -> None:
    create_table(aws, "events", pitr=False, sort_key=True)
    dynamodb = aws.client("dynamodb")
    dynamodb.put_item(TableName="events", Item={"id": {"S": "a"}, "at": {"N": "7"}})

    dynamodb.delete_item(TableName="events", Key={"id": {"S": "a"}, "at": {"N": written}})

    assert dynamodb.scan(TableName="events")["Count"] == 0


def test_the_public_powertools_parameter_names_a_layer(aws: Sandbox) -> None:
    name = "/aws/service/powertools/python/arm64/python3.13/3.37.0"

    value = aws.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]

    assert value.startswith("arn:aws:lambda:us-east-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python313-arm64:")


def test_restorable_times_begin_when_recovery_is_turned_on(aws: Sandbox) -> None:
    create_table(aws, "events")

    answer = aws.client("dynamodb").describe_continuous_backups(TableName="events")["ContinuousBackupsDescription"]

    recovery = answer["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    assert recovery["EarliestRestorableDateTime"] <= recovery["LatestRestorableDateTime"]
