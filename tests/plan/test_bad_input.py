"""Every input that AWS would refuse, or that contradicts another, is refused at plan by rule, value and fix.

Asking takes a second, so each plan is given many bad inputs at once, each for a variable of its own.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from scripts.terraform_cli import Terraform, copy_module
from scripts.terraform_plugins import terraform_binary

CONVENTION = "mfa-api_{environment}_{type}_global"
ANY_KEY = "arn:aws:kms:eu-west-1:123456789012:key/*"
KMS_ALIAS = "arn:aws:kms:eu-west-1:123456789012:alias/backups"


class BadInput(NamedTuple):
    """A value, and what the message about it must say: the rule, what was given, the fix; ``also``: other messages."""

    value: object
    says: tuple[str, ...]
    also: tuple[tuple[str, ...], ...] = ()


# One plan each; what is not given keeps a good value.
PLANS: dict[str, dict[str, BadInput]] = {
    "first": {
        "on_demand_backups": BadInput({"retention_days": 0}, ("at least 1", "Given: 0", "leave it out")),
        "app_name": BadInput("a/b", ("letters, digits", '"a/b"', 'with "-"')),
        "tables": BadInput([], ("at least one DynamoDB table", "an empty set", "Add a table's name")),
        "bucket": BadInput({"create": False}, ("known by its name", "no bucket.name", "leave create true")),
        "exports_prefix": BadInput("native-exports/", ("none at the ends", '"native-exports/"', '"backups/dynamodb"')),
        "retention": BadInput(
            {"daily": {"days": 0}}, ("whole days", "at least 1", '"daily":{"days":0', "Use such whole numbers")
        ),
        "kms_key_arn": BadInput(KMS_ALIAS, ("do not accept an alias", KMS_ALIAS, "aws_kms_key")),
        "schedules": BadInput(
            {"nightly": {"expression": "daily"}}, ("cron(", 'nightly "daily"', '"cron(0 3 * * ? *)"')
        ),
        "notifications": BadInput(
            {"failure": {"topic_arn": "arn:aws:sns:eu-west-1:123456789012:on-call"}},
            ("exclude each other", "failure.create = true", "Set create = false"),
        ),
        "functions": BadInput({"architecture": "arm"}, ('"arm64" or "x86_64"', '"arm"', "Use one of the two")),
        "layer": BadInput({}, ("arn, zip_path and s3", "none of them", "leave layer null")),
        "max_backup_age_hours": BadInput(169, ("1 to 168", "Given: 169", "in that range")),
        "http_api": BadInput(
            {"throttling": {"burst": 0}}, ("whole numbers from 1 to 10000", "burst 0", "in that range")
        ),
        "audit": BadInput({"retention_days": 31}, ("for ever", "audit.retention_days = 31", "next of these numbers")),
        "logs": BadInput({"retention_days": 31}, ("30, 60", "31", "next of these numbers")),
        "vpc": BadInput(
            {"subnet_ids": [], "security_group_ids": ["sg-1"]},
            ("at least one subnet", "0 subnets, 1 security groups", "leave vpc null"),
        ),
        "permissions_boundary_arn": BadInput("boundary", ("ARN of an IAM policy", '"boundary"', "aws_iam_policy")),
        "service_kms_key_arn": BadInput(KMS_ALIAS, ("do not accept an alias", KMS_ALIAS, "aws_kms_key")),
        "role_path": BadInput("service", ('begins and ends with "/"', '"service"', "/service/backup/")),
        "restore_target_roles": BadInput(
            ["arn:aws:iam::111122223333:role/*"], ("ARNs of IAM roles", "role/*", "wildcard")
        ),
        "restore_target_tables": BadInput(["shop-*"], ("3 to 255 characters", '"shop-*"', "without wildcards")),
    },
    "second": {
        "on_demand_backups": BadInput({"name_prefix": "-"}, ("not be empty", '"-"', "backup_name_prefix")),
        "http_api": BadInput(
            {"jwt": {"issuer": "login.example.com", "audiences": ["a"], "read_scopes": ["r"], "write_scopes": ["w"]}},
            ("begins with https://", '"login.example.com"', "Write for example issuer"),
        ),
        "tables": BadInput(["ok-table", "no"], ("3 to 255 characters", '"no"', "as DynamoDB shows it")),
        "bucket": BadInput({"name": "s3://Backups"}, ("3 to 63 characters", '"s3://Backups"', "without")),
        "exports_prefix": BadInput("a//*", ("IAM policies", '"a//*"', '"native-exports"')),
        "retention": BadInput(
            {"daily": {"days": 30, "deep_archive_after_days": 30}},
            ("at or after their expiration", '"deep_archive_after_days":30', "move earlier"),
        ),
        "schedules": BadInput(
            {"daily": {"expression": "rate(1 day)", "flexible_window_minutes": 1441}},
            ("1 to 1440", "daily 1441", "in that range"),
        ),
        "notifications": BadInput(
            {"success": {"create": False, "topic_arn": "arn:aws:sns:eu-west-1:123456789012:on-call.fifo"}},
            ("standard SNS topic", "on-call.fifo", "aws_sns_topic"),
        ),
        "functions": BadInput({"runtime": "python3.9"}, ('"python3.11"', '"python3.9"', '"python3.13"')),
        "layer": BadInput(
            {"arn": "arn:aws:lambda:eu-west-1:123456789012:layer:ours"},
            ("layer version", "layer:ours", "version number"),
        ),
        "logs": BadInput({"level": "TRACE"}, ('"DEBUG"', '"TRACE"', "Use one of these")),
    },
    "third": {
        "http_api": BadInput(
            {"jwt": {"issuer": "https://a.b/", "audiences": ["a"], "read_scopes": ["r"], "write_scopes": []}},
            ("at least one scope", "1 read_scopes, 0 write_scopes", "Write for example write_scopes"),
        ),
        "retention": BadInput(
            {"daily": {"days": 400, "deep_archive_after_days": 90, "glacier_instant_retrieval_after_days": 90}},
            ("only move to colder classes", '"deep_archive_after_days":90', "leave one of the two out"),
        ),
        "bucket": BadInput(
            {"owner_account_id": "210987654321"}, ("for an existing bucket", "create = true", "Remove the setting")
        ),
        "notifications": BadInput({"kms_key_arn": KMS_ALIAS}, ("do not accept an alias", KMS_ALIAS, "aws_kms_key")),
        "schedules": BadInput(
            {"every day": {"expression": "rate(1 day)"}}, ("1 to 64 characters", '"every day"', 'for example "daily"')
        ),
        "functions": BadInput({"restore": {"memory_mb": 64}}, ("128 to 10240", "restore 64", "in that range")),
        "layer": BadInput({"zip_path": "no/such.zip"}, ("existing file", '"no/such.zip"', "make dist")),
        "table_name_convention": BadInput(
            "mfa_{environment}_global", ("exactly once", "mfa_{environment}_global", "Write")
        ),
    },
    "fourth": {
        "verify_package_checksums": BadInput(
            True,
            ("package takes the code from S3", 'package.s3_key = "function.zip"', "Remove one of the two"),
            also=(("layer.s3 takes the layer from S3", 'layer.s3.key = "layer.zip"', "Use layer.zip_path"),),
        ),
        "http_api": BadInput({"access_log_retention_days": 31}, ("CloudWatch keeps", "= 31", "next of these numbers")),
        "retention": BadInput(
            {"daily": {"days": 35}, "yearly": {"days": 30}},
            ("not kept shorter", '"yearly":{"days":30', "Let the days not fall"),
        ),
        "bucket": BadInput(
            {"name": "theirs", "create": False, "owner_account_id": "4711"}, ("12 digits", '"4711"', "as a string")
        ),
        "schedules": BadInput(
            {"changes": {"expression": "rate(1 hour)", "export_type": "INCREMENTAL"}},
            ("FULL_EXPORT or INCREMENTAL_EXPORT", 'changes "INCREMENTAL"', "Write for example"),
        ),
        "functions": BadInput({"backup": {"timeout_seconds": 901}}, ("10 to 900", "backup 901", "next invocation")),
        "table_name_convention": BadInput(
            "mfa{type}", ("between separators", '"mfa{type}"', "leave table_name_convention")
        ),
    },
    # What refers to tables, schedules, retention and the bucket is checked only where these are good.
    "features": {
        "immutability": BadInput(
            {"mode": "GOVERNANCE", "default_days": 8, "daily_days": 36},
            ("still bill it", "daily_days 36, kept 35, default_days 8, failed kept 7", "raise the days in retention"),
        ),
        "item_count_collapse": BadInput(
            {"percent": 0, "minimum_items": 0.5, "except_tables": ["sessions"]},
            ("1 to 100", "Given: 0.", "item_count_collapse = null"),
            also=(
                ("at least 0", "Given: 0.5", "leave it out for 10"),
                ("in tables, too", '"sessions"', "Correct the name"),
            ),
        ),
        "restore_tests": BadInput(
            {
                "schedule": "weekly",
                "tables": ["orders"],
                "max_table_bytes": 0.5,
                "max_age_hours": 0,
                "scratch_prefix": "short-",
                "table_kms_key_arns": [KMS_ALIAS],
                "memory_mb": 64,
            },
            ("cron(minutes", '"weekly"', "Write for example"),
            also=(
                ("names some of tables", '["orders"]', "leave it out to test all"),
                ("whole number of bytes", "Given: 0.5", "1073741824"),
                ("at least 1", "Given: 0.", "192 for a weekly test"),
                ("8 to 64 characters", '"short-"', "shop-restore-test-"),
                ("do not accept an alias", KMS_ALIAS, "aws_kms_key"),
                ("128 to 10240", "memory_mb 64", "in these ranges"),
            ),
        ),
        "replication": BadInput(
            {"bucket_arn": "copies", "account_id": "1", "kms_key_arn": "arn:aws:kms:x", "storage_class": "GLACIER"},
            ("is a bucket's ARN", 'Given: "copies"', "output bucket.arn"),
            also=(
                ("12 digits", 'Given: "1"', "leading zeros"),
                ("both or neither", "only replication.kms_key_arn", "leave out both"),
                ("could not be restored at once", '"GLACIER"', "leave it out"),
            ),
        ),
        "offsite_copy": BadInput(
            {
                "endpoint_url": "http://store.example.com",
                "region": "EU",
                "bucket": "s3://copies",
                "prefix": "/copies",
                "secret_arn": "K003-very-secret",
                "secret_kms_key_arn": KMS_ALIAS,
                "schedule": "hourly",
                "days": 0,
                "memory_mb": 256,
            },
            ("begins with https://", '"http://store.example.com"', "backblazeb2.com"),
            also=(
                ("small letters", '"EU" and "s3://copies"', "without s3:// or a path"),
                ('one "/" between them', '"/copies"', "shop/native-exports"),
                ("never the key itself", "Given: no ARN.", "aws_secretsmanager_secret"),
                ("do not accept an alias", KMS_ALIAS, "aws_kms_key"),
                ("or rate(value unit)", '"hourly"', "rate(1 hour)"),
                ("whole numbers of at least 1", "Given: 0 and 30", "7 and 30"),
                ("512 to 10240", "memory_mb 256", "in these ranges"),
            ),
        ),
        "backup_methods": BadInput(
            {
                "users": {"method": "on_demand"},
                "carts": {"method": "native_export", "segments": 2},
                "goods": {"method": "scan", "max_read_units_per_second": 0.5},
                "notes": {"method": "scan", "segments": 65},
                "files": {"method": "scan"},
            },
            ('"native_export" or "scan"', 'users "on_demand"', "modules/on_demand_backup"),
            also=(
                ("reads nothing", '"carts"', 'set method = "scan"'),
                ("at least 1", "goods 0.5", "larger number"),
                ("1 to 64", "notes 65", "in that range"),
                ("tables that are in tables", 'Not among them: "files".', "add the table"),
            ),
        ),
    },
    "existing bucket": {
        "immutability": BadInput(
            {"mode": "GOVERNANCE", "administrator_arns": ["arn:aws:iam::123456789012:role/terraform"]},
            ("that the module creates", "bucket.create = false", "your bucket's policy"),
        ),
        "replication": BadInput(
            {"bucket_arn": "arn:aws:s3:::copies"},
            ("leaves an existing one", "Given: both", "leave create true"),
        ),
        "restore_tests": BadInput(
            {"scratch_prefix": "scratch-"}, ("scratch tables are deleted", '"scratch-users"', "Choose another prefix")
        ),
        "backup_methods": BadInput(
            {"users": {"method": "scan"}}, ("no increments", 'never be backed up: "users"', "for example daily")
        ),
    },
    "convention and compliance": {
        "immutability": BadInput(
            {"mode": "COMPLIANCE"}, ("cannot delete what is locked", "Given: both", 'mode = "GOVERNANCE"')
        ),
        "backup_methods": BadInput(
            {"users": {"method": "scan"}, "mfa-api_prod_users_global": {"method": "scan"}},
            ("one method", 'short and as a full name: "users".', "Remove one"),
        ),
    },
    # Where one of these is bad, Terraform does not go on to the tables that depend on it.
    "wildcards that would widen a policy, and locks": {
        "kms_key_arn": BadInput(ANY_KEY, ("a key's ARN", ANY_KEY, "aws_kms_key")),
        "service_kms_key_arn": BadInput(ANY_KEY, ("a key's ARN", ANY_KEY, "aws_kms_key")),
        "tables": BadInput(["orders*"], ("3 to 255 characters", '"orders*"', "as DynamoDB shows it")),
        "restore_target_tables": BadInput(["*", "a/b"], ("3 to 255 characters", '"*", "a/b"', "without wildcards")),
        "exports_prefix": BadInput("backups/../x", ('no part is "." or ".."', '"backups/../x"', '"backups/dynamodb"')),
        "role_path": BadInput("/a*/", ("mean other roles too", '"/a*/"', "/service/backup/")),
        "permissions_boundary_arn": BadInput(
            "arn:aws:iam::123456789012:policy/*", ("ARN of an IAM policy", "policy/*", "aws_iam_policy")
        ),
        "notifications": BadInput(
            {"failure": {"create": False, "topic_arn": "arn:aws:sns:*:123456789012:on-call"}},
            ("ARN", "arn:aws:sns:*:123456789012:on-call", "aws_sns_topic"),
        ),
        "offsite_copy": BadInput(
            {
                "endpoint_url": "https://s3.example.com",
                "region": "auto",
                "bucket": "copies",
                "secret_arn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:stor?-AbCdEf",
            },
            ("never the key itself", "stor?-AbCdEf", "aws_secretsmanager_secret"),
        ),
        "immutability": BadInput(
            {"mode": "governance", "default_days": 0.5, "yearly_days": 365, "administrator_arns": ["terraform"]},
            ('"GOVERNANCE" or', '"governance"', "Begin with GOVERNANCE"),
            also=(
                ("1 to 36500", '"default_days":0.5', "Use such numbers"),
                ("yearly is none", "Add the class to retention"),
                ("arn:aws:iam::ACCOUNT", '["terraform"]', "no such ARN"),
            ),
        ),
    },
    "fifth": {
        "replication": BadInput(
            {"bucket_arn": "arn:aws:s3:::copies-of-backups", "kms_key_arn": ANY_KEY},
            ("ARN of a key", ANY_KEY, "aws_kms_key"),
            also=(("both or neither", "only replication.kms_key_arn", "leave out both"),),
        ),
        "verify_package_checksums": BadInput(
            True,
            ("dist/function.zip is the file that dist/SHA256SUMS names", "SHA-256 of the file:", "run `make dist`"),
            also=(("layer.zip that dist/SHA256SUMS names", '"./api/openapi.yaml":', "the same bytes everywhere"),),
        ),
        "retention": BadInput(
            {"daily": {"days": 35}, "incremental_days": 29},
            ("7 days shorter", '"incremental_days":29', "Make it shorter"),
        ),
        "schedules": BadInput(
            {"changes": {"expression": "rate(5 minutes)", "export_type": "INCREMENTAL_EXPORT"}},
            ("at least 15 minutes of changes", 'changes "rate(5 minutes)"', "rate(15 minutes)"),
        ),
        "environment": BadInput("", ("begins with a letter or digit", '""', "Replace")),
        "table_name_convention": BadInput("mfa_{env}_{type}", ("{environment}", '"mfa_{env}_{type}"', "Write other")),
    },
    "tables and the convention": {
        "tables": BadInput(
            ["u2f", "mfa-api_prod_u2f_global", "mfa-api_staging_totp_global"],
            (
                f'"{CONVENTION}"',
                'environment "prod"',
                'Outside it: "mfa-api_staging_totp_global".',
                "write only the short name",
            ),
            also=(("listed once", 'short and as a full name: "u2f".', "Remove one"),),
        ),
    },
}
GOOD: dict[str, object] = {"app_name": "shop", "environment": "prod", "tables": ["users"]}
GOOD_FOR_A_PLAN = {
    "fifth": GOOD | {"layer": {"zip_path": "./api/openapi.yaml"}},
    "fourth": GOOD
    | {
        "package": {"s3_bucket": "artifacts", "s3_key": "function.zip"},
        "layer": {"s3": {"bucket": "artifacts", "key": "layer.zip"}},
    },
    "features": GOOD | {"tables": ["users", "carts", "goods", "notes"]},
    "existing bucket": GOOD
    | {
        "bucket": {"create": False, "name": "theirs"},
        "tables": ["users", "scratch-users"],
        "schedules": {"often": {"expression": "rate(1 hours)", "export_type": "INCREMENTAL_EXPORT"}},
    },
    "convention and compliance": GOOD | {"bucket": {"force_destroy": True}, "table_name_convention": CONVENTION},
    "tables and the convention": GOOD | {"table_name_convention": CONVENTION},
}
SUMMARY = "Invalid value for variable"
CASES = [(plan, variable) for plan, inputs in PLANS.items() for variable in inputs]

pytestmark = pytest.mark.xdist_group("bad-input")  # the plans are made once, in one worker


class Refusals:
    """What Terraform says about the variables of each plan; it is asked once for each.

    Its console is asked, which judges variables as a plan does and plans nothing: a third of the cost. That both refuse
    the same, in the same words, has a test below.
    """

    def __init__(self, terraform: Terraform, values: Mapping[str, object]) -> None:
        self._terraform = terraform
        self._values = values
        self._said: dict[str, list[str]] = {}

    def of(self, plan: str) -> list[str]:
        if plan not in self._said:
            done = self._run(plan, "console")
            self._said[plan] = details(done.stdout + done.stderr)
            assert self._said[plan], done
        return self._said[plan]

    def planned(self, plan: str) -> list[str]:
        """Return what a plan itself says."""
        done = self._run(plan, "plan", "-json", "-input=false")
        assert done.returncode == 1, done.stdout
        events = [json.loads(line) for line in done.stdout.splitlines()]
        diagnostics = [event["diagnostic"] for event in events if event["type"] == "diagnostic"]
        return [" ".join(found["detail"].split()) for found in diagnostics if found["summary"] == SUMMARY]

    def _run(self, plan: str, *command: str) -> subprocess.CompletedProcess[str]:
        inputs = self._terraform.directory / "bad.tfvars.json"
        inputs.write_text(json.dumps(self._values[plan]), encoding="utf-8")
        return subprocess.run(
            [terraform_binary(), *command, f"-var-file={inputs.name}"],
            cwd=self._terraform.directory,
            env=dict(self._terraform.environment),
            input="",
            capture_output=True,
            text=True,
            check=False,
        )


def details(said: str) -> list[str]:
    """Return the messages about variables in what Terraform says to a person, each in one line.

    A box has a title, then the place with the given values, which is left out, then the message, wrapped.
    """
    plain = re.sub(r"\x1b\[[0-9;]*m", "", said)
    found = []
    for box in re.findall(r"^╷$(.*?)^╵$", plain, re.MULTILINE | re.DOTALL):
        lines = [line.removeprefix("│").strip() for line in box.strip().splitlines()]
        title, _, *message = [" ".join(part.split()) for part in "\n".join(lines).split("\n\n")]
        if title == f"Error: {SUMMARY}":
            found.append(" ".join(message))
    return found


@pytest.fixture(scope="module")
def altered_module(root_module: Terraform, tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """A copy of the module in which somebody has touched the package."""
    terraform = Terraform(copy_module(tmp_path_factory.mktemp("module")), root_module.environment)
    alter_package(terraform.directory / "dist")
    terraform.get()
    return terraform


def alter_package(dist: Path) -> None:
    """Append a byte to the functions' zip, which unpacks as before."""
    with (dist / "function.zip").open("ab") as file:
        file.write(b"\0")


