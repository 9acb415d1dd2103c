"""The state machine around the deployed backup function: several turns, a function that dies, who is told."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from sandbox import Sandbox
from tests.conftest import ROOT
from tests.sandbox.functions import create_role
from tests.scenario.state_machine import rendered_definition

BUCKET = "backups"
FUNCTION = "orders-backup"
EVERYTHING = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
PAUSES = {'"Seconds": 60': 1, '"IntervalSeconds": 30': 1, '"IntervalSeconds": 5': 1}


@pytest.fixture
def machine(aws: Sandbox) -> str:
    """Deploy the built function with the shortest timeout, two tables, topics and the state machine; return its ARN."""
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
    topics = {outcome: create_topic(aws, outcome) for outcome in ("failure", "success")}
    definition = rendered_definition(
        function["FunctionArn"],
        name="shop-test",
        failure_topic_arn=topics["failure"],
        success_topic_arn=topics["success"],
        timeout=70,
    )
    created = aws.client("stepfunctions").create_state_machine(
        name="backup", definition=hurried(definition), roleArn=role
    )
    return str(created["stateMachineArn"])


def hurried(definition: str) -> str:
    """Return the definition with pauses of a second."""
    for pause, seconds in PAUSES.items():
        assert pause in definition
        definition = definition.replace(pause, f"{pause.split(':')[0]}: {seconds}")
    return definition


def create_topic(aws: Sandbox, outcome: str) -> str:
    """Create a topic with a queue of the same name behind it; return its ARN."""
    topic: str = aws.client("sns").create_topic(Name=outcome)["TopicArn"]
    queue = f"arn:aws:sqs:{aws.region}:{aws.account_id}:{outcome}"
    allowed = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [allowed | {"Resource": queue}]}
    aws.client("sqs").create_queue(QueueName=outcome, Attributes={"Policy": json.dumps(policy)})
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    return topic


def told(aws: Sandbox, outcome: str) -> list[tuple[str, str]]:
    """Return subject and message of every notification of an outcome."""
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=outcome)["QueueUrl"]
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    bodies = [json.loads(message["Body"]) for message in received]
    return [(body["Subject"], body["Message"]) for body in bodies]


def take_topic_away(aws: Sandbox, outcome: str) -> None:
    """Let publishing fail: the emulator's state machine publishes inside itself, where no fault can be put."""
    aws.client("sns").delete_topic(TopicArn=f"arn:aws:sns:{aws.region}:{aws.account_id}:{outcome}")


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
    assert "notification_error" not in answer
    [(subject, message)] = told(aws, "success")
    assert subject == "Backup succeeded: shop-test"
    assert f"of {answer['body']['backup_date']} succeeded (run {answer['body']['run_id']})" in message
    assert "\n- orders: 1 items\n- customers: 1 items\n" in message
    assert f"s3://{BUCKET}/{answer['body']['manifest_s3_key']}" in message
    assert told(aws, "failure") == []
    assert_a_backup_counts_although_nobody_can_be_told(aws, machine)


def assert_a_backup_counts_although_nobody_can_be_told(aws: Sandbox, machine: str) -> None:
    aws.exports.configure(seconds=0)
    take_topic_away(aws, "success")

    execution = execute(aws, machine)

    answer = json.loads(execution["output"])
    assert (execution["status"], answer["statusCode"]) == ("SUCCEEDED", 200)
    assert answer["body"]["successful_exports"] == 2
    assert answer["notification_error"].startswith("SNS.PublishFailed: ")


def test_a_function_that_dies_is_invoked_again_and_pays_for_no_export_twice(aws: Sandbox, machine: str) -> None:
    aws.faults.delay("dynamodb", "DescribeExport", seconds=30, times=1)

    execution = execute(aws, machine)

    assert execution["status"] == "SUCCEEDED"
    assert exports_started(aws) == 2


