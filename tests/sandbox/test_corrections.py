"""Small things in which MiniStack alone differs from AWS."""

from __future__ import annotations

import pytest

from sandbox import Sandbox
from tests.sandbox.functions import deploy, invoke
from tests.sandbox.tables import create_table


@pytest.mark.parametrize("written", ["7", "7.0", "07", "70E-1"])
def test_equal_numbers_are_one_key(aws: Sandbox, written: str) -> None:
    create_table(aws, "events", pitr=False, sort_key=True)
    dynamodb = aws.client("dynamodb")
    dynamodb.put_item(TableName="events", Item={"id": {"S": "a"}, "at": {"N": "7"}})

    dynamodb.delete_item(TableName="events", Key={"id": {"S": "a"}, "at": {"N": written}})

    assert dynamodb.scan(TableName="events")["Count"] == 0


def test_a_page_costs_what_it_weighs(aws: Sandbox) -> None:
    create_table(aws, "events", pitr=False)
    dynamodb = aws.client("dynamodb")
    for number in range(4):
        dynamodb.put_item(TableName="events", Item={"id": {"S": str(number)}, "b": {"B": bytes(10_000)}})

    page = dynamodb.scan(TableName="events", ReturnConsumedCapacity="TOTAL", ConsistentRead=True)

    assert page["ConsumedCapacity"]["CapacityUnits"] == 10


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


TAG_OBJECT = """
import boto3
def handler(event, context):
    s3 = boto3.client("s3")
    try:
        s3.put_object_tagging(Bucket="bucket", Key="key", Tagging={"TagSet": [event]})
    except s3.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    return "done"
"""


def test_a_policy_may_name_the_tags_that_an_object_is_given(aws: Sandbox) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="key", Body=b"")
    allowed = {
        "Effect": "Allow",
        "Action": "s3:PutObjectTagging",
        "Resource": "arn:aws:s3:::bucket/*",
        "Condition": {"StringEquals": {"s3:RequestObjectTag/kept-for": ["a-day", "a-week"]}},
    }
    deploy(aws, TAG_OBJECT, statements=[allowed])
    week = {"Key": "kept-for", "Value": "a-week"}
    for tag, answer, tags in (
        ({"Key": "kept-for", "Value": "ever"}, "AccessDenied", []),
        ({"Key": "other", "Value": "a-week"}, "AccessDenied", []),
        (week, "done", [week]),
    ):
        assert invoke(aws, tag) == (None, answer)
        assert s3.get_object_tagging(Bucket="bucket", Key="key")["TagSet"] == tags
