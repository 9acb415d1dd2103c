"""Step Functions and S3 as far as the HTTP API asks them, and requests as API Gateway hands them over."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

ACCOUNT = "arn:aws:states:us-east-1:123456789012"
VARIABLES = {
    "API_AUTHORIZATION": "iam",
    "BACKUP_BUCKET": "backups",
    "BACKUP_STATE_MACHINE_ARN": f"{ACCOUNT}:stateMachine:shop-dynamodb-backup",
    "DYNAMODB_TABLES": '["orders", "users"]',
    "ENVIRONMENT": "test",
    "RESTORE_STATE_MACHINE_ARN": f"{ACCOUNT}:stateMachine:shop-dynamodb-restore",
    "S3_EXPORTS_PREFIX": "native-exports",
    "VERIFY_STATE_MACHINE_ARN": f"{ACCOUNT}:stateMachine:shop-dynamodb-verify",
}
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
IAM = {"iam": {"userArn": "arn:aws:iam::123456789012:user/operator", "accountId": "123456789012"}}


def client_error(code: str, operation: str, status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "told"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)


class FakeStepFunctions:
    """Executions by ARN; names are unique for each machine, as in AWS."""

    def __init__(self) -> None:
        self.executions: dict[str, dict[str, Any]] = {}
        self.starts: list[dict[str, str]] = []
        self.failure: ClientError | None = None

    def start_execution(self, **given: str) -> dict[str, Any]:
        self.starts.append(given)
        if self.failure:
            raise self.failure
        arn = f"{given['stateMachineArn'].replace(':stateMachine:', ':execution:')}:{given['name']}"
        known = self.executions.get(arn)
        if known and (known["input"] != given["input"] or known["status"] != "RUNNING"):
            raise client_error("ExecutionAlreadyExists", "StartExecution")
        self.executions[arn] = known or {
            "name": given["name"],
            "status": "RUNNING",
            "startDate": NOW,
            "input": given["input"],
        }
        return {"executionArn": arn, "startDate": self.executions[arn]["startDate"]}

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        if executionArn not in self.executions:
            raise client_error("ExecutionDoesNotExist", "DescribeExecution")
        return self.executions[executionArn]

    def end(self, **outcome: Any) -> None:
        (execution,) = self.executions.values()
        execution.update({"stopDate": NOW, **outcome})


class FakeS3:
    """Objects by key."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - AWS's names
        if Key not in self.objects:
            raise client_error("NoSuchKey", "GetObject", 404)
        return {"Body": io.BytesIO(self.objects[Key]), "ETag": '"e"'}

    def put(self, key: str, document: Any) -> None:
        self.objects[f"native-exports/{key}"] = json.dumps(document).encode()

    def get_paginator(self, _: str) -> Any:
        def paginate(*, Prefix: str, **_: Any) -> list[dict[str, Any]]:  # noqa: N803 - AWS's name
            folders = sorted({key.split("/")[1] for key in self.objects if key.startswith(Prefix)})
            return [{"CommonPrefixes": [{"Prefix": f"native-exports/{folder}/"} for folder in folders], "Contents": []}]

        return SimpleNamespace(paginate=paginate)


def request(
    route: str,
    body: Any = None,
    *,
    path: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    authorizer: Any = IAM,
    request_id: str = "request-1",
) -> dict[str, Any]:
    """Return an event of payload format 2.0; a body that is not a string is sent as JSON."""
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": route.partition(" ")[2],
        "headers": {"content-type": "application/json", **(headers or {})},
        "requestContext": {"requestId": request_id, "authorizer": authorizer},
        "isBase64Encoded": False,
    }
    if path:
        event["pathParameters"] = dict(path)
    if query:
        event["queryStringParameters"] = dict(query)
    if body is not None:
        event["body"] = body if isinstance(body, str) else json.dumps(body)
    return event
