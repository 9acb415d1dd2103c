"""The state machine around the deployed restore function: many workers, one that dies, refused events, who is told."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from sandbox import Sandbox
from tests.conftest import ROOT
from tests.sandbox.functions import create_role
from tests.scenario.restore.kit import FUNCTION_VARIABLES, Stage, canonicals, strings, table_writes
from tests.scenario.state_machine import rendered_definition
from tests.scenario.test_backup_state_machine import EVERYTHING, create_topic, told

PAUSES = {'"Seconds": 10': 1, '"Seconds": 15': 1, '"IntervalSeconds": 30': 1, '"IntervalSeconds": 5': 1}
ITEMS = strings(90, text={"S": "x" * 200})


@pytest.fixture
def stage(aws: Sandbox) -> Stage:
    stage = Stage(aws.client("s3"), aws.client("dynamodb"))
    stage.s3.create_bucket(Bucket=stage.bucket)
    stage.create_table("orders")
    return stage


@pytest.fixture
def machine(aws: Sandbox, stage: Stage) -> str:
    """Deploy the built function and the state machine with topics; return its ARN."""
    layer_zip = ROOT / "dist/layer.zip"
    if not layer_zip.exists():
        pytest.skip("dist/layer.zip is not built: make dist")
    role = create_role(aws, EVERYTHING)
    layer = aws.client("lambda").publish_layer_version(
        LayerName="powertools", Content={"ZipFile": layer_zip.read_bytes()}
    )
    function = aws.client("lambda").create_function(
        FunctionName="orders-restore",
        Runtime="python3.13",
        Role=role,
        Handler="dynamodb_backup.handlers.restore.lambda_handler",
        Code={"ZipFile": (ROOT / "dist/function.zip").read_bytes()},
        Layers=[layer["LayerVersionArn"]],
        Timeout=20,
        Environment={"Variables": FUNCTION_VARIABLES | {"RESTORE_SLICE_LINES": "30", "RESTORE_STALL_SECONDS": "30"}},
    )
    definition = rendered_definition(
        function["FunctionArn"],
        name="shop-test",
        failure_topic_arn=create_topic(aws, "failure"),
        success_topic_arn=create_topic(aws, "success"),
        timeout=70,
        machine="restore",
    )
    for pause, seconds in PAUSES.items():
        assert pause in definition
        definition = definition.replace(pause, f"{pause.split(':')[0]}: {seconds}")
    created = aws.client("stepfunctions").create_state_machine(name="restore", definition=definition, roleArn=role)
    return str(created["stateMachineArn"])


def execute(aws: Sandbox, machine: str, event: Any) -> dict[str, Any]:
    """Run the state machine to its end."""
    client = aws.client("stepfunctions")
    execution = client.start_execution(stateMachineArn=machine, input=json.dumps(event))["executionArn"]
    for _ in range(600):
        described: dict[str, Any] = client.describe_execution(executionArn=execution)
        if described["status"] != "RUNNING":
            return described
        time.sleep(0.4)
    raise AssertionError("the execution did not end in four minutes")


def test_a_backup_of_several_files_is_restored_and_proven_and_a_dry_run_writes_nothing(
    aws: Sandbox, stage: Stage, machine: str
) -> None:
    stage.back_up("orders", ITEMS, file_count=2)

    execution = execute(aws, machine, {"max_workers": 2})

    assert execution["status"] == "SUCCEEDED", execution
    answer = json.loads(execution["output"])
    (result,) = answer["body"]["restore_results"]
    assert (answer["statusCode"], result["status"], result["proven"]) == (200, "COMPLETED", True)
    assert stage.items("orders") == canonicals(ITEMS)
    runs = aws.client("stepfunctions").list_map_runs(executionArn=execution["executionArn"])["mapRuns"]
    assert len(runs) == 2
    [(subject, message)] = told(aws, "success")
    assert subject == "Restore succeeded: shop-test"
    assert "- orders: COMPLETED, 90 items" in message
    assert answer["body"]["report"] in message
    aws.requests.clear()
    rehearsal = execute(aws, machine, {"dry_run": True})
    assert (rehearsal["status"], table_writes(aws)) == ("SUCCEEDED", []), rehearsal


def test_who_may_invoke_the_function_is_told_how_far_it_is(aws: Sandbox, stage: Stage, machine: str) -> None:
    stage.back_up("orders", ITEMS[:20])
    execution = execute(aws, machine, {})

    def told_of(name: str, started_at: str) -> Any:
        event = {"action": "progress", "execution": name, "started_at": started_at}
        answer = aws.client("lambda").invoke(FunctionName="orders-restore", Payload=json.dumps(event))
        return json.load(answer["Payload"])

    answer = told_of(execution["name"], execution["startDate"].isoformat())
    assert answer["statusCode"] == 200
    body = answer["body"]
    assert body["restore_id"] == json.loads(execution["output"])["body"]["restore_id"]
    assert (body["progress"]["status"], body["progress"]["percent"]) == ("ENDED", 100.0)
    assert body["result"]["restore_results"][0]["items_written"] == 20
    nothing = {"restore_id": None, "progress": None, "result": None}
    assert told_of(execution["name"], "2020-01-01T00:00:00Z")["body"].items() >= nothing.items()
    assert told_of("no-such-execution", "2020-01-01T00:00:00Z")["body"].items() >= nothing.items()
    assert "field 'started_at' must be a time" in told_of("x", "yesterday")["body"]["error"]


def test_a_worker_that_dies_is_begun_again(aws: Sandbox, stage: Stage, machine: str) -> None:
    stage.back_up("orders", ITEMS[:60], file_count=2)
    aws.faults.delay("dynamodb", "BatchWriteItem", resource="orders", seconds=40, times=1)

    execution = execute(aws, machine, {})

    assert execution["status"] == "SUCCEEDED", execution
    assert stage.items("orders") == canonicals(ITEMS[:60])


def test_a_damaged_backup_fails_the_execution_and_a_person_is_told(aws: Sandbox, stage: Stage, machine: str) -> None:
    damaged = stage.export("orders", ITEMS, file_count=2)
    damaged.objects[damaged.data_keys[1]] = b"no gzip"
    stage.back_up_damaged("orders", damaged)

    execution = execute(aws, machine, {})

    assert (execution["status"], execution["error"]) == ("FAILED", "Restore.Status500")
    assert damaged.data_keys[1] in execution["cause"]
    assert table_writes(aws) == []
    [(subject, message)] = told(aws, "failure")
    assert subject == "Restore failed: shop-test"
    assert "\n- orders (FAILED, 0 of 90 items written): " in message
    assert damaged.data_keys[1] in message


def test_the_cause_that_stopped_a_table_from_outside_is_told(aws: Sandbox, stage: Stage, machine: str) -> None:
    stage.back_up("orders", ITEMS, file_count=2)
    aws.faults.deny("s3", "PutObject", resource=f"{stage.bucket}/*/leases/*")

    execution = execute(aws, machine, {})

    assert (execution["status"], execution["error"]) == ("FAILED", "Restore.Status500")
    assert "ended while it was in the phase verify: " in execution["cause"]
    assert "AccessDenied" in execution["cause"]
    [(_, message)] = told(aws, "failure")
    assert "AccessDenied" in message


# The second field is refused in the same place as the first, and by tests/unit/contract as by tests/scenario/restore.
@pytest.mark.parametrize(
    "event", [{"no_such_field": 1}, pytest.param({"write_mode": "sideways"}, marks=pytest.mark.long)]
)
def test_a_bad_event_fails_the_execution_by_name(aws: Sandbox, machine: str, event: dict[str, Any]) -> None:
    execution = execute(aws, machine, event)

    assert (execution["status"], execution["error"]) == ("FAILED", "Restore.Status500")
    (field,) = event
    assert f"request refused: field '{field}'" in execution["cause"]
    [(subject, message)] = told(aws, "failure")
    assert (subject, "Restore: not begun" in message) == ("Restore failed: shop-test", True)
