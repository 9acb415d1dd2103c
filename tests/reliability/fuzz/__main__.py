"""Coverage-guided fuzzing of everything that reads: ``make fuzz``.

One target after another runs in a process of its own (``engine``), from the committed inputs and from what earlier
runs found (``build/fuzz``). With ``--replay FILE`` a kept input is given to its target once more, without atheris.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.reliability.fuzz.oracle import read_inputs
from tests.reliability.fuzz.targets import TARGETS
from tests.reliability.summary import print_summary

BUILD = Path("build/fuzz")
INPUT_SECONDS = 10
MOST_MEMORY_MB = 1024
_STATUS = re.compile(r"#(\d+)\t.*? cov: (\d+)")
_DONE = re.compile(r"Done (\d+) runs in (\d+) second")


@dataclass
class Run:
    """What became of one target. ``failed`` are the kept inputs."""

    name: str
    executions: int = 0
    edges: int = 0
    seconds: int = 0
    failed: tuple[Path, ...] = ()


def main(arguments: list[str] | None = None) -> int:
    """Fuzz the targets, or replay one input; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.fuzz", description="Fuzz everything that reads.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; default all")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="give this input to its target once more")
    options = parser.parse_args(arguments)
    if options.replay:
        replay(options.replay)
        return 0
    if sys.platform != "linux":
        print(
            "Fuzzing needs atheris, which there is for Linux on x86-64 alone; `make test` tries the committed inputs."
        )
        return 1
    runs = [fuzz(name, options.seconds) for name in options.targets or TARGETS]
    rows = [
        (run.name, run.executions, run.edges, round(run.executions / max(run.seconds, 1)), len(run.failed))
        for run in runs
    ]
    print_summary(
        f"Fuzzing, {options.seconds} s for each target",
        ("target", "executions", "coverage edges", "executions/s", "crashes"),
        rows,
    )
    for run in runs:
        for path in run.failed:
            print(f"{described(path)}\n    {sys.executable} -m tests.reliability.fuzz --replay {path}")
    return 1 if any(run.failed for run in runs) else 0


def fuzz(name: str, seconds: int) -> Run:
    """Fuzz one target."""
    corpus, crashes = BUILD / "corpus" / name, BUILD / "crashes"
    for folder in (corpus, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(read_inputs(name)):
        (corpus / f"committed-{number:03}").write_bytes(data)
    for old in crashes.glob(f"{name}-*"):
        old.unlink()
    limits = [f"-max_total_time={seconds}", f"-timeout={INPUT_SECONDS}", f"-rss_limit_mb={MOST_MEMORY_MB}"]
    flags = [*limits, f"-artifact_prefix={crashes}/{name}-"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.reliability.fuzz.engine", name, str(crashes), *flags, str(corpus)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((".", "lambda_src", "cli/src"))},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    run = read_output(name, done.stdout)
    run.failed = tuple(sorted(path for path in crashes.glob(f"{name}-*") if path.suffix != ".json"))
    if done.returncode and not run.failed:
        raise SystemExit(f"{done.stdout[-4000:]}\nThe target {name} ended with {done.returncode}; see above.")
    return run


def read_output(name: str, output: str) -> Run:
    """Read from libFuzzer's own lines how often the target was executed, and how much of the product was reached."""
    status, done = _STATUS.findall(output), _DONE.findall(output)
    executions = int(done[-1][0]) if done else int(status[-1][0]) if status else 0
    return Run(
        name,
        executions,
        max((int(edges) for _, edges in status), default=0),
        int(done[-1][1]) if done else INPUT_SECONDS,
    )


def described(path: Path) -> str:
    """Return in one line what a kept input does."""
    notes = path.with_name(f"{path.name}.json")
    if not notes.exists():
        return f"{path.name}: it hung, took too much memory, or killed the process"
    known = json.loads(notes.read_text(encoding="utf-8"))
    return f"{path.name}: {known['place']}: {known['error']}"


def replay(path: Path) -> None:
    """Give a kept input to the target that its name begins with; whatever it raises comes out."""
    target = TARGETS[path.name.partition("-")[0]]
    target.check(path.read_bytes())
    print(f"{path}: {target.name} refuses or reads it, as documented")


if __name__ == "__main__":
    sys.exit(main())
