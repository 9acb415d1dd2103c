"""``make scale``: every rehearsal at its full size and at half of it, and a table of what it took.

Each is done in a process of its own. One of them: ``PYTHONPATH=lambda_src python -m tests.reliability.scale list 500``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.conftest import ROOT
from tests.reliability.scale.measure import measured
from tests.reliability.scale.rehearsals import REHEARSALS
from tests.reliability.summary import print_summary

COLUMNS = ("rehearsal", "n", "requests", "CPU s", "growth", "peak MB", "largest payload", "of it", "limit")
LEAST_SECONDS = 2.0
"""Below that, what a process takes in any case hides how it grows."""


def main(words: list[str]) -> int:
    """Rehearse what is named at the size that is given, or everything; return 1 if something outgrows its limit."""
    if words:
        json.dump(measured(words[0], int(words[1])), sys.stdout)
        return 0
    rows, faults = [], []
    for name, rehearsal in REHEARSALS.items():
        half, whole = (in_a_process(name, size) for size in (rehearsal.size // 2, rehearsal.size))
        growth = whole["cpu_seconds"] / max(half["cpu_seconds"], 0.01)
        faults += faults_of(name, half, whole, growth)
        kinds = whole["payloads"].items()
        what, (size, limit) = max(kinds, key=lambda one: one[1][0] / one[1][1], default=("none", (0, 0)))
        cost = (whole["requests"], f"{whole['cpu_seconds']:.1f}", f"{growth:.1f}", whole["peak_mb"])
        rows.append((name, f"{rehearsal.size:,} {rehearsal.of}", *cost, what, size, limit))
        print(f"{name}: {json.dumps(whole)}", flush=True)
    print_summary("Scale", COLUMNS, rows)
    for fault in faults:
        print(f"TOO MUCH: {fault}")
    return 1 if faults else 0


def in_a_process(name: str, size: int) -> dict[str, Any]:
    """Rehearse in a fresh process, so that nothing of another one is in its memory."""
    command = [sys.executable, "-m", "tests.reliability.scale", name, str(size)]
    said = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    answer: dict[str, Any] = json.loads(said)
    return answer


def faults_of(name: str, half: dict[str, Any], whole: dict[str, Any], growth: float) -> list[str]:
    """Return what is larger than AWS takes, or grows faster than what it is about."""
    rehearsal = REHEARSALS[name]
    found = [
        f"{name}: {what} has {size:,} of {limit:,}" for what, (size, limit) in whole["payloads"].items() if size > limit
    ]
    if whole["peak_mb"] > rehearsal.memory_mb:
        found.append(f"{name}: {whole['peak_mb']} MB, and the function has {rehearsal.memory_mb}")
    if whole["cpu_seconds"] > LEAST_SECONDS and growth > rehearsal.growth:
        found.append(f"{name}: twice the size takes {growth:.1f} times the CPU time")
    most = rehearsal.growth_of_bytes or rehearsal.growth
    if half["moved_bytes"] and whole["moved_bytes"] / half["moved_bytes"] > most:
        found.append(f"{name}: {half['moved_bytes']:,} bytes, and for twice the size {whole['moved_bytes']:,}")
    if half["requests"] and whole["requests"] / half["requests"] > rehearsal.growth:
        found.append(f"{name}: {half['requests']} requests, and for twice the size {whole['requests']}")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
