"""The runbook of docs/disaster-recovery.md, rehearsed: a region is lost, and its tables come back in the other one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.apply.conftest import AppliedExample
from tests.apply.test_examples import examples

FIRST, SECOND = "us-east-1", "us-west-2"
TABLE = "shop-orders"
ITEM = {"order_id": {"S": "a"}, "photo": {"B": b"bytes"}}


def invoke(example: AppliedExample, region: str, function: str, event: dict[str, Any]) -> dict[str, Any]:
    functions = example.aws.client("lambda", region_name=region)
    answer: dict[str, Any] = json.load(functions.invoke(FunctionName=function, Payload=json.dumps(event))["Payload"])
    assert answer["statusCode"] == 200, answer
    return answer


@examples("disaster_recovery")
def test_tables_of_a_lost_region_come_back_in_the_second_under_the_real_roles(example: AppliedExample) -> None:
    aws, outputs = example.aws, example.outputs
    first, second = (aws.client("dynamodb", region_name=region) for region in (FIRST, SECOND))
    standby = {verb: function["name"] for verb, function in outputs["standby_functions"].items()}
    aws.exports.configure(seconds=0)
    first.put_item(TableName=TABLE, Item=ITEM)
    made = invoke(example, FIRST, outputs["backup_function"], {})
    replicated = aws.client("s3").head_object(Bucket=outputs["replica_bucket"], Key=made["body"]["manifest_s3_key"])
    assert replicated["ReplicationStatus"] == "REPLICA"

    # The drill: without a failover, the standby shows that it could bring everything back.
    ready = invoke(example, SECOND, standby["restore"], {"dry_run": True, "create_missing_tables": True})
    assert [one["status"] for one in ready["body"]["restore_results"]] == ["READY"]
    invoke(example, SECOND, standby["verify"], {})

    # The region is lost: its table is out of reach, and so is its bucket.
    with aws.faults.deny("s3", "*", resource=f"{outputs['bucket']}*"):
        aws.requests.clear()
        invoke(example, SECOND, standby["restore"], {"create_missing_tables": True, "prove": True})
        assert second.scan(TableName=TABLE)["Items"] == [ITEM]
        assert aws.requests.count("s3", resource=f"{outputs['bucket']}*") == 0

    second.update_table(TableName=TABLE, DeletionProtectionEnabled=False)
    second.delete_table(TableName=TABLE)


@pytest.mark.long
@examples("disaster_recovery")
def test_backups_go_on_in_the_second_region_until_one_apply_goes_back_to_the_first(example: AppliedExample) -> None:
    """And makes the account what it was for the second plan and destroy, which make long runs, too.

    That the bucket accepts copies no longer, tests/plan/replica_bucket.tftest.hcl shows; that backups go on there,
    tests/scenario/second_region.
    """
    aws, outputs = example.aws, example.outputs
    first, second = (aws.client("dynamodb", region_name=region) for region in (FIRST, SECOND))
    standby = {verb: function["name"] for verb, function in outputs["standby_functions"].items()}
    s3, scheduler = aws.client("s3"), aws.client("scheduler", region_name=SECOND)
    aws.exports.configure(seconds=0)
    first.put_item(TableName=TABLE, Item=ITEM)
    invoke(example, FIRST, outputs["backup_function"], {})
    with aws.faults.deny("s3", "*", resource=f"{outputs['bucket']}*"):
        invoke(example, SECOND, standby["restore"], {"create_missing_tables": True})

        # From now on backups are made there, and copies are no longer accepted. Only the second region is applied.
        fail_over(example)
        assert "DenyReplicas" in s3.get_bucket_policy(Bucket=outputs["replica_bucket"])["Policy"]
        assert [schedule["Name"] for schedule in scheduler.list_schedules()["Schedules"]] == ["daily"]
        second.put_item(TableName=TABLE, Item=ITEM | {"order_id": {"S": "b"}})
        invoke(example, SECOND, standby["backup"], {})
        listed = invoke(example, SECOND, standby["backup"], {"action": "list"})
        assert listed["body"]["tables"][0]["newest_verified"]["item_count"] == 2
    second.update_table(TableName=TABLE, DeletionProtectionEnabled=False)
    second.delete_table(TableName=TABLE)

    example.terraform.run("apply", "-auto-approve", "-var=failed_over=false")
    assert "DenyReplicas" not in s3.get_bucket_policy(Bucket=outputs["replica_bucket"])["Policy"]
    assert scheduler.list_schedules()["Schedules"] == []


def fail_over(example: AppliedExample) -> None:
    """Apply the second region alone, as the runbook says: the first is out of reach."""
    example.terraform.run(
        "apply", "-auto-approve", "-refresh=false", "-target=module.standby",
        "-target=module.replica.aws_s3_bucket_policy.this", "-var=failed_over=true",
    )  # fmt: skip
