"""Commands that attach to a running provider do what they do when they start their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.terraform_cli import Terraform, TerraformError, terraform_environment
from scripts.warm_provider import VARIABLE, warm_provider
from scripts.warm_provider.protobuf import without_unknown

SETTINGS = """
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
"""
TWO_REGIONS = f"""
provider "aws" {{
  region = "eu-west-1"
{SETTINGS}}}

provider "aws" {{
  alias  = "second"
  region = "eu-central-1"
{SETTINGS}}}

data "aws_service" "here" {{
  service_id = "dynamodb"
}}

data "aws_service" "there" {{
  provider = aws.second

  service_id = "dynamodb"
}}

data "aws_iam_policy_document" "read" {{
  statement {{
    actions   = ["dynamodb:GetItem"]
    resources = [data.aws_service.there.id]
  }}
}}

resource "aws_sns_topic" "here" {{
  name = data.aws_service.here.region
}}

resource "aws_sns_topic" "there" {{
  provider = aws.second

  name   = data.aws_service.there.region
  policy = data.aws_iam_policy_document.read.json
}}
"""


def planned(directory: Path, environment: dict[str, str], shown: dict[str, str]) -> dict[str, Any]:
    """Plan in one environment and look at the plan in the other, which may be the cheaper one."""
    Terraform(directory, environment).run("plan", "-out=plan.tfplan")
    plan = json.loads(Terraform(directory, shown).run("show", "-json", "plan.tfplan"))
    return {part: plan[part] for part in ("planned_values", "prior_state", "resource_changes", "configuration")}


def test_a_plan_holds_the_same_and_two_regions_stay_two(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "main.tf").write_text(TWO_REGIONS, encoding="utf-8")
    assert VARIABLE in environment
    first = planned(tmp_path, environment, environment)
    again, alone = (planned(tmp_path, one, environment) for one in (environment, terraform_environment()))
    assert first == again == alone
    names = [topic["values"]["name"] for topic in first["planned_values"]["root_module"]["resources"]]
    assert names == ["eu-west-1", "eu-central-1"]


def test_a_resource_that_the_repository_does_not_name_is_refused(tmp_path: Path, environment: dict[str, str]) -> None:
    name = "_".join(["aws", "sagemaker", "domain"])  # in one word it would be named here
    (tmp_path / "main.tf").write_text(f'resource "{name}" "this" {{}}\n', encoding="utf-8")
    with pytest.raises(TerraformError, match="does not support resource type"):
        Terraform(tmp_path, environment).run("validate", "-no-color")


def test_an_environment_that_attaches_already_is_left_as_it_is(tmp_path: Path) -> None:
    with warm_provider(tmp_path, {VARIABLE: "{}"}) as environment:
        assert environment[VARIABLE] == "{}"


def test_where_the_provider_does_not_start_so_terraform_starts_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    provider = tmp_path / ".terraform/providers/registry.terraform.io/hashicorp/aws/6.1.0/any/terraform-provider-aws"
    provider.parent.mkdir(parents=True)
    provider.write_text("#!/bin/sh\necho This is none.\n", encoding="ascii")
    provider.chmod(0o755)
    environment = terraform_environment() | {"TF_CLI_CONFIG_FILE": str(tmp_path / "override.tfrc")}
    with warm_provider(tmp_path, environment) as given:
        assert VARIABLE not in given
    assert "did not start as a plugin of Terraform: 'This is none.\\n'" in capfd.readouterr().err


def test_entries_are_left_out_by_their_keys_and_all_else_stays() -> None:
    def field(number: int, content: bytes) -> bytes:
        assert len(content) < 0x80
        return bytes([number << 3 | 2, len(content)]) + content

    long = b"\x0a\xac\x02" + 300 * b"x"  # a length of two bytes
    entries = {name: field(2, field(1, name.encode()) + field(2, b"schema")) for name in ("aws_s3_bucket", "aws_vpc")}
    message = long + entries["aws_s3_bucket"] + entries["aws_vpc"] + field(6, b"capabilities")
    kept = without_unknown(message, {2}, {"aws_s3_bucket"})
    assert kept == long + entries["aws_s3_bucket"] + field(6, b"capabilities")
