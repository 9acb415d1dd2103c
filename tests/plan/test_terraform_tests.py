"""Runs ``terraform test`` on the ``*.tftest.hcl`` files beside this one: what a plan by the real provider holds.

A run takes two CPU-seconds, for Terraform's graphs, however much it looks at. So each of them plans a module with many
inputs that leave each other alone, and asks all about them; a comment above each group of questions says what it shows.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.terraform_cli import Terraform, TerraformError

DIRECTORY = Path(__file__).parent
FILES = sorted(path.name for path in DIRECTORY.glob("*.tftest.hcl"))


# Shows with more of the same what another file shows; what it says itself names that file.
LONG = {"three_hundred_tables.tftest.hcl"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] if name in LONG else []) for name in FILES]
)
def test_plan_holds_what_it_should(name: str, root_module: Terraform) -> None:
    try:
        said = root_module.run("test", "-no-color", "-test-directory=tests/plan", f"-filter=tests/plan/{name}")
    except TerraformError as error:
        pytest.fail(str(error), pytrace=False)
    # Terraform calls it a success when no test ran, for example because the directory is another.
    assert passed(said) == (DIRECTORY / name).read_text(encoding="utf-8").count('\nrun "') > 0, said


def test_files_are_found() -> None:
    assert len(FILES) >= 6


def test_a_run_of_no_test_is_not_taken_for_a_success() -> None:
    assert passed("Success! 0 passed, 0 failed.") == 0
    assert passed("Success! 3 passed, 0 failed.") == 3


def passed(output: str) -> int:
    """Return how many runs Terraform says have passed."""
    said = re.search(r"^Success! (\d+) passed, 0 failed\.$", output, re.MULTILINE)
    assert said is not None, output
    return int(said[1])
