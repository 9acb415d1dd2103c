"""Bombs, floods and depths are refused in bounded memory and time: every one, in a process that may take no more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded by Linux's means")
def test_hostile_inputs(repo_root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.reliability.fuzz.hostile"],
        cwd=repo_root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((".", "lambda_src", "cli/src"))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"input"')]
    assert len(told) > 500
    assert [one for one in told if one["ended"] != "as documented"] == []
