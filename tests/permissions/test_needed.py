"""Least privilege: what the functions ask for is allowed, and each permission is there because something asks for it.

The functions ran under their roles, and IAM's questions were noted. Each action and each resource is then taken away
from its statement, and the same questions are put to what is left of the policy: one of them must be refused. What no
emulator asks for stands in tables here, with the reason; a line of them that is not needed any more fails, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from sandbox.remote import Authorization
from scripts.permissions.planned import PlannedRole
from tests.permissions.conftest import Played
from tests.permissions.judge import allows, missed, permissions, without
from tests.permissions.stage import ACCOUNT, BUCKET, FUNCTIONS, PREFIX, REGION

pytestmark = pytest.mark.xdist_group("permissions")

LAMBDA = "Lambda asks for it in the role's name, outside of the function; the emulator's Lambda does not"
NETWORK = f"{LAMBDA}: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions"
QUEUE = f"{LAMBDA}: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"
KMS = "S3, SQS and SNS ask for it in the caller's name where they use a key; the emulator's do not"
SECRET = "https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html"
SCRATCH_KEY = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html"
EXPORT = (
    "DynamoDB asks for it in the caller's name when an export is cut off: "
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport_Requesting.html"
)
IMPORT = (
    "DynamoDB asks for it in the caller's name while it imports: "
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataImport.Requesting.html"
)
RESTORE = (
    "DynamoDB asks for it in the caller's name while it makes a table of a backup: "
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/backuprestore_IAM.html"
)

NOT_ASKED_BY_THE_EMULATOR: dict[tuple[str, str], str] = {
    ("DecryptStoreKey", "kms:Decrypt"): SECRET,
    ("EncryptScratchTables", "kms:CreateGrant"): SCRATCH_KEY,
    ("EncryptScratchTables", "kms:Decrypt"): SCRATCH_KEY,
    ("EncryptScratchTables", "kms:DescribeKey"): SCRATCH_KEY,
    ("EncryptScratchTables", "kms:Encrypt"): SCRATCH_KEY,
    ("EncryptScratchTables", "kms:GenerateDataKey*"): SCRATCH_KEY,
    ("EncryptScratchTables", "kms:ReEncrypt*"): SCRATCH_KEY,
    ("LogImports", "logs:CreateLogGroup"): IMPORT,
    ("LogImports", "logs:CreateLogStream"): IMPORT,
    ("LogImports", "logs:DescribeLogGroups"): IMPORT,
    ("LogImports", "logs:DescribeLogStreams"): IMPORT,
    ("LogImports", "logs:PutLogEvents"): IMPORT,
    ("LogImports", "logs:PutRetentionPolicy"): IMPORT,
    ("ManageNetworkInterfaces", "ec2:AssignPrivateIpAddresses"): NETWORK,
    ("ManageNetworkInterfaces", "ec2:CreateNetworkInterface"): NETWORK,
    ("ManageNetworkInterfaces", "ec2:DeleteNetworkInterface"): NETWORK,
    ("ManageNetworkInterfaces", "ec2:DescribeNetworkInterfaces"): NETWORK,
    ("ManageNetworkInterfaces", "ec2:DescribeSubnets"): NETWORK,
    ("ManageNetworkInterfaces", "ec2:UnassignPrivateIpAddresses"): NETWORK,
    ("ReadWithBackupKey", "kms:Decrypt"): KMS,
    ("RestoreOnDemandBackupsIntoTables", "dynamodb:GetItem"): RESTORE,
    ("RestoreOnDemandBackupsIntoTables", "dynamodb:Query"): RESTORE,
    ("RestoreOnDemandBackupsIntoTables", "dynamodb:UpdateItem"): RESTORE,
    ("TakeFromQueue", "sqs:ChangeMessageVisibility"): QUEUE,
    ("TakeFromQueue", "sqs:DeleteMessage"): QUEUE,
    ("TakeFromQueue", "sqs:GetQueueAttributes"): QUEUE,
    ("TakeFromQueue", "sqs:ReceiveMessage"): QUEUE,
    ("UseBackupKey", "kms:Decrypt"): KMS,
    ("UseBackupKey", "kms:GenerateDataKey"): KMS,  # asked for by exports alone, so not of every role
    ("UseKeysOfQueueAndTopic", "kms:Decrypt"): KMS,
    ("UseKeysOfQueueAndTopic", "kms:GenerateDataKey"): KMS,
    ("WriteAndVerifyBackups", "s3:AbortMultipartUpload"): EXPORT,
    ("WriteLogs", "logs:CreateLogStream"): LAMBDA,
    ("WriteLogs", "logs:PutLogEvents"): LAMBDA,
    ("WriteWindowsToUndo", "s3:AbortMultipartUpload"): EXPORT,
}


def arn(service: str, name: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


def machine(name: str) -> str:
    return arn("states", f"stateMachine:app-env-dynamodb-{name}")


def function(name: str) -> tuple[str, str]:
    return "lambda:InvokeFunction", arn("lambda", f"function:{FUNCTIONS[name]}")


def topic(outcome: str) -> tuple[str, str]:
    return "sns:Publish", arn("sns", f"app-env-dynamodb-backup-{outcome}")


UNDELIVERED = ("sqs:SendMessage", arn("sqs", "app-env-dynamodb-backup-undelivered"))
USE_QUEUE_KEY = [(action, arn("kms", "key/SERVICE")) for action in ("kms:Decrypt", "kms:GenerateDataKey")]
USE_TOPIC_KEY = [(action, arn("kms", "key/TOPICS")) for action in ("kms:Decrypt", "kms:GenerateDataKey")]
WORKERS = arn("states", "execution:app-env-dynamodb-restore/jobs:1")


def by_s3(action: str, key: str, region: str, bucket: str) -> tuple[str, str, dict[str, str]]:
    """Ask for the use of a key as S3 does for a bucket with a bucket key."""
    context = {
        "kms:viaservice": f"s3.{region}.amazonaws.com",
        "kms:encryptioncontext:aws:s3:arn": f"arn:aws:s3:::{bucket}",
    }
    return action, key, context


REPLICAS_KEY = "arn:aws:kms:us-west-2:111122223333:key/REPLICAS"
ORIGINAL, REPLICA = (f"arn:aws:s3:::{bucket}/{PREFIX}/2026-01-31/manifest.json" for bucket in (BUCKET, "replica"))

ASKED_BY_SERVICES: dict[str, list[tuple[str, str] | tuple[str, str, dict[str, str]]]] = {
    # S3, for each object under the prefix; https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
    "app-env-dynamodb-backup-replication": [
        ("s3:GetReplicationConfiguration", f"arn:aws:s3:::{BUCKET}"),
        ("s3:ListBucket", f"arn:aws:s3:::{BUCKET}"),
        ("s3:GetObjectVersionForReplication", ORIGINAL),
        ("s3:GetObjectVersionAcl", ORIGINAL),
        ("s3:GetObjectVersionTagging", ORIGINAL),
        ("s3:GetObjectRetention", ORIGINAL),
        ("s3:GetObjectLegalHold", ORIGINAL),
        ("s3:ReplicateObject", REPLICA),
        ("s3:ReplicateTags", REPLICA),
        ("s3:ObjectOwnerOverrideToBucketOwner", REPLICA),
        by_s3("kms:Decrypt", arn("kms", "key/BACKUPS"), REGION, BUCKET),
        by_s3("kms:Encrypt", REPLICAS_KEY, "us-west-2", "replica"),
        by_s3("kms:GenerateDataKey", REPLICAS_KEY, "us-west-2", "replica"),
    ],
    # Step Functions, for what templates/*.asl.json say; https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
    "app-env-dynamodb-backup-state-machine": [function("backup"), topic("failure"), topic("success"), *USE_TOPIC_KEY],
    "app-env-dynamodb-restore-machine": [
        function("restore"),
        topic("failure"),
        topic("success"),
        *USE_TOPIC_KEY,
        ("s3:GetObject", f"arn:aws:s3:::{BUCKET}/{PREFIX}/restores/1/jobs/list-1.jsonl"),
        ("kms:Decrypt", arn("kms", "key/BACKUPS")),
        ("states:StartExecution", machine("restore")),
        ("states:DescribeExecution", WORKERS),
        ("states:RedriveExecution", WORKERS),
        ("states:StopExecution", WORKERS),
    ],
    "app-env-dynamodb-restore-test-machine": [function("restore_test"), topic("failure"), *USE_TOPIC_KEY],
    "app-env-dynamodb-offsite-copy-machine": [function("offsite_copy"), topic("failure"), *USE_TOPIC_KEY],
    "app-env-dynamodb-verify-machine": [function("verify")],
    # EventBridge Scheduler, for the schedules' targets and their dead-letter queue
    "app-env-dynamodb-backup-schedule": [("states:StartExecution", machine("backup")), UNDELIVERED, *USE_QUEUE_KEY],
    "app-env-dynamodb-restore-test-starts": [
        ("states:StartExecution", machine("restore-test")),
        function("restore_test"),
        UNDELIVERED,
        *USE_QUEUE_KEY,
    ],
    "app-env-dynamodb-offsite-copy-starts": [
        ("states:StartExecution", machine("offsite-copy")),
        function("offsite_copy"),
        UNDELIVERED,
        *USE_QUEUE_KEY,
    ],
    "app-env-on-demand-backup-schedule": [function("create")],
}


def questions(role: PlannedRole, played: Played) -> Sequence[Authorization]:
    """Return what the role was asked for, or what a service would ask it for."""
    asked = ASKED_BY_SERVICES.get(role.name)
    if asked is None:
        return played.asked[role.name]
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.name}/session"
    return [Authorization(session, action, resource, dict(*context)) for action, resource, *context in asked]


def policy(role: PlannedRole, played: Played) -> Any:
    return role.policy if role.name in ASKED_BY_SERVICES else played.stage.here(role.policy)


def test_every_role_is_a_functions_or_a_services(roles: list[PlannedRole]) -> None:
    assert {role.name for role in roles} == {*FUNCTIONS.values(), *ASKED_BY_SERVICES}


def test_what_is_asked_for_is_allowed(roles: list[PlannedRole], played: Played) -> None:
    refused = {
        (role.name, one.action, one.resource)
        for role in roles
        for one in questions(role, played)
        if not allows(policy(role, played), one)
    }
    assert refused == set(), "the scenario went well without it: the function need not ask, or hides a failure"


def test_each_action_of_each_statement_is_needed(roles: list[PlannedRole], played: Played) -> None:
    unneeded: dict[tuple[str, str], set[str]] = {}
    for role in roles:
        whole, asked = policy(role, played), questions(role, played)
        for sid, action in {(one.sid, one.action) for one in permissions(whole)}:
            if not missed(without(whole, sid, action=action), asked):
                unneeded.setdefault((sid, action), set()).add(role.name)
    nobody_asks = {pair: names for pair, names in unneeded.items() if pair not in NOT_ASKED_BY_THE_EMULATOR}
    assert nobody_asks == {}, "delete it, play what needs it in scenario.py, or say who asks for it"
    assert set(NOT_ASKED_BY_THE_EMULATOR) - set(unneeded) == set(), "the scenario needs it now"


def test_each_resource_of_each_statement_is_needed(roles: list[PlannedRole], played: Played) -> None:
    """Tables and what belongs to them are left out: a statement names all tables alike."""
    unneeded = []
    for role in roles:
        whole, asked = policy(role, played), questions(role, played)
        excused = {one.sid for one in permissions(whole)} - {
            one.sid for one in permissions(whole) if (one.sid, one.action) not in NOT_ASKED_BY_THE_EMULATOR
        }
        for sid, resource in {(one.sid, one.resource) for one in permissions(whole)}:
            of_a_table = ":table/" in resource
            if not of_a_table and sid not in excused and not missed(without(whole, sid, resource=resource), asked):
                unneeded.append((role.name, sid, resource))
    assert unneeded == []


def test_without_a_statement_the_function_fails(roles: list[PlannedRole], played: Played) -> None:
    """So that the evaluator's word is that of the edge."""
    role = next(one for one in roles if one.name == FUNCTIONS["verify"])
    for sid in ("ListBackups", "ReadBackups", "ReadTables"):
        with played.stage.policy_of(role.name, without(policy(role, played), sid)):
            answer = played.stage.call("verify", {"against": "table"})
        assert answer["statusCode"] in {207, 500}, sid
        assert "AccessDenied" in str(answer), sid
    assert "AccessDenied" not in str(played.stage.call("verify", {"against": "table"}))


