"""The locked example: what is locked, and that no role of the module can delete a backup or lift its protection."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.apply.conftest import AppliedExample
from tests.apply.test_examples import examples

immutable = examples("immutable")
FIRST = "native-exports/"


def invoke(example: AppliedExample, function: str, event: dict[str, Any]) -> dict[str, Any]:
    answer = example.aws.client("lambda").invoke(FunctionName=example.outputs[function], Payload=json.dumps(event))
    response: dict[str, Any] = json.loads(answer["Payload"].read())
    return response


@pytest.fixture
def backup(example: AppliedExample) -> str:
    """Make a backup, and return the key of one of its data files."""
    example.aws.exports.configure(seconds=0)
    dynamodb = example.aws.client("dynamodb")
    (key,) = dynamodb.describe_table(TableName="shop-orders")["Table"]["KeySchema"]
    dynamodb.put_item(TableName="shop-orders", Item={key["AttributeName"]: {"S": "a"}})
    assert invoke(example, "backup_function", {})["statusCode"] == 200
    listed = example.aws.client("s3").list_objects_v2(Bucket=example.outputs["bucket"], Prefix=FIRST)["Contents"]
    return max(str(one["Key"]) for one in listed if one["Key"].endswith(".json.gz"))


@pytest.fixture
def s3_as(example: AppliedExample) -> Iterator[Callable[[str], Any]]:
    """Return S3 clients with the credentials of a role, which the root user may take for this test."""
    iam = example.aws.client("iam")
    trusts: dict[str, str] = {}

    def client(role: str) -> Any:
        name, arn = example.outputs["roles"][role]["name"], example.outputs["roles"][role]["arn"]
        trusts[name] = json.dumps(iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"])
        anyone = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [anyone]})
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=policy)
        user = iam.create_access_key(UserName=_user(iam))["AccessKey"]
        sts = example.aws.client(
            "sts", aws_access_key_id=user["AccessKeyId"], aws_secret_access_key=user["SecretAccessKey"]
        )
        taken = sts.assume_role(RoleArn=arn, RoleSessionName="thief")["Credentials"]
        return example.aws.client(
            "s3",
            aws_access_key_id=taken["AccessKeyId"],
            aws_secret_access_key=taken["SecretAccessKey"],
            aws_session_token=taken["SessionToken"],
        )

    yield client
    for name, trust in trusts.items():
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
    _delete_user(iam)


def _user(iam: Any) -> str:
    try:
        iam.create_user(UserName="thief")
    except iam.exceptions.EntityAlreadyExistsException:
        return "thief"
    anything = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [anything]})
    iam.put_user_policy(UserName="thief", PolicyName="take", PolicyDocument=document)
    return "thief"


def _delete_user(iam: Any) -> None:
    for key in iam.list_access_keys(UserName="thief")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="thief", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="thief", PolicyName="take")
    iam.delete_user(UserName="thief")


@immutable
def test_every_object_is_locked_from_its_creation(example: AppliedExample, backup: str) -> None:
    s3, bucket = example.aws.client("s3"), example.outputs["bucket"]
    found = s3.head_object(Bucket=bucket, Key=backup)
    assert found["ObjectLockMode"] == "GOVERNANCE"
    assert found["ObjectLockRetainUntilDate"] - found["LastModified"] == timedelta(days=14)
    with pytest.raises(ClientError, match="object lock"):
        s3.delete_object(Bucket=bucket, Key=backup, VersionId=found["VersionId"])


@immutable
def test_no_role_of_the_module_can_delete_a_backup_or_what_protects_it(
    example: AppliedExample, backup: str, s3_as: Callable[[str], Any]
) -> None:
    bucket = example.outputs["bucket"]
    version = example.aws.client("s3").head_object(Bucket=bucket, Key=backup)["VersionId"]
    rules = example.aws.client("s3").get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    one = {"Bucket": bucket, "Key": backup}
    for role in [name for name, made in example.outputs["roles"].items() if made]:
        s3 = s3_as(role)
        attempts: dict[str, Callable[[], Any]] = {
            "hide it": partial(s3.delete_object, **one),
            "delete it": partial(s3.delete_object, **one, VersionId=version),
            "bypass its lock": partial(s3.delete_object, **one, VersionId=version, BypassGovernanceRetention=True),
            "let it expire": partial(
                s3.put_bucket_lifecycle_configuration, Bucket=bucket, LifecycleConfiguration={"Rules": rules}
            ),
            "stop versions": partial(
                s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}
            ),
            "unlock": partial(
                s3.put_object_lock_configuration,
                Bucket=bucket,
                ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"},
            ),
            "change the policy": partial(s3.delete_bucket_policy, Bucket=bucket),
            "delete the bucket": partial(s3.delete_bucket, Bucket=bucket),
        }
        for attempt in attempts.values():
            with pytest.raises(ClientError) as refused:
                attempt()
            assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert example.aws.client("s3").head_object(**one)["VersionId"] == version


@immutable
def test_somebody_with_all_permissions_is_denied_too_but_the_administrator_is_not(
    example: AppliedExample, backup: str
) -> None:
    bucket, iam = example.outputs["bucket"], example.aws.client("iam")
    name = _user(iam)
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    iam.put_user_policy(UserName=name, PolicyName="take", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    mighty = example.aws.client(
        "s3", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    tags = {"TagSet": [{"Key": "backup-retention", "Value": "failed"}]}
    attempts: list[Callable[[], Any]] = [
        partial(mighty.delete_object, Bucket=bucket, Key=backup),
        partial(mighty.put_object_tagging, Bucket=bucket, Key=backup, Tagging=tags),
        partial(mighty.delete_bucket_lifecycle, Bucket=bucket),
    ]
    for attempt in attempts:
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt()
    assert mighty.head_object(Bucket=bucket, Key=backup)
    _delete_user(iam)
    administrator = example.aws.client("s3")
    version = administrator.put_object(Bucket=bucket, Key="native-exports/by-hand", Body=b"")["VersionId"]
    administrator.delete_object(
        Bucket=bucket, Key="native-exports/by-hand", VersionId=version, BypassGovernanceRetention=True
    )
