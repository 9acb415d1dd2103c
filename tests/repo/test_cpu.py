"""What a run of tests says that it cost is what its processes used, also those that still run."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cpu import PROCESSES, spent

BURN = "import time\nwhile time.process_time() < 0.4: pass\nprint(flush=True)\ninput()"


@pytest.mark.skipif(not PROCESSES.exists(), reason="running processes are counted on Linux alone")
def test_a_child_is_counted_once_while_it_runs_and_after() -> None:
    before, own = spent(), spent(alone=True)
    command = [sys.executable, "-I", "-c", BURN]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        running = spent() - before
        child.communicate(b"\n")
    ended, alone = spent() - before, spent(alone=True) - own
    assert running - alone > 0.35
    # The clock of /proc ticks in hundredths of a second; the end of an interpreter takes a few.
    assert running - 0.03 <= ended < running + 0.3
    assert alone < 0.35
