"""Some runs of the chaos suite; ``make chaos`` makes many more. A failure says how to replay it."""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator

import pytest

from sandbox import Sandbox
from tests.conftest import ROOT
from tests.reliability.chaos.invoking import impatient_clients
from tests.reliability.chaos.runs import play
from tests.reliability.chaos.seeds import fingerprint

# One worker plays them all: each that does makes its clients anew. It begins early, because it has so many.
pytestmark = pytest.mark.xdist_group("chaos")

SEEDS = range(1, 24)


@pytest.fixture(scope="module", autouse=True)
def impatience() -> Iterator[None]:
    with impatient_clients():
        yield
    # What was killed left connections behind; whoever met their ResourceWarning later would fail for it.
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_backup_and_its_restore_keep_their_promises_whatever_goes_wrong(running_sandbox: Sandbox, seed: int) -> None:
    play(running_sandbox, seed)


def test_the_long_run_plays_some_at_a_time_and_ends_with_its_tables() -> None:
    """And a seed is the same run whoever asks: hypothesis takes constants from whatever modules are loaded."""
    seeds = range(SEEDS.stop, SEEDS.stop + 2)
    chaos = subprocess.run(
        [sys.executable, "-m", "tests.reliability.chaos", "--seed", str(seeds.start), "--runs", "2", "--workers", "2"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": ".:lambda_src"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert chaos.returncode == 0, chaos.stdout + chaos.stderr
    assert re.search(r"broken promises +0\b", chaos.stdout)
    assert f"plans {fingerprint(seeds)}\n" in chaos.stdout
