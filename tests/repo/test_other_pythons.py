"""The functions run on Lambda's Python and on the oldest one supported, where this machine has them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# One worker runs them all, so that an environment is installed once.
pytestmark = pytest.mark.xdist_group("other pythons")

SUPPORTED = ["3.11", "3.13"]
OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
FOREIGN = ("PYTEST_", "PYTHON", "VIRTUAL_ENV")


def run(repo_root: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return subprocess.run(
        command,
        cwd=repo_root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module", params=[version for version in SUPPORTED if version != OWN])
def other_python(request: pytest.FixtureRequest, repo_root: Path) -> Path:
    """An environment of another Python with the same lock installed."""
    found = run(repo_root, "scripts/find_python.sh", request.param)
    if found.returncode != 0:
        pytest.skip(found.stdout.strip())
    environment = repo_root / f".venv-{request.param}"
    installed = run(repo_root, found.stdout.strip(), "scripts/install_tools.py", environment, "requirements-dev.txt")
    assert installed.returncode == 0, installed.stdout
    return environment / "bin" / "python"


def test_the_unit_tests_pass(other_python: Path, repo_root: Path) -> None:
    finished = run(
        repo_root, other_python, "-m", "pytest", "-q", "-p", "no:terraform", "-p", "no:cacheprovider", "tests/unit"
    )
    assert finished.returncode == 0, finished.stdout


def test_the_same_package_is_built(other_python: Path, repo_root: Path) -> None:
    finished = run(repo_root, other_python, "-m", "scripts.build_dist", "--check", "--function")
    assert finished.returncode == 0, finished.stdout
