"""What IAM was asked is noted, once for each question, whether it was allowed or not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox import Sandbox


@pytest.fixture
def user(aws: Sandbox) -> dict[str, str]:
    """The credentials of a user who may read one bucket."""
    iam = aws.client("iam")
    iam.create_user(UserName="reader")
    statement = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=policy)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def asked(aws: Sandbox) -> list[tuple[str, str, Any]]:
    return [(one.action, one.resource, one.context.get("s3:prefix")) for one in aws.authorizations.take()]


def test_each_question_is_noted_once_and_taken_once(aws: Sandbox, user: dict[str, str]) -> None:
    aws.client("s3").create_bucket(Bucket="data")
    aws.authorizations.take()
    s3 = aws.client("s3", **user)
    for _ in range(2):
        s3.list_objects_v2(Bucket="data", Prefix="a/")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket="data", Key="a/b", Body=b"")
    assert asked(aws) == [("s3:ListBucket", "arn:aws:s3:::data", "a/"), ("s3:PutObject", "arn:aws:s3:::data/a/b", None)]
    assert asked(aws) == []


def test_a_new_table_is_asked_for_where_it_is_made_of_something_else(aws: Sandbox, user: dict[str, str]) -> None:
    table, backup = (
        "arn:aws:dynamodb:us-east-1:123456789012:table/new",
        "arn:aws:dynamodb:us-east-1:123456789012:table/old/backup/1",
    )
    dynamodb = aws.client("dynamodb", **user)
    aws.authorizations.take()
    with pytest.raises(ClientError, match="AccessDenied"):
        dynamodb.restore_table_from_backup(TargetTableName="new", BackupArn=backup)
    with pytest.raises(ClientError, match="AccessDenied"):
        dynamodb.import_table(
            S3BucketSource={"S3Bucket": "data"},
            InputFormat="DYNAMODB_JSON",
            TableCreationParameters={
                "TableName": "new",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            },
        )
    assert ("dynamodb:ImportTable", table, None) in asked(aws)


def test_a_line_is_asked_for_its_stream(aws: Sandbox, user: dict[str, str]) -> None:
    logs = aws.client("logs", **user)
    aws.client("logs").create_log_group(logGroupName="audit")
    aws.authorizations.take()
    with pytest.raises(ClientError, match="AccessDenied"):
        logs.create_log_stream(logGroupName="audit", logStreamName="today")
    with pytest.raises(ClientError, match="AccessDenied"):
        logs.put_log_events(
            logGroupName="audit", logStreamName="today", logEvents=[{"timestamp": 1795000000000, "message": "x"}]
        )
    stream = "arn:aws:logs:us-east-1:123456789012:log-group:audit:log-stream:today"
    assert asked(aws) == [("logs:CreateLogStream", stream, None), ("logs:PutLogEvents", stream, None)]
