"""The checks of ``make lint``, as tests: a tree that fails one of them is not finished.

The types are left to ``make lint`` and ``make long``: they cost more than all other tests of the repository together.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["ruff", "check"], id="ruff check"),
        pytest.param(["ruff", "format", "--check"], id="ruff format"),
        pytest.param(["mypy"], id="mypy --strict", marks=pytest.mark.long),
        pytest.param(["lint-imports"], id="arrows between the rooms"),
    ],
)
def test_the_whole_tree_passes(command: list[str], repo_root: Path) -> None:
    tool, *arguments = command
    environment = os.environ | {"PYTHONPATH": str(repo_root / "lambda_src"), "NO_COLOR": "1"}
    finished = subprocess.run(
        [TOOLS / tool, *arguments], cwd=repo_root, env=environment, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, f"{finished.stdout}\n{finished.stderr}"
