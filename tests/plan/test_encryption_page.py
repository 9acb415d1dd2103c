"""What docs/encryption.md tells to copy: the key's policy is the applied example's, the VPC's endpoints are valid."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from scripts.terraform_cli import Terraform


def blocks(repo_root: Path) -> list[str]:
    page = (repo_root / "docs" / "encryption.md").read_text(encoding="utf-8")
    return re.findall(r"^```terraform\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def test_the_keys_policy_is_that_of_the_complete_example(repo_root: Path) -> None:
    example = (repo_root / "examples" / "complete" / "key.tf").read_text(encoding="utf-8")
    policy = example[example.index('data "aws_iam_policy_document"') :]
    told, _ = blocks(repo_root)
    assert told.strip() == re.sub(r"(?:  # checkov:skip=.*\n)+\n", "", policy).strip()


def test_the_endpoints_of_a_vpc_are_valid(repo_root: Path, root_module: Terraform) -> None:
    _, endpoints = blocks(repo_root)
    directory = root_module.directory / "examples" / "vpc"
    directory.mkdir()
    shutil.copy(repo_root / "examples" / "complete" / "versions.tf", directory)
    (directory / "main.tf").write_text(endpoints, encoding="utf-8")
    kinds = {"vpc_id": "string", "region": "string", "route_table_ids": "list(string)", "subnet_ids": "list(string)"}
    variables = "\n".join(f'variable "{name}" {{\n  type = {kind}\n}}\n' for name, kind in kinds.items())
    (directory / "variables.tf").write_text(variables, encoding="utf-8")
    terraform = Terraform(directory, root_module.environment)
    terraform.get()
    assert json.loads(terraform.run("validate", "-json"))["valid"]
