"""The HTTP API of the example, as applied: signed requests, under the real roles, from a backup to a proven restore."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.apply.conftest import AppliedExample
from tests.apply.test_examples import examples

pytestmark = examples("http_api")
TABLE = "shop-orders"


class Caller:
    """Sends requests signed with these credentials, or, without any, unsigned."""

    def __init__(self, example: AppliedExample, credentials: Credentials | None) -> None:
        # The emulator's address of an API; its own host names do not resolve everywhere.
        self._url = f"{example.aws.endpoint}/_aws/execute-api/{example.outputs['api_id']}"
        self._region = example.aws.region
        self._credentials = credentials

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        data = None if body is None else json.dumps(body)
        given = {
            "content-type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        request = AWSRequest(method, self._url + path, headers=given, data=data)
        if self._credentials:
            SigV4Auth(self._credentials, "execute-api", self._region).add_auth(request)
        return requests.request(method, self._url + path, headers=dict(request.headers), data=data, timeout=40)

    def followed(self, started: requests.Response) -> dict[str, Any]:
        """Follow what was started to its end."""
        assert started.status_code == 202, started.text
        told: dict[str, Any] = {}
        for _ in range(200):
            told = self.send("GET", started.headers["location"]).json()
            if told["status"] != "IN_PROGRESS":
                return told
            time.sleep(0.5)
        raise AssertionError(f"it did not end: {told}")


@pytest.fixture
def caller(example: AppliedExample) -> Caller:
    environment = example.aws.environment
    return Caller(example, Credentials(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]))


def test_a_backup_is_made_listed_restored_and_verified_over_http(example: AppliedExample, caller: Caller) -> None:
    example.aws.exports.configure(seconds=0)
    dynamodb = example.aws.client("dynamodb")
    example.empty(TABLE)
    points, restores = caller.send("GET", "/backups").json()["total_recovery_points"], _executions(example, "restore")
    items = [{"id": {"S": f"order-{number}"}, "total": {"N": str(number)}} for number in range(30)]
    for item in items:
        dynamodb.put_item(TableName=TABLE, Item=item)

    backup = caller.followed(caller.send("POST", "/backups", {"tables": [TABLE]}))
    assert (backup["status"], backup["result"]["total_items_exported"]) == ("COMPLETED", 30), backup

    listed = caller.send("GET", "/backups").json()
    assert listed["total_recovery_points"] == points + 1
    assert listed["tables"][0]["newest_verified"]["item_count"] == 30
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert caller.send("GET", f"/backups/{today}").json()["total_recovery_points"] == points + 1
    assert caller.send("GET", "/backups/2020-01-01").status_code == 404

    dynamodb.delete_item(TableName=TABLE, Key={"id": {"S": "order-7"}})
    dynamodb.put_item(TableName=TABLE, Item={"id": {"S": "intruder"}})
    event = {"tables": [TABLE], "write_mode": "mirror"}
    first = caller.send("POST", "/restores", event, idempotency_key="incident-1")
    again = caller.send("POST", "/restores", event, idempotency_key="incident-1")
    assert first.json()["id"] == again.json()["id"]
    assert caller.send("POST", "/restores", {}, idempotency_key="incident-1").status_code == 422
    restore = caller.followed(again)
    assert (restore["status"], restore["progress"]["percent"]) == ("COMPLETED", 100.0), restore
    assert restore["result"]["restore_results"][0]["proven"] is True
    found = dynamodb.scan(TableName=TABLE)["Items"]
    assert sorted(item["id"]["S"] for item in found) == sorted(item["id"]["S"] for item in items)
    assert len(_executions(example, "restore")) == len(restores) + 1

    whole = caller.followed(caller.send("POST", "/verifications", {"against": "table"}))
    assert (whole["status"], whole["result"]["verified_tables"]) == ("COMPLETED", 1), whole
    dynamodb.put_item(TableName=TABLE, Item={"id": {"S": "intruder"}})
    different = caller.followed(caller.send("POST", "/verifications", {"against": "table"}))
    assert (different["status"], different["error"]) == ("FAILED", "Verify.Status207"), different
    (table,) = different["result"]["verify_results"]
    assert (table["status"], table["extra"], table["missing"]) == ("DIFFERENT", 1, 0)
    # Keys are item data: the execution, which many may look at, has none.
    assert "intruder" not in json.dumps(_executions(example, "verify"), default=str)


def test_a_bad_field_is_refused_by_name_and_nothing_is_started(example: AppliedExample, caller: Caller) -> None:
    before = len(_executions(example, "restore"))
    refused = caller.send("POST", "/restores", {"write_mode": "sideways"})
    assert (refused.status_code, refused.json()["field"]) == (400, "write_mode")
    assert refused.headers["content-type"] == "application/problem+json"
    assert len(_executions(example, "restore")) == before


def test_who_has_not_signed_or_is_not_allowed_gets_nothing(example: AppliedExample) -> None:
    iam = example.aws.client("iam")
    iam.create_user(UserName="pipeline")
    iam.attach_user_policy(UserName="pipeline", PolicyArn=example.outputs["pipeline_policy_arn"])
    key = iam.create_access_key(UserName="pipeline")["AccessKey"]
    try:
        unsigned = Caller(example, None)
        assert {unsigned.send("POST", path, {}).status_code for path in ("/backups", "/restores")} == {403}
        pipeline = Caller(example, Credentials(key["AccessKeyId"], key["SecretAccessKey"]))
        assert pipeline.send("POST", "/restores", {"dry_run": True}).status_code == 403
        assert pipeline.send("GET", "/backups").status_code == 403
        assert pipeline.send("POST", "/backups", {"tables": ["unknown"]}).status_code == 400
    finally:
        iam.delete_access_key(UserName="pipeline", AccessKeyId=key["AccessKeyId"])
        iam.detach_user_policy(UserName="pipeline", PolicyArn=example.outputs["pipeline_policy_arn"])
        iam.delete_user(UserName="pipeline")


def _executions(example: AppliedExample, machine: str) -> list[dict[str, Any]]:
    client = example.aws.client("stepfunctions")
    arn = (
        f"arn:aws:states:{example.aws.region}:{example.aws.account_id}:stateMachine:shop-production-dynamodb-{machine}"
    )
    started = client.list_executions(stateMachineArn=arn)["executions"]
    return [client.describe_execution(executionArn=one["executionArn"]) for one in started]
