"""The Terraform files themselves: formatted, valid in each root, and described."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from scripts.terraform_cli import Terraform, terraform_environment
from scripts.terraform_plugins import terraform_binary

EXAMPLES = sorted(path.name for path in Path(__file__).resolve().parents[2].glob("examples/*") if path.is_dir())


def test_formatted(repo_root: Path) -> None:
    parts = ["main.tf", "modules", "examples", "tests"]
    done = subprocess.run(
        [terraform_binary(), "fmt", "-check", "-diff", "-recursive", *parts],
        cwd=repo_root,
        env=terraform_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"Run `make format`.\n{done.stdout}{done.stderr}"


# What tests/apply applies in each run, and the module, which test_terraform_tests.py plans, make long validates, too.
ALSO_APPLIED = {"complete", "disaster_recovery", "http_api"}


@pytest.mark.parametrize(
    "directory",
    [
        pytest.param(".", marks=pytest.mark.long),
        *(
            pytest.param(f"examples/{name}", marks=[pytest.mark.long] if name in ALSO_APPLIED else [])
            for name in EXAMPLES
        ),
    ],
)
def test_valid(directory: str, root_module: Terraform) -> None:
    terraform = Terraform(root_module.directory / directory, root_module.environment)
    terraform.get()
    said = json.loads(terraform.run("validate", "-json"))
    assert said["valid"]
    # The one warning is about the provider's override, which the tests use to find it.
    assert [found["summary"] for found in said["diagnostics"]] in ([], ["Provider development overrides are in effect"])


@pytest.mark.parametrize(
    "directory", [".", "modules/function", "modules/on_demand_backup", *(f"examples/{name}" for name in EXAMPLES)]
)
def test_every_variable_and_output_is_described(directory: str, repo_root: Path) -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((repo_root / directory).glob("*.tf")))
    blocks = re.findall(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', text, re.MULTILINE | re.DOTALL)
    assert [f"{kind} {name}" for kind, name, body in blocks if not body.startswith("  description = ")] == []
    assert len(blocks) == len(re.findall(r"^(?:variable|output) ", text, re.MULTILINE))


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_explains_itself(name: str, repo_root: Path) -> None:
    example = repo_root / "examples" / name
    assert {path.name for path in example.iterdir()} >= {"README.md", "main.tf", "outputs.tf", "versions.tf"}
    assert "terraform apply" in (example / "README.md").read_text(encoding="utf-8")


def test_every_module_runs_its_functions_with_the_same_powertools(repo_root: Path) -> None:
    sources = [repo_root / "package.tf", *repo_root.glob("modules/*/*.tf")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    assert len(set(re.findall(r'powertools_version += "(.*)"', text))) == 1


def test_every_root_takes_the_versions_that_the_module_takes(repo_root: Path) -> None:
    def versions(path: Path) -> list[str]:
        return re.findall(r"^ *(?:required_version|version) *= *(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)

    asked = {
        str(path.parent): versions(path) for path in repo_root.glob("**/versions.tf") if ".terraform" not in path.parts
    }
    assert set(map(tuple, asked.values())) == {('">= 1.9"', '">= 5.100, < 7"')}