def test_code_in_a_vpc_cannot_use_the_permissions_for_network_interfaces(roles: list[PlannedRole]) -> None:
    name = FUNCTIONS["restore"]
    role = next(one for one in roles if one.name == name)
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/session"
    by_lambda = Authorization(session, "ec2:CreateNetworkInterface", "*", {})
    by_code = Authorization(
        session, by_lambda.action, "*", {"lambda:sourcefunctionarn": arn("lambda", f"function:{name}")}
    )
    assert allows(role.policy, by_lambda)
    assert not allows(role.policy, by_code)


def test_functions_in_a_vpc_need_these_endpoints_and_no_others(played: Played) -> None:
    """docs/encryption.md has this table. Keys are asked for by S3 and DynamoDB, in the functions' names."""
    called = {
        name: {one.action.partition(":")[0] for one in played.asked[role]} - {"kms"} for name, role in FUNCTIONS.items()
    }
    assert {name: services - {"s3", "dynamodb"} for name, services in called.items()} == {
        "api": {"logs", "states"},  # logs: with audit
        "backup": {"logs"},
        "offsite_copy": {"secretsmanager"},  # and the store itself, outside of AWS
        "restore": {"logs", "sts"},
        "restore_test": {"logs"},
        "verify": set(),
        "create": {"sns", "sqs"},  # the on-demand backup does not run in a VPC
        "monitor": {"sns", "sqs"},
    }