@pytest.fixture(scope="module")
def refusals(altered_module: Terraform) -> Refusals:
    values = {
        plan: GOOD_FOR_A_PLAN.get(plan, GOOD) | {name: bad.value for name, bad in inputs.items()}
        for plan, inputs in PLANS.items()
    }
    return Refusals(altered_module, values)


@pytest.mark.parametrize(("plan", "variable"), CASES)
def test_refused_at_plan_by_rule_value_and_fix(plan: str, variable: str, refusals: Refusals) -> None:
    messages = refusals.of(plan)
    bad = PLANS[plan][variable]
    for says in (bad.says, *bad.also):
        about = [message for message in messages if all(part in message for part in says)]
        assert about, f"No message says {says}. What was said:\n" + "\n\n".join(messages)


def test_a_plan_says_what_the_console_says(refusals: Refusals) -> None:
    assert sorted(refusals.planned("features")) == sorted(refusals.of("features"))
    assert len(refusals.of("features")) > 20


def test_every_validation_is_seen_to_refuse(altered_module: Terraform, refusals: Refusals) -> None:
    lines = (altered_module.directory / "variables.tf").read_text(encoding="utf-8").splitlines()
    validations = {number for number, line in enumerate(lines, 1) if line.strip() == "validation {"}
    seen = {
        number for plan in PLANS for message in refusals.of(plan) for number in validations if says(message, number)
    }
    assert [f"variables.tf:{number}" for number in sorted(validations - seen)] == []


def says(message: str, line: int) -> bool:
    """Tell whether a message comes from the validation that begins on a line of variables.tf."""
    return f"validation rule at variables.tf:{line}," in message
