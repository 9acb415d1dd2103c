"""Run Terraform from Python: in a copy of the module, so that the source tree stays as it is.

Examples
--------
>>> module = copy_module(Path("demo"))
>>> terraform = Terraform(module / "examples" / "complete", terraform_environment() | sandbox.environment)
>>> terraform.get()
>>> terraform.apply()
>>> terraform.outputs()["bucket"]
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.terraform_plugins import ROOT, terraform_binary, terraform_environment

__all__ = ["Terraform", "TerraformError", "copy_module", "terraform_environment"]

PARTS_OF_THE_MODULE = ("*.tf", "api", "dist", "examples", "modules", "templates", "tests/plan/*.tftest.hcl")
NOT_COPIED = shutil.ignore_patterns(".terraform*", "*.tfstate*", "__pycache__")


class TerraformError(RuntimeError):
    """A Terraform command failed; the message holds the command and everything that Terraform said."""


@dataclass(frozen=True)
class Terraform:
    """Terraform in one directory.

    Parameters
    ----------
    directory
        the root configuration.
    environment
        the whole environment of the commands; see `terraform_environment`.
    variables
        input variables of the configuration; values that are not strings are given as JSON.
    """

    directory: Path
    environment: Mapping[str, str]
    variables: Mapping[str, object] = field(default_factory=dict)

    def get(self) -> None:
        """Install the modules, those of tests included. The provider needs no init: see `terraform_plugins`."""
        self.run("get", "-test-directory=tests/plan")

    def apply(self) -> None:
        """Create or change what the configuration says."""
        self.run("apply", "-auto-approve", *self._variables())

    def destroy(self) -> None:
        """Delete everything in the state."""
        self.run("destroy", "-auto-approve", *self._variables())

    def planned_changes(self) -> dict[str, list[str]]:
        """Return what a plan would do, as actions by resource address, output changes included; empty means nothing."""
        plan = self.directory / "changes.tfplan"
        self.run("plan", f"-out={plan.name}", *self._variables())
        shown = json.loads(self.run("show", "-json", plan.name))
        changes = {change["address"]: change["change"]["actions"] for change in shown.get("resource_changes", [])}
        changes |= {f"output.{name}": change["actions"] for name, change in shown.get("output_changes", {}).items()}
        return {address: actions for address, actions in changes.items() if actions not in (["no-op"], ["read"])}

    def outputs(self) -> dict[str, Any]:
        """Return the values of all outputs."""
        return {name: output["value"] for name, output in json.loads(self.run("output", "-json")).items()}

    def addresses(self) -> list[str]:
        """Return the addresses of everything in the state."""
        return self.run("state", "list").split()

    def run(self, command: str, *arguments: str) -> str:
        """Run one command and return its standard output.

        Raises
        ------
        TerraformError
            it failed.
        """
        quiet = ["-no-color", "-input=false"] if command in {"init", "plan", "apply", "destroy"} else []
        done = subprocess.run(
            [terraform_binary(), command, *quiet, *arguments],
            cwd=self.directory,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise TerraformError(f"terraform {command} failed in {self.directory}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def _variables(self) -> list[str]:
        return [
            f"-var={name}={value if isinstance(value, str) else json.dumps(value)}"
            for name, value in self.variables.items()
        ]


def copy_module(destination: Path) -> Path:
    """Copy the module with its examples, package and plan tests into a directory and return it."""
    for pattern in PARTS_OF_THE_MODULE:
        for source in sorted(ROOT.glob(pattern)):
            target = destination / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=NOT_COPIED, dirs_exist_ok=True)
            else:
                shutil.copy(source, target)
    return destination
