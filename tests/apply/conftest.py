"""An example applied to a sandbox of its own: once per example, in whichever xdist worker has its tests.

An apply costs more than most of what is asked of it. So `make test` applies three: `complete`, as `make demo` does;
`disaster_recovery`; and, together, what four other examples switch on. `make long` applies every example by itself.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pytest_terraform.tf import TerraformRunner

import sandbox
from scripts.demo import __main__ as demo
from scripts.demo.deployment import Deployment
from scripts.demo.tables import Table
from scripts.terraform_cli import Terraform, copy_module, terraform_environment
from scripts.terraform_plugins import ROOT, terraform_binary
from scripts.warm_provider import warm_provider

# What an example is given here and not by its user: buckets that may be deleted with backups in them, the built layer.
VARIABLES: dict[str, dict[str, str]] = {
    "complete": {"force_destroy": "true", "layer_zip_path": "../../dist/layer.zip"},
    "disaster_recovery": {"force_destroy": "true", "layer_zip_path": "../../dist/layer.zip"},
    "existing_bucket": {"force_destroy": "true"},
    "http_api": {"force_destroy": "true", "layer_zip_path": "../../dist/layer.zip"},
    "immutable": {
        "force_destroy": "true",
        "layer_zip_path": "../../dist/layer.zip",
        "administrator_arns": '["arn:aws:iam::123456789012:root"]',
    },
    "incremental": {"force_destroy": "true"},
    "minimal": {},
    "on_demand_backup": {"delay_seconds": "1"},
    "restore_tests": {"force_destroy": "true", "layer_zip_path": "../../dist/layer.zip"},
    "scan_backup": {"force_destroy": "true", "layer_zip_path": "../../dist/layer.zip"},
    "together": {"force_destroy": "true", "layer_zip_path": "../../dist/layer.zip"},
}
# The first of these examples, and over it what the others have more: the files of tests/apply/together.
TOGETHER = ("http_api", "immutable", "on_demand_backup", "restore_tests")

# Neither True, which the runner takes for a command of its own, nor false, for which it has no command.
IN_THE_SAME_COMMAND = "no plan"


@dataclass(frozen=True)
class AppliedExample:
    """An example, the account that it was applied to, and what it answered."""

    name: str
    terraform: Terraform
    aws: sandbox.Sandbox
    outputs: dict[str, Any]
    deployment: Deployment | None = None
    """Of the example that is applied as the demo does it."""

    def empty(self, table: str) -> None:
        """Delete the items that other tests have left in a table."""
        held = Table.of(self.aws.client("dynamodb"), table)
        items = held.client.scan(TableName=table)["Items"]
        held.change(delete=[{attribute: item[attribute] for attribute, _ in held.keys} for item in items])

    def forget_backups(self) -> None:
        """Delete the backups that other tests have made, but not the records of runs, which number the next one.

        DynamoDB would answer a number's second export with the first one, whose files are gone.
        """
        s3, bucket = self.aws.client("s3"), self.outputs["bucket"]
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for key in [one["Key"] for page in pages for one in page.get("Contents", [])]:
            if "/runs/" not in key:
                s3.delete_object(Bucket=bucket, Key=key)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of one example together, in their files' order: the last one destroys what the others look at."""
    places = [index for index, item in enumerate(items) if _example_of(item)]
    tests = sorted((items[index] for index in places), key=_order)
    for index, test in zip(places, tests, strict=True):
        items[index] = test


def _order(item: pytest.Item) -> tuple[str, bool, str, int]:
    return _example_of(item), "test_destroy" in item.name, item.location[0], item.location[1] or 0


def _example_of(item: pytest.Item) -> str:
    """Return the example that a test is about, or nothing for any other test."""
    call = getattr(item, "callspec", None)
    name = call.params.get("example") if call else None
    return name if isinstance(name, str) and name in VARIABLES else ""


@pytest.fixture(scope="session")
def example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppliedExample]:
    name: str = request.param
    directory = _laid_out(name, tmp_path_factory.mktemp(name))
    with sandbox.start() as aws:
        variables = {f"TF_VAR_{variable}": value for variable, value in VARIABLES[name].items()}
        if name in {"on_demand_backup", "together"}:
            variables["TF_VAR_layer_arn"] = _published_layer(aws)
        environment = terraform_environment() | aws.environment | variables | {"AWS_MAX_ATTEMPTS": "2"}
        with warm_provider(directory, environment) as warm:
            terraform = Terraform(directory, warm)
            if name == "complete":
                with demo.deploy(directory, warm) as deployment:
                    deployment.wait()
                    yield AppliedExample(name, terraform, aws, outputs_in_state(directory), deployment)
            else:
                terraform.get()
                yield AppliedExample(name, terraform, aws, applied_outputs(terraform))


def _laid_out(name: str, directory: Path) -> Path:
    """Copy the module, and return the directory of the example in the copy."""
    examples = copy_module(directory) / "examples"
    if name != "together":
        return examples / name
    for path in (Path(__file__).parent / name).glob("*.tf"):
        shutil.copy(path, examples / TOGETHER[0])
    return examples / TOGETHER[0]


def _published_layer(aws: sandbox.Sandbox) -> str:
    """Publish the built layer, for an example that takes one by its ARN."""
    content = {"ZipFile": (ROOT / "dist" / "layer.zip").read_bytes()}
    return str(aws.client("lambda").publish_layer_version(LayerName="tools", Content=content)["LayerVersionArn"])


def applied_outputs(terraform: Terraform) -> dict[str, Any]:
    """Apply by pytest-terraform's runner, which takes its environment from this process.

    In one command: the runner's own way is to plan first, by another one that costs as much as half an apply.
    """
    runner = TerraformRunner(
        str(terraform.directory), state_path=str(terraform.directory / "terraform.tfstate"), tf_bin=terraform_binary()
    )
    with pytest.MonkeyPatch.context() as process:
        for name, value in terraform.environment.items():
            process.setenv(name, value)
        state = runner.apply(plan=IN_THE_SAME_COMMAND)
    return {name: output["value"] for name, output in state.outputs.items()}


def outputs_in_state(directory: Path) -> dict[str, Any]:
    """Read the outputs of what another command has applied."""
    state = json.loads((directory / "terraform.tfstate").read_text(encoding="utf-8"))
    return {name: output["value"] for name, output in state["outputs"].items()}
