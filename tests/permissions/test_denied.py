"""What is outside of a role's policy is refused by the edge, whichever role asks."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts.permissions.planned import PlannedRole
from tests.permissions.conftest import Played
from tests.permissions.scenario import objects
from tests.permissions.stage import ACCOUNT, BUCKET, PREFIX, Stage

pytestmark = pytest.mark.xdist_group("permissions")

# AWS asks for it without a prefix: https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
ALLOWED = {("app-env-dynamodb-backup-replication", "list the whole bucket"): "it succeeded"}
DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}


@pytest.fixture(scope="module")
def neighbours(played: Played) -> Stage:
    """What belongs to somebody else in the same account: a table and a bucket with an object."""
    stage = played.stage
    stage.create_table("PAYROLL", recovery=True)
    s3 = stage.aws.client("s3")
    s3.create_bucket(Bucket="somebody-elses")
    s3.put_object(Bucket="somebody-elses", Key="secret", Body=b"")
    s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}-of-somebody-else/secret", Body=b"")
    return stage


def attempts(stage: Stage, role: str, backup: str) -> dict[str, Callable[[], Any]]:
    """Return what no role may do, each on something that is there; of the backup, one of its data files."""
    s3, dynamodb, iam = (stage.client(role, service) for service in ("s3", "dynamodb", "iam"))
    sts, kms = stage.client(role, "sts"), stage.client(role, "kms")
    key = {"id": {"S": "1"}}
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    grant = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    other_role = f"arn:aws:iam::{ACCOUNT}:role/ROLES/app-env-dynamodb-restore-test"
    return {
        "delete a backup": partial(s3.delete_object, Bucket=BUCKET, Key=backup),
        "delete the bucket": partial(s3.delete_bucket, Bucket=BUCKET),
        "overwrite what is beside the prefix": partial(s3.put_object, Bucket=BUCKET, Key="x", Body=b""),
        "read beside the prefix": partial(s3.get_object, Bucket=BUCKET, Key=f"{PREFIX}-of-somebody-else/secret"),
        "list the whole bucket": partial(s3.list_objects_v2, Bucket=BUCKET),
        "read another bucket": partial(s3.get_object, Bucket="somebody-elses", Key="secret"),
        "write to another bucket": partial(s3.put_object, Bucket="somebody-elses", Key="secret", Body=b"x"),
        "let backups expire": partial(s3.delete_bucket_lifecycle, Bucket=BUCKET),
        "open the bucket": partial(s3.put_bucket_policy, Bucket=BUCKET, Policy=grant),
        "delete a table": partial(dynamodb.delete_table, TableName="TABLE"),
        "delete another table": partial(dynamodb.delete_table, TableName="PAYROLL"),
        "read another table": partial(dynamodb.scan, TableName="PAYROLL"),
        "read an item of another table": partial(dynamodb.get_item, TableName="PAYROLL", Key=key),
        "write to another table": partial(dynamodb.put_item, TableName="PAYROLL", Item=key),
        "write many to another table": partial(
            dynamodb.batch_write_item, RequestItems={"PAYROLL": [{"DeleteRequest": {"Key": key}}]}
        ),
        "export another table": partial(
            dynamodb.export_table_to_point_in_time,
            TableArn=f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/PAYROLL",
            S3Bucket=BUCKET,
            S3Prefix=PREFIX,
        ),
        "switch recovery off": partial(
            dynamodb.update_continuous_backups,
            TableName="PAYROLL",
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False},
        ),
        "give itself everything": partial(iam.put_role_policy, RoleName=role, PolicyName="x", PolicyDocument=grant),
        "make a user": partial(iam.create_user, UserName="thief"),
        "become another role": partial(sts.assume_role, RoleArn=other_role, RoleSessionName="thief"),
        "delete the key": partial(kms.schedule_key_deletion, KeyId=stage.key_arn),
    }


def code_of(attempt: Callable[[], Any]) -> str:
    """Return the code of the error, or that there was none."""
    try:
        attempt()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "it succeeded"


def test_no_role_can_do_what_is_not_its_own(roles: list[PlannedRole], neighbours: Stage) -> None:
    backup = next(key for key in objects(neighbours) if key.endswith(".json.gz"))
    otherwise = {
        (role.name, name): answer
        for role in roles
        for name, attempt in attempts(neighbours, role.name, backup).items()
        if (answer := code_of(attempt)) not in DENIED
    }
    assert otherwise == ALLOWED


def test_only_what_restores_writes_items_and_only_restore_tests_delete_tables(
    roles: list[PlannedRole], neighbours: Stage
) -> None:
    key = {"id": {"S": "1"}}
    writers, deleters = set(), set()
    for role in roles:
        dynamodb = neighbours.client(role.name, "dynamodb")
        if code_of(partial(dynamodb.put_item, TableName="TABLE", Item=key)) not in DENIED:
            writers.add(role.name)
        if code_of(partial(dynamodb.delete_table, TableName="app-env-restore-test-not-there")) not in DENIED:
            deleters.add(role.name)
    assert writers == {"app-env-dynamodb-restore"}
    assert deleters == {"app-env-dynamodb-restore-test"}
