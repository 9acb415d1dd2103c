"""Measure all ways on the same data, alternating, and print a table and last one line of JSON.

Environment: ``BENCH_ITEMS`` (default 40,000), ``BENCH_RUNS`` (default 3), ``BENCH_WAYS`` (comma-separated, default all:
ours,reference,batch_writer,floor,reading), ``BENCH_CHECK=1`` to compare item by item what arrived (slow: the endpoint
parses everything).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.data import Dataset, generate
from benchmarks.report import WAYS, figures, table

ROOT = Path(__file__).resolve().parent.parent
Costs = dict[str, dict[str, float]]


def main() -> None:
    """Generate, run every way so many times, and report."""
    items, runs = int(os.environ.get("BENCH_ITEMS", "40000")), int(os.environ.get("BENCH_RUNS", "3"))
    ways = [way for way in os.environ.get("BENCH_WAYS", ",".join(WAYS)).split(",") if way]
    check = os.environ.get("BENCH_CHECK") == "1"
    with tempfile.TemporaryDirectory() as folder:
        dataset = generate(Path(folder), items, with_digest=check)
        print(f"{items:,} items, {dataset.json_bytes / 1e6:,.0f} MB of JSON, median of {runs} runs", flush=True)
        with _endpoint(dataset, check=check) as url:
            costs = _measure(dataset, url, ways, runs, check=check)
    print(table(dataset, costs))
    print(json.dumps(figures(dataset, costs)))


def _measure(dataset: Dataset, url: str, ways: list[str], runs: int, *, check: bool) -> Costs:
    taken: dict[str, list[dict[str, float]]] = defaultdict(list)
    for _ in range(runs):
        for way in ways:
            taken[way].append(_run(way, url, dataset))
            _expect_all(way, url, dataset, check=check)
            print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return {way: {name: median(one[name] for one in costs) for name in costs[0]} for way, costs in taken.items()}


def _run(way: str, url: str, dataset: Dataset) -> dict[str, float]:
    """Run one way in a process of its own, on a core of its own where the machine allows it."""
    arguments = json.dumps({"root": dataset.root, "data_keys": dataset.data_keys})
    finished = subprocess.run(
        [sys.executable, "-m", "benchmarks.ways", way, url, arguments, ",".join(map(str, _cores()[0]))],
        env=_environment(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    costs: dict[str, float] = json.loads(finished.stdout.splitlines()[-1])
    return costs


def _expect_all(way: str, url: str, dataset: Dataset, *, check: bool) -> None:
    """Stop if what arrived is not what was generated: speed without that means nothing."""
    with urllib.request.urlopen(f"{url}/_received") as answer:
        received = json.load(answer)
    expected = 0 if way == "reading" else dataset.items
    if received["items"] != expected or (check and expected and int(received["digest"], 16) != dataset.digest):
        raise SystemExit(f"{way} delivered {received['items']} items, not exactly the {expected} generated ones")


@contextmanager
def _endpoint(dataset: Dataset, *, check: bool) -> Iterator[str]:
    cores = ",".join(map(str, _cores()[1]))
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.endpoint", str(dataset.folder), "check" if check else "count", cores],
        env=_environment(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def _cores() -> tuple[list[int], list[int]]:
    """Return the cores for the client and for the endpoint: different ones, where there is more than one and Linux."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return (cores[:1], cores[1:]) if len(cores) > 1 else ([], [])


def _environment() -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("AWS_") and "proxy" not in name.lower()
    }
    return kept | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "lambda_src")])}


if __name__ == "__main__":
    main()
