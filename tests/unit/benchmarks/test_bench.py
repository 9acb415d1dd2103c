"""The benchmark compares what delivers the same: each way exactly the generated items, at any size."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.report import WAYS

OF_OURS = {"peak_mb_over_baseline", "verify_items_per_cpu_second", "write_items_per_cpu_second"}
KEYS = {
    "ratio_to_reference",
    "ratio_to_batch_writer",
    "ratio_to_floor",
    "ratio_whole_restore_to_reference",
    "peak_mb_over_baseline",
    "verify_items_per_cpu_second",
    "write_items_per_cpu_second",
    "fingerprint_items_per_cpu_second",
    "scan_ratio_to_boto3",
}


@pytest.mark.parametrize(
    ("ways", "keys"),
    [
        pytest.param("ours", OF_OURS, id="ours"),
        pytest.param(",".join(WAYS), KEYS, id="all", marks=pytest.mark.long),  # each takes a process
    ],
)
def test_every_way_delivers_exactly_the_generated_items_and_the_last_line_is_json(
    repo_root: Path, ways: str, keys: set[str]
) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "benchmarks"],
        cwd=repo_root,
        env=os.environ | {"BENCH_ITEMS": "300", "BENCH_RUNS": "1", "BENCH_CHECK": "1", "BENCH_WAYS": ways},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr + finished.stdout
    figures = json.loads(finished.stdout.splitlines()[-1])
    assert set(figures) == keys
    assert all(value > 0 for value in figures.values())
