"""The state machine around the deployed off-site copy: a function that dies goes on, and a failure is told."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.sandbox.functions import create_role
from tests.scenario.offsite.kit import COPY_PREFIX, Places
from tests.scenario.restore.kit import strings
from tests.scenario.state_machine import rendered_definition
from tests.scenario.test_backup_state_machine import EVERYTHING, create_topic

pytestmark = pytest.mark.xdist_group("off-site copy")  # its tests share the other store
VARIABLES = ("BACKUP_BUCKET", "ENVIRONMENT", "DYNAMODB_TABLES", "S3_EXPORTS_PREFIX", "OFFSITE_COPY")
PAUSES = {'"Seconds": 15': 1, '"IntervalSeconds": 30': 1, '"IntervalSeconds": 5': 1}


@pytest.fixture
def machine(places: Places) -> str:
    """Deploy the built function with the shortest timeout, a topic and the state machine; return its ARN."""
    layer_zip = ROOT / "dist/layer.zip"
    if not layer_zip.exists():
        pytest.skip("dist/layer.zip is not built: make dist")
    functions, role = places.aws.client("lambda"), create_role(places.aws, EVERYTHING)
    layer = functions.publish_layer_version(LayerName="powertools", Content={"ZipFile": layer_zip.read_bytes()})
    function = functions.create_function(
        FunctionName="shop-offsite-copy",
        Runtime="python3.13",
        Role=role,
        Handler="dynamodb_backup.handlers.offsite_copy.lambda_handler",
        Code={"ZipFile": (ROOT / "dist/function.zip").read_bytes()},
        Layers=[layer["LayerVersionArn"]],
        Timeout=10,
        Environment={"Variables": {name: os.environ[name] for name in VARIABLES}},
    )
    definition = rendered_definition(
        function["FunctionArn"],
        name="shop-test",
        failure_topic_arn=create_topic(places.aws, "failure"),
        timeout=70,
        machine="offsite_copy",
    )
    for pause, seconds in PAUSES.items():
        assert pause in definition
        definition = definition.replace(pause, f"{pause.split(':')[0]}: {seconds}")
    created = places.aws.client("stepfunctions").create_state_machine(
        name="offsite-copy", definition=definition, roleArn=role
    )
    return str(created["stateMachineArn"])


def execute(places: Places, machine: str) -> dict[str, Any]:
    client = places.aws.client("stepfunctions")
    execution = client.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    for _ in range(400):
        described: dict[str, Any] = dict(client.describe_execution(executionArn=execution))
        if described["status"] != "RUNNING":
            return described
        time.sleep(0.3)
    raise AssertionError("the execution did not end in two minutes")


def test_a_copy_that_fails_is_told_and_one_whose_function_dies_goes_on(places: Places, machine: str) -> None:
    places.create_table()
    places.fill(strings(10))
    date = places.make_full_backup()

    with places.store.faults.deny("s3", "PutObject"):
        failed = execute(places, machine)

    assert (failed["status"], failed["error"]) == ("FAILED", "OffsiteCopy.Status500"), failed
    assert f"date {date}: orders: bucket copies of {places.store.endpoint} cannot be used: PutObject" in failed["cause"]
    sqs = places.aws.client("sqs")
    queue = sqs.get_queue_url(QueueName="failure")["QueueUrl"]
    (told,) = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    message = json.loads(told["Body"])
    assert message["Subject"] == "Off-site copy failed: shop-test"
    assert "The backups themselves are not affected." in message["Message"]
    assert f"- date {date} (FAILED): orders: bucket copies of" in message["Message"]

    # The store hangs for longer than Lambda lets the function live: it is killed with the lease in its hand.
    places.store.faults.delay("s3", "PutObject", seconds=15, times=1)
    went_on = execute(places, machine)

    assert went_on["status"] == "SUCCEEDED", went_on
    assert json.loads(went_on["output"])["body"]["copied"] == 1
    assert f"{COPY_PREFIX}/{date}/manifest.json" in places.copied_keys()
    history = places.aws.client("stepfunctions").get_execution_history(
        executionArn=went_on["executionArn"], maxResults=1000
    )
    assert any("Failed" in event["type"] or "TimedOut" in event["type"] for event in history["events"])
