"""The functions run on Lambda's Python and on the oldest one supported, where this machine has them.

Each run shows that the oldest Python takes every module and builds the same package; mypy, which ``make lint`` tells of
that Python, sees what its library lacks. The unit tests themselves run on it in ``make long``: they need an environment
of their own, and cost as much again.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

# One worker runs them all, so that an environment is installed once.
pytestmark = pytest.mark.xdist_group("other pythons")

SUPPORTED = ["3.11", "3.13"]
OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
FOREIGN = ("PYTEST_", "PYTHON", "VIRTUAL_ENV")
IMPORT_EVERYTHING = """
import importlib, pathlib, sys
paths = [path.relative_to("lambda_src") for path in pathlib.Path("lambda_src").rglob("*.py")]
names = [".".join(path.with_suffix("").parts) for path in paths]
for name in sorted(names):
    importlib.import_module(name.removesuffix(".__init__"))
print(len(names))
"""


def run(repo_root: Path, *command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return subprocess.run(
        command,
        cwd=repo_root,
        env=own | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module", params=[version for version in SUPPORTED if version != OWN])
def other_python(request: pytest.FixtureRequest, repo_root: Path) -> Path:
    """Another Python with nothing installed."""
    found = run(repo_root, "scripts/find_python.sh", request.param)
    if found.returncode != 0:
        pytest.skip(found.stdout.strip())
    return Path(found.stdout.strip())


@pytest.fixture
def environment(other_python: Path, repo_root: Path) -> Path:
    """An environment of it with the same lock installed."""
    version = run(repo_root, other_python, "-c", "import sys; print(*sys.version_info[:2], sep='.')").stdout.strip()
    directory = repo_root / f".venv-{version}"
    installed = run(repo_root, other_python, "scripts/install_tools.py", directory, "requirements-dev.txt")
    assert installed.returncode == 0, installed.stdout
    return directory


def test_every_module_is_imported(other_python: Path, repo_root: Path) -> None:
    # What the functions have in AWS is pure Python, so another Python can take it from this one's environment.
    installed = os.pathsep.join(["lambda_src", sysconfig.get_path("purelib")])
    finished = run(
        repo_root, other_python, "-c", IMPORT_EVERYTHING, PYTHONPATH=installed, PYTHONPYCACHEPREFIX=os.devnull
    )
    modules = len(list((repo_root / "lambda_src").rglob("*.py")))
    assert finished.stdout == f"{modules}\n"


def test_the_same_package_is_built(other_python: Path, repo_root: Path) -> None:
    finished = run(repo_root, other_python, "-m", "scripts.build_dist", "--check", "--function")
    assert finished.returncode == 0, finished.stdout


@pytest.mark.long
def test_the_unit_tests_pass(environment: Path, repo_root: Path) -> None:
    python = environment / "bin" / "python"
    finished = run(
        repo_root, python, "-m", "pytest", "-q", "-p", "no:terraform", "-p", "no:cacheprovider", "tests/unit"
    )
    assert finished.returncode == 0, finished.stdout
