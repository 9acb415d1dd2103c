"""One use case of each kind, killed in its middle; `make crashes` kills all of them, at each of their calls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

USE_CASES = (
    "backup, full (started by hand)",
    "backup, incremental",
    "backup, scan",
    "restore, mirror (in short turns)",
    "restore, import (in short turns)",
    "state machine, create_missing_tables",
    "undo, a window (in short turns)",
    "verify, stored",
    "restore test, one table (in short turns)",
    "off-site, copy",
    "legal hold, on",
    "on-demand backup, begun",
    "HTTP API, start",
)


def test_whatever_call_was_the_last_one_the_next_invocation_ends_it_well(repo_root: Path) -> None:
    # In a process of its own: its time and its account are not those of other tests, and it copies itself.
    matrix = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-m", "tests.reliability.crashes"),
            *("--most", "1", "--only", "|".join(USE_CASES)),
        ],
        cwd=repo_root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert matrix.returncode == 0, matrix.stdout + matrix.stderr
    assert matrix.stdout.count(" 1 kills, 0 failures") == len(USE_CASES)
