"""A copy of the module in which Terraform may write; the source tree stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.terraform_cli import Terraform, copy_module, terraform_environment
from scripts.warm_provider import warm_provider


@pytest.fixture(scope="session")
def copied_module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the module."""
    return copy_module(tmp_path_factory.mktemp("module"))


@pytest.fixture(scope="session")
def environment(copied_module: Path) -> Iterator[dict[str, str]]:
    """Terraform's environment, with provider processes that all plans here share."""
    with warm_provider(copied_module, terraform_environment()) as environment:
        yield environment


@pytest.fixture(scope="session")
def root_module(copied_module: Path, environment: dict[str, str]) -> Terraform:
    terraform = Terraform(copied_module, environment)
    terraform.get()
    return terraform
