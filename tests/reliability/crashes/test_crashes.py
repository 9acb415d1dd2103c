"""A part of the crash matrix, always the same; `make crashes` tries all of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

KILLS_OF_A_USE_CASE = 1


OTHERS = "restore test,|off-site,|legal hold,|audit,|on-demand backup,|HTTP API,"


@pytest.mark.parametrize("use_cases", ["backup, ", "restore,", "state machine,|undo,|verify,", OTHERS])
def test_whatever_call_was_the_last_one_the_next_invocation_ends_it_well(repo_root: Path, use_cases: str) -> None:
    # In a process of its own: its time and its account are not those of other tests, and it copies itself.
    matrix = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-m", "tests.reliability.crashes"),
            *("--only", use_cases, "--most", str(KILLS_OF_A_USE_CASE)),
        ],
        cwd=repo_root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert matrix.returncode == 0, matrix.stdout + matrix.stderr
