"""A copy of the module in which Terraform may write; the source tree stays as it is."""

from __future__ import annotations

import pytest

from scripts.terraform_cli import Terraform, copy_module, terraform_environment


@pytest.fixture(scope="session")
def root_module(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    terraform = Terraform(copy_module(tmp_path_factory.mktemp("module")), terraform_environment())
    terraform.get()
    return terraform