def test_a_failed_table_fails_the_execution_and_a_person_is_told_what_to_do(aws: Sandbox, machine: str) -> None:
    switch_recovery(aws, "customers", on=False)

    execution = execute(aws, machine)

    assert (execution["status"], execution["error"]) == ("FAILED", "Backup.Status207")
    assert "customers: point-in-time recovery is off for table customers" in execution["cause"]
    assert told(aws, "success") == []
    [(subject, message)] = told(aws, "failure")
    assert subject == "Backup partly failed: shop-test"
    run = json.loads(newest_run_record(aws))["run_id"]
    failed, backed_up = message.split("What was backed up, and can be restored:")
    assert failed.startswith(f"The DynamoDB backup of shop-test did not succeed.\n\nDate: {run[:10]}\nRun: {run}\n")
    assert "\n- customers: point-in-time recovery is off for table customers" in failed
    assert "orders" not in failed
    assert backed_up.startswith("\n- orders: 1 items\n")
    assert f"describe-execution --region us-east-1 --execution-arn {execution['executionArn']}\n" in backed_up
    assert backed_up.endswith(f"start-execution --region us-east-1 --state-machine-arn {machine}")
    assert_a_failure_keeps_its_reason_although_nobody_can_be_told(aws, machine)


def assert_a_failure_keeps_its_reason_although_nobody_can_be_told(aws: Sandbox, machine: str) -> None:
    take_topic_away(aws, "failure")

    execution = execute(aws, machine)

    assert (execution["status"], execution["error"]) == ("FAILED", "Backup.Status207")
    assert "customers: point-in-time recovery is off for table customers" in execution["cause"]
    assert "(Nobody was notified: SNS.PublishFailed: " in execution["cause"]


def test_a_table_that_was_emptied_is_backed_up_and_a_person_is_told(aws: Sandbox, machine: str) -> None:
    functions = aws.client("lambda")
    variables = functions.get_function_configuration(FunctionName=FUNCTION)["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=FUNCTION, Environment={"Variables": variables | {"ITEM_COUNT_COLLAPSE": '{"percent": 50}'}}
    )
    assert execute(aws, machine)["status"] == "SUCCEEDED"
    assert told(aws, "failure") == []
    aws.client("dynamodb").delete_item(TableName="orders", Key={"id": {"S": "1"}})

    execution = execute(aws, machine)

    answer = json.loads(execution["output"])
    assert (execution["status"], answer["statusCode"]) == ("SUCCEEDED", 200)
    assert "notification_error" not in answer
    [(subject, message)] = told(aws, "failure")
    assert subject == "Items may be missing: shop-test"
    assert "\n- table orders has 0 items in the backup of run " in message
    assert "table customers" not in message
    accept = message.partition("--payload '")[2].partition("'")[0]
    answered = json.loads(functions.invoke(FunctionName=FUNCTION, Payload=accept)["Payload"].read())
    assert answered["statusCode"] == 200
    assert [(one["table_name"], one["status"]) for one in answered["body"]["accept_results"]] == [
        ("orders", "ACCEPTED")
    ]
    assert len(told(aws, "success")) == 2


def newest_run_record(aws: Sandbox) -> str:
    s3 = aws.client("s3")
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET)["Contents"] if "/runs/" in found["Key"]]
    record = next(key for key in sorted(keys) if key.endswith("run.json"))
    return str(s3.get_object(Bucket=BUCKET, Key=record)["Body"].read().decode())


def test_a_function_that_never_answers_fails_the_execution_and_a_person_is_told(aws: Sandbox, machine: str) -> None:
    aws.client("lambda").update_function_configuration(FunctionName=FUNCTION, Handler="no_such_module.handler")

    execution = execute(aws, machine)

    assert execution["status"] == "FAILED"
    assert execution["cause"].startswith("The backup function gave no answer: ")
    assert "no_such_module" in execution["cause"]
    [(subject, message)] = told(aws, "failure")
    assert subject == "Backup failed: shop-test"
    assert f"\nWhat failed:\n- {execution['cause']}\n" in message
    assert "- no table in this run; earlier backups are unharmed" in message


def test_a_refused_configuration_fails_the_execution_with_its_message(aws: Sandbox, machine: str) -> None:
    aws.client("lambda").update_function_configuration(
        FunctionName=FUNCTION, Environment={"Variables": {"BACKUP_BUCKET": BUCKET, "ENVIRONMENT": "test"}}
    )

    execution = execute(aws, machine)

    assert (execution["status"], execution["error"]) == ("FAILED", "Backup.Status500")
    assert "environment variable DYNAMODB_TABLES is not set" in execution["cause"]
    [(subject, message)] = told(aws, "failure")
    assert subject == "Backup failed: shop-test"
    assert "environment variable DYNAMODB_TABLES is not set" in message
