"""The plan of everything in a sandbox: its roles with their policies, and its functions, which run here under them."""

from __future__ import annotations

import importlib
import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.environment import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from scripts.permissions.planned import planned_roles, resources

BUCKET = "bucket"
COPIES = "copies"
PREFIX = "PREFIX"
ACCOUNT = "123456789012"
REGION = "us-east-1"
FUNCTIONS = {
    "api": "app-env-dynamodb-api",
    "backup": "app-env-dynamodb-backup",
    "offsite_copy": "app-env-dynamodb-offsite-copy",
    "restore": "app-env-dynamodb-restore",
    "restore_test": "app-env-dynamodb-restore-test",
    "verify": "app-env-dynamodb-verify",
    "create": "app-env-on-demand-backup",
    "monitor": "app-env-on-demand-monitor",
}
_ANYONE = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}


class LambdaContext:
    """A Lambda context with so many seconds left."""

    def __init__(self, seconds: float) -> None:
        self.aws_request_id = str(uuid.uuid4())
        self._ends = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return max(0, round((self._ends - time.monotonic()) * 1000))


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@dataclass
class Stage:
    """An account with the plan's roles. Everything else in it is made by `lay_out`, as far as the functions need it."""

    aws: Sandbox
    plan: Mapping[str, Any]
    key_arn: str = ""
    secret_arn: str = ""
    queue_url: str = ""
    _credentials: dict[str, dict[str, str]] = field(default_factory=dict)
    _user: dict[str, str] = field(default_factory=dict)

    def lay_out(self) -> None:
        """Make bucket, key, queue, topics, state machines and tables, and the roles."""
        self.key_arn = self.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
        s3 = self.aws.client("s3")
        s3.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
        rule: Any = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 7}}
        s3.put_object_lock_configuration(
            Bucket=BUCKET, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
        )
        s3.create_bucket(Bucket=COPIES)
        key = json.dumps({"access_key_id": ACCESS_KEY_ID, "secret_access_key": SECRET_ACCESS_KEY})
        secret = self.aws.client("secretsmanager").create_secret(Name="STORE-KEY", SecretString=key)
        self.secret_arn = secret["ARN"]
        queue = {"QueueName": "app-env-on-demand-backup.fifo", "Attributes": {"FifoQueue": "true"}}
        self.queue_url = self.aws.client("sqs").create_queue(**queue)["QueueUrl"]
        self.aws.client("sns").create_topic(Name="app-env-on-demand-backup-failure")
        self.aws.client("logs").create_log_group(logGroupName="app-env-dynamodb-audit")
        self._lay_out_roles()
        for machine in ("backup", "restore", "verify"):
            self.aws.client("stepfunctions").create_state_machine(
                name=f"app-env-dynamodb-{machine}",
                definition=json.dumps({"StartAt": "End", "States": {"End": {"Type": "Pass", "End": True}}}),
                roleArn=f"arn:aws:iam::{ACCOUNT}:role/ROLES/{FUNCTIONS['backup']}",
            )
        self.create_table("TABLE", recovery=True)
        self.create_table("SCANNED", recovery=False)

    def _lay_out_roles(self) -> None:
        iam = self.aws.client("iam")
        for role in planned_roles(self.plan):
            iam.create_role(RoleName=role.name, Path=role.values["path"], AssumeRolePolicyDocument=document(_ANYONE))
            policy = json.dumps(self.here(role.policy))
            iam.put_role_policy(RoleName=role.name, PolicyName="function", PolicyDocument=policy)
        iam.create_user(UserName="lambda")  # the account's root cannot assume a role
        anything = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
        iam.put_user_policy(UserName="lambda", PolicyName="assume", PolicyDocument=document(anything))
        key = iam.create_access_key(UserName="lambda")["AccessKey"]
        self._user = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}

    def here(self, policy: Any) -> Any:
        """Return a planned policy or environment with key, secret and store of this account in place of the plan's."""
        text = json.dumps(policy).replace(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/BACKUPS", self.key_arn)
        text = text.replace(f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:STORE-KEY", self.secret_arn)
        return json.loads(text.replace("https://STORE", self.aws.endpoint))

    def create_table(self, name: str, *, recovery: bool) -> None:
        """Create a table that has every setting which a restore gives back."""
        dynamodb = self.aws.client("dynamodb")
        dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
            Tags=[{"Key": "team", "Value": "shop"}],
        )
        dynamodb.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
        )
        if recovery:
            dynamodb.update_continuous_backups(
                TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
            )
        for number in range(12):
            dynamodb.put_item(TableName=name, Item={"id": {"S": str(number)}, "expires": {"N": "9999999999"}})
        dynamodb.put_item(TableName=name, Item={"id": {"S": "large"}, "noise": {"B": Random(0).randbytes(3000)}})

    def credentials(self, role: str) -> dict[str, str]:
        """Return the credentials of a role's session."""
        if role not in self._credentials:
            found = next(one for one in planned_roles(self.plan) if one.name == role)
            arn = f"arn:aws:iam::{ACCOUNT}:role{found.values['path']}{role}"
            sts = self.aws.client("sts", **self._user)
            taken = sts.assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
            self._credentials[role] = {
                "AWS_ACCESS_KEY_ID": taken["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": taken["SecretAccessKey"],
                "AWS_SESSION_TOKEN": taken["SessionToken"],
            }
        return self._credentials[role]

    @contextmanager
    def policy_of(self, role: str, policy: Any) -> Iterator[None]:
        """Give a role another policy meanwhile."""
        iam, name = self.aws.client("iam"), {"RoleName": role, "PolicyName": "function"}
        found = iam.get_role_policy(**name)["PolicyDocument"]
        iam.put_role_policy(**name, PolicyDocument=json.dumps(policy))
        yield
        iam.put_role_policy(**name, PolicyDocument=found if isinstance(found, str) else json.dumps(found))

    def client(self, role: str, service: str) -> Any:
        """Return a client with a role's credentials."""
        return self.aws.client(service, **{name.lower(): value for name, value in self.credentials(role).items()})

    def call(self, function: str, event: Any) -> dict[str, Any]:
        """Run a function until it does not answer 202."""
        answer: dict[str, Any] = {}
        for _ in range(60):
            answer = self.turn(function, event)
            if answer.get("statusCode") != 202:
                return answer
            time.sleep(0.2)
        raise AssertionError(f"{function} does not come to an end: {answer}")

    def turn(self, function: str, event: Any, *, seconds: float = 60) -> dict[str, Any]:
        """Run a function once, with the plan's environment, under the plan's role."""
        name = FUNCTIONS[function]
        functions = (one["values"] for one in resources(self.plan, "aws_lambda_function"))
        planned = next(one for one in functions if one["function_name"] == name)
        module, _, handler = planned["handler"].rpartition(".")
        with pytest.MonkeyPatch.context() as patch:
            for variables in (self.aws.environment, self.credentials(name), self._environment(planned)):
                for variable, value in variables.items():
                    patch.setenv(variable, value)
            answer = getattr(importlib.import_module(module), handler)(event, LambdaContext(seconds))
        return dict(json.loads(json.dumps(answer)))

    def _environment(self, planned: Mapping[str, Any]) -> dict[str, str]:
        """Return the planned environment; that of the on-demand backup is not known at plan: its queue's URL."""
        (block,) = planned["environment"]
        known: dict[str, str] = self.here(block.get("variables", {}))
        return known or {
            "ENVIRONMENT": "env",
            "DYNAMODB_TABLES": '["SCANNED","TABLE"]',
            "BACKUP_NAME_PREFIX": "app-env",
            "QUEUE_URL": self.queue_url,
            "NOTIFICATION_TOPIC_ARN": f"arn:aws:sns:{REGION}:{ACCOUNT}:app-env-on-demand-backup-failure",
            "RETENTION_DAYS": "3",
            "ALERT_AFTER_HOURS": "6",
        }
