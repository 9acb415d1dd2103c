"""Every input of modules/on_demand_backup that AWS would refuse is refused at plan by rule, value and fix."""

from __future__ import annotations

import pytest

from scripts.terraform_cli import Terraform, copy_module
from tests.plan.test_bad_input import KMS_ALIAS, BadInput, Refusals, alter_package, says

GOOD: dict[str, object] = {"app_name": "shop", "environment": "prod", "tables": ["users"]}
PLANS: dict[str, dict[str, BadInput]] = {
    "first": {
        "app_name": BadInput("a/b", ("letters, digits", '"a/b"', 'with "-"')),
        "tables": BadInput([], ("at least one DynamoDB table", "an empty set", "Add a table's name")),
        "schedule": BadInput({"expression": "daily"}, ("cron(", '"daily"', '"cron(0 5 * * ? *)"')),
        "retention_days": BadInput(0, ("whole days", "Given: 0", "1 to 36500")),
        "delay_seconds": BadInput(901, ("0 to 900", "Given: 901", "for example 300")),
        "alert_after_hours": BadInput(0, ("1 to 300", "Given: 0", "for example 6")),
        "max_backup_age_hours": BadInput(169, ("1 to 168", "Given: 169", "in that range")),
        "notifications": BadInput(
            {"topic_arn": "arn:aws:sns:eu-west-1:123456789012:on-call"},
            ("exclude each other", "create = true", "Set create = false"),
        ),
        "queue_kms_key_arn": BadInput(KMS_ALIAS, ("do not accept an alias", KMS_ALIAS, "aws_kms_key")),
        "functions": BadInput({"architecture": "arm"}, ('"arm64" or "x86_64"', '"arm"', "Use one of the two")),
        "verify_package_checksums": BadInput(
            True, ("dist/function.zip is the file that dist/SHA256SUMS names", "SHA-256 of the file:", "make dist")
        ),
        "layer_arn": BadInput("ours", ("layer version", '"ours"', "version number")),
        "logs": BadInput({"retention_days": 31}, ("30, 60", "31", "next of these numbers")),
        "permissions_boundary_arn": BadInput("boundary", ("ARN of an IAM policy", '"boundary"', "aws_iam_policy")),
        "service_kms_key_arn": BadInput(KMS_ALIAS, ("do not accept an alias", KMS_ALIAS, "aws_kms_key")),
        "role_path": BadInput("service", ('begins and ends with "/"', '"service"', "/service/backup/")),
    },
    "second": {
        "app_name": BadInput("a" * 240, ("at most 230", "Given: 244", "Shorten one")),
        "tables": BadInput(["arn:aws:dynamodb:1:2:table/x"], ("3 to 255 characters", "table/x", "neither an ARN")),
        "schedule": BadInput({"flexible_window_minutes": 1441}, ("1 to 1440", "Given: 1441", "in that range")),
        "notifications": BadInput(
            {"create": False, "topic_arn": "arn:aws:sns:eu-west-1:123456789012:on-call.fifo"},
            ("standard SNS topic", "on-call.fifo", "aws_sns_topic"),
        ),
        "functions": BadInput({"runtime": "python3.9"}, ('"python3.11"', '"python3.9"', '"python3.13"')),
        "logs": BadInput({"level": "TRACE"}, ('"DEBUG"', '"TRACE"', "Use one of these")),
    },
    "third": {
        "notifications": BadInput({"kms_key_arn": KMS_ALIAS}, ("do not accept an alias", KMS_ALIAS, "aws_kms_key")),
        "table_name_pattern": BadInput("^prod_.*$", ("must match", 'Outside it: "users"', "leave table_name_pattern")),
    },
    "fourth": {
        "verify_package_checksums": BadInput(
            True, ("package takes the code from S3", 'package.s3_key = "function.zip"', "Remove one of the two")
        ),
        "environment": BadInput("", ("begins with a letter or digit", '""', "Replace")),
        "table_name_pattern": BadInput("(", ("regular expression", '"("', "leave it null")),
    },
}
GOOD_FOR_A_PLAN = {"fourth": GOOD | {"package": {"s3_bucket": "artifacts", "s3_key": "function.zip"}}}
CASES = [(plan, variable) for plan, inputs in PLANS.items() for variable in inputs]

pytestmark = pytest.mark.xdist_group("bad-input-on-demand")  # the plans are made once, in one worker


@pytest.fixture(scope="module")
def module(root_module: Terraform, tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    directory = copy_module(tmp_path_factory.mktemp("module")) / "modules" / "on_demand_backup"
    terraform = Terraform(directory, root_module.environment)
    alter_package(directory.parents[1] / "dist")
    terraform.run("get")
    return terraform


@pytest.fixture(scope="module")
def refusals(module: Terraform) -> Refusals:
    return Refusals(
        module,
        {
            plan: GOOD_FOR_A_PLAN.get(plan, GOOD) | {name: bad.value for name, bad in inputs.items()}
            for plan, inputs in PLANS.items()
        },
    )


@pytest.mark.parametrize(("plan", "variable"), CASES)
def test_refused_at_plan_by_rule_value_and_fix(plan: str, variable: str, refusals: Refusals) -> None:
    messages = refusals.of(plan)
    about = [message for message in messages if all(part in message for part in PLANS[plan][variable].says)]
    assert about, f"No message says {PLANS[plan][variable].says}. What was said:\n" + "\n\n".join(messages)


def test_every_validation_is_seen_to_refuse(module: Terraform, refusals: Refusals) -> None:
    lines = (module.directory / "variables.tf").read_text(encoding="utf-8").splitlines()
    validations = {number for number, line in enumerate(lines, 1) if line.strip() == "validation {"}
    seen = {
        number for plan in PLANS for message in refusals.of(plan) for number in validations if says(message, number)
    }
    assert [f"variables.tf:{number}" for number in sorted(validations - seen)] == []
