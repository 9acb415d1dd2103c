"""Restore tests as they are deployed: under the function's own role, carried by the state machine."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.apply.conftest import AppliedExample
from tests.apply.test_examples import examples

SCRATCH = "shop-production-restore-test-"


def invoke(example: AppliedExample, name: str, event: Any) -> dict[str, Any]:
    answer = example.aws.client("lambda").invoke(FunctionName=example.outputs[name], Payload=json.dumps(event))
    return dict(json.loads(answer["Payload"].read()))


def execute(example: AppliedExample) -> dict[str, Any]:
    client = example.aws.client("stepfunctions")
    machine = example.outputs["restore_test_state_machine_arn"]
    execution = client.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    for _ in range(300):
        described: dict[str, Any] = dict(client.describe_execution(executionArn=execution))
        if described["status"] != "RUNNING":
            return described
        time.sleep(0.4)
    raise AssertionError("the execution did not end in two minutes")


@examples("restore_tests")
def test_a_backup_is_proven_by_the_state_machine_under_the_real_roles(example: AppliedExample) -> None:
    dynamodb = example.aws.client("dynamodb")
    before = dynamodb.list_tables()["TableNames"]
    example.empty("shop-orders")
    for number in range(30):
        dynamodb.put_item(TableName="shop-orders", Item={"id": {"S": str(number)}, "b": {"B": b"bytes"}})
    assert invoke(example, "backup_function", {})["statusCode"] == 200
    example.aws.requests.clear()

    execution = execute(example)

    assert execution["status"] == "SUCCEEDED", execution
    answer = json.loads(execution["output"])
    (result,) = answer["body"]["test_results"]
    assert (answer["statusCode"], result["status"], result["items_restored"]) == (200, "PROVEN", 30)
    assert answer["body"]["test_id"] == execution["name"]
    assert dynamodb.list_tables()["TableNames"] == before
    made = [one.resources for one in example.aws.requests.list("dynamodb", "DeleteTable")]
    assert [name.startswith(SCRATCH) for (name,) in made] == [True]
    report = invoke(example, "restore_test_function", {"action": "report"})
    assert (report["statusCode"], report["body"]["tables"][0]["hours"]) == (200, 0.0)


@examples("restore_tests")
def test_its_role_deletes_no_other_table_and_no_other_role_deletes_any(example: AppliedExample) -> None:
    iam = example.aws.client("iam")
    deleting = {}
    for role in iam.list_roles()["Roles"]:
        for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
            policy = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"]
            document = policy if isinstance(policy, dict) else json.loads(policy)
            for statement in document["Statement"]:
                if "dynamodb:DeleteTable" in statement["Action"]:
                    deleting[role["RoleName"]] = statement["Resource"]
    assert deleting == {
        "shop-production-dynamodb-restore-test": f"arn:aws:dynamodb:us-east-1:123456789012:table/{SCRATCH}*"
    }


@examples("restore_tests")
def test_a_failed_test_fails_the_execution(example: AppliedExample) -> None:
    with example.aws.faults.deny("dynamodb", "CreateTable"):
        execution = execute(example)
    assert (execution["status"], execution["error"]) == ("FAILED", "RestoreTest.Status500")
    assert "shop-orders: target table " in execution["cause"]


@examples("restore_tests")
def test_schedules_start_tests_and_reports(example: AppliedExample) -> None:
    scheduler = example.aws.client("scheduler")
    group = "shop-production-dynamodb-restore-test"
    found = {
        one["Name"]: scheduler.get_schedule(Name=one["Name"], GroupName=group)
        for one in scheduler.list_schedules(GroupName=group)["Schedules"]
    }
    assert set(found) == {"report", "test"}
    assert found["test"]["Target"]["Arn"] == example.outputs["restore_test_state_machine_arn"]
    assert json.loads(found["report"]["Target"]["Input"]) == {"action": "report"}
    assert found["test"]["ScheduleExpressionTimezone"] == "Europe/Berlin"
