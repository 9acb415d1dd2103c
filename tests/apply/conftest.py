"""An example applied to a sandbox of its own: once per example, in whichever xdist worker has its tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pytest_terraform.tf import TerraformRunner

import sandbox
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
}


@dataclass(frozen=True)
class AppliedExample:
    """An example, the account that it was applied to, and what it answered."""

    name: str
    terraform: Terraform
    aws: sandbox.Sandbox
    outputs: dict[str, Any]


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
    directory = copy_module(tmp_path_factory.mktemp(name)) / "examples" / name
    with sandbox.start() as aws:
        variables = {f"TF_VAR_{variable}": value for variable, value in VARIABLES[name].items()}
        if name == "on_demand_backup":
            variables["TF_VAR_layer_arn"] = _published_layer(aws)
        environment = terraform_environment() | aws.environment | variables | {"AWS_MAX_ATTEMPTS": "2"}
        with warm_provider(directory, environment) as warm:
            terraform = Terraform(directory, warm)
            terraform.get()
            yield AppliedExample(name, terraform, aws, applied_outputs(terraform))


def _published_layer(aws: sandbox.Sandbox) -> str:
    """Publish the built layer, for an example that takes one by its ARN."""
    content = {"ZipFile": (ROOT / "dist" / "layer.zip").read_bytes()}
    return str(aws.client("lambda").publish_layer_version(LayerName="tools", Content=content)["LayerVersionArn"])


def applied_outputs(terraform: Terraform) -> dict[str, Any]:
    """Apply by pytest-terraform's runner, which takes its environment from this process."""
    runner = TerraformRunner(
        str(terraform.directory), state_path=str(terraform.directory / "terraform.tfstate"), tf_bin=terraform_binary()
    )
    with pytest.MonkeyPatch.context() as process:
        for name, value in terraform.environment.items():
            process.setenv(name, value)
        state = runner.apply()
    return {name: output["value"] for name, output in state.outputs.items()}
