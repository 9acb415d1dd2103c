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
from tests.reliability.chaos.seeds import plan_of

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
    chaos = subprocess.run(
        [sys.executable, "-m", "tests.reliability.chaos", "--seed", str(SEEDS.stop), "--runs", "2", "--workers", "2"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": ".:lambda_src"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert chaos.returncode == 0, chaos.stdout + chaos.stderr
    assert re.search(r"broken promises +0\b", chaos.stdout)


def test_a_seed_is_the_same_run_whoever_asks() -> None:
    """Hypothesis takes constants from loaded modules: what failed in pytest must be the same run in ``make chaos``."""
    alone = "from tests.reliability.chaos.seeds import plan_of; print(plan_of(7).content, plan_of(7))"
    printed = subprocess.run(
        [sys.executable, "-c", alone], cwd=ROOT, env={"PYTHONPATH": ".:lambda_src"}, capture_output=True, check=True
    ).stdout.decode()
    assert printed == f"{plan_of(7).content} {plan_of(7)}\n"
