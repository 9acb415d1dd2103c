"""The state machine around the deployed backup function: several turns, a function that dies, a failure in words."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from sandbox import Sandbox
from tests.conftest import ROOT
from tests.sandbox.functions import create_role

BUCKET = "backups"
FUNCTION = "orders-backup"
EVERYTHING = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
PAUSES = {'"Seconds": 60': '"Seconds": 1', '"IntervalSeconds": 30': '"IntervalSeconds": 1'}


@pytest.fixture
def machine(aws: Sandbox) -> str:
    """Deploy the built function with the shortest timeout, two tables and the state machine; return its ARN."""
    layer_zip = ROOT / "dist/layer.zip"
    if not layer_zip.exists():
        pytest.skip("dist/layer.zip is not built: make dist")
    aws.client("s3").create_bucket(Bucket=BUCKET)
    for table in ("orders", "customers"):
        create_table(aws, table)
    role = create_role(aws, EVERYTHING)
    layer = aws.client("lambda").publish_layer_version(
        LayerName="powertools", Content={"ZipFile": layer_zip.read_bytes()}
    )
    function = aws.client("lambda").create_function(
        FunctionName=FUNCTION,
        Runtime="python3.13",
        Role=role,
        Handler="dynamodb_backup.handlers.backup.lambda_handler",
        Code={"ZipFile": (ROOT / "dist/function.zip").read_bytes()},
        Layers=[layer["LayerVersionArn"]],
        Timeout=10,
        Environment={
            "Variables": {
                "BACKUP_BUCKET": BUCKET,
                "ENVIRONMENT": "test",
                "DYNAMODB_TABLES": '["orders","customers"]',
            }
        },
    )
    definition = (ROOT / "templates/backup.asl.json").read_text()
    variables = {"partition": "aws", "function_arn": function["FunctionArn"], "task_timeout_seconds": "70"}
    for placeholder, value in ({f"${{{name}}}": value for name, value in variables.items()} | PAUSES).items():
        assert placeholder in definition
        definition = definition.replace(placeholder, value)
    created = aws.client("stepfunctions").create_state_machine(name="backup", definition=definition, roleArn=role)
    return str(created["stateMachineArn"])


def create_table(aws: Sandbox, name: str) -> None:
    dynamodb = aws.client("dynamodb")
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    switch_recovery(aws, name, on=True)
    dynamodb.put_item(TableName=name, Item={"id": {"S": "1"}})


def switch_recovery(aws: Sandbox, table: str, *, on: bool) -> None:
    aws.client("dynamodb").update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": on}
    )


def execute(aws: Sandbox, machine: str) -> dict[str, Any]:
    """Run the state machine with an empty input to its end."""
    client = aws.client("stepfunctions")
    execution = client.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    for _ in range(300):
        described: dict[str, Any] = client.describe_execution(executionArn=execution)
        if described["status"] != "RUNNING":
            return described
        time.sleep(0.4)
    raise AssertionError("the execution did not end in two minutes")


def exports_started(aws: Sandbox) -> int:
    return aws.requests.count("dynamodb", "ExportTableToPointInTime")


def test_a_backup_that_takes_several_turns_ends_successful_with_one_export_per_table(
    aws: Sandbox, machine: str
) -> None:
    aws.exports.configure(seconds=8)

    execution = execute(aws, machine)

    answer = json.loads(execution["output"])
    assert (execution["status"], answer["statusCode"]) == ("SUCCEEDED", 200)
    assert answer["body"]["total_items_exported"] == 2
    assert exports_started(aws) == 2
    manifest = aws.client("s3").get_object(Bucket=BUCKET, Key=answer["body"]["manifest_s3_key"])["Body"].read()
    assert {entry["status"] for entry in json.loads(manifest)["exports"]} == {"COMPLETED"}


def test_a_function_that_dies_is_invoked_again_and_pays_for_no_export_twice(aws: Sandbox, machine: str) -> None:
    aws.faults.delay("dynamodb", "DescribeExport", seconds=30, times=1)

    execution = execute(aws, machine)

    assert execution["status"] == "SUCCEEDED"
    assert exports_started(aws) == 2


def test_a_failed_table_fails_the_execution_with_its_name_and_cause(aws: Sandbox, machine: str) -> None:
    switch_recovery(aws, "customers", on=False)

    execution = execute(aws, machine)

    assert (execution["status"], execution["error"]) == ("FAILED", "Backup.Status207")
    assert "customers: point-in-time recovery is off for table customers" in execution["cause"]


def test_a_refused_configuration_fails_the_execution_with_its_message(aws: Sandbox, machine: str) -> None:
    aws.client("lambda").update_function_configuration(
        FunctionName=FUNCTION, Environment={"Variables": {"BACKUP_BUCKET": BUCKET, "ENVIRONMENT": "test"}}
    )

    execution = execute(aws, machine)

    assert (execution["status"], execution["error"]) == ("FAILED", "Backup.Status500")
    assert "environment variable DYNAMODB_TABLES is not set" in execution["cause"]
