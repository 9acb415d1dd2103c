"""`make demo` as a newcomer runs it, once, in a process of its own; a minute of it is Terraform waiting.

Here its tables have 200 items each; `make long` plays it once more with as many as the newcomer gets.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.demo.story import ITEMS_PER_TABLE
from scripts.terraform_plugins import ROOT
from scripts.warm_provider import LESS_COLLECTING

pytestmark = pytest.mark.xdist_group("demo")  # it runs once, beside the other groups

PROCESSES = Path("/proc")
TERRAFORM_LEAVES = (".terraform", ".terraform.lock.hcl", "terraform.tfstate", "demo.auto.tfvars.json")


@dataclass(frozen=True)
class Ended:
    """A demo that has ended."""

    items: int
    """Of each of its tables."""
    exit_code: int
    output: str
    errors: str
    temporary: Path
    """The TMPDIR that it had for itself."""
    new_in_tree: set[Path]
    """What Terraform leaves in a directory, where it was not before."""


@pytest.fixture(scope="module", params=[200, pytest.param(ITEMS_PER_TABLE, marks=pytest.mark.long)])
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    temporary, before = tmp_path_factory.mktemp("demo"), _left_by_terraform()
    done = subprocess.run(
        [sys.executable, "-m", "scripts.demo", f"--items={request.param}"],
        cwd=ROOT,
        env=os.environ
        | LESS_COLLECTING
        | {"TMPDIR": str(temporary), "PYTHONPATH": "lambda_src", "TF_VAR_environment": "mine", "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    return Ended(request.param, done.returncode, done.stdout, done.stderr, temporary, _left_by_terraform() - before)


def test_it_succeeds_and_says_so_in_its_last_line(demo: Ended) -> None:
    last = demo.output.splitlines()[-1]

    assert (demo.exit_code, demo.errors) == (0, ""), demo.output + demo.errors
    assert re.fullmatch(rf"DEMO OK: 3 tables, {3 * demo.items} items, restored identical in \d+\.\d s", last)


def test_it_tells_every_step_in_order(demo: Ended) -> None:
    steps = re.findall(r"^ *\d+\.\d s +(\d+)\. (\w+)", demo.output, re.MULTILINE)

    assert [int(number) for number, _ in steps] == list(range(1, 12))
    assert [word for _, word in steps[3:]] == ["Fill", "Wait", "Back", "Damage", "Dry", "Restore", "Compare", "Stop"]


def test_it_shows_the_events_that_it_sent(demo: Ended) -> None:
    assert '      event     {"detail-type": "Scheduled Event",' in demo.output
    assert 'event     {"dry_run": true, "clear_existing_data": true}\n' in demo.output
    assert 'event     {"clear_existing_data": true}\n' in demo.output


def test_it_restores_what_it_damaged(demo: Ended) -> None:
    fifth, tenth = demo.items // 5, demo.items // 10
    shown = " ".join(demo.output.split())

    assert shown.count(f"{fifth} deleted {fifth} overwritten {tenth} added") == 3
    assert shown.count(f"COMPLETED {demo.items} written {tenth} deleted") == 3
    assert shown.count(f"{demo.items} items identical") == 3


def test_it_reads_well_in_a_terminal_of_80_columns(demo: Ended) -> None:
    assert [
        line for line in demo.output.splitlines() if len(line) > 80 or "\x1b" in line or line != line.rstrip()
    ] == []


def test_it_leaves_no_file(demo: Ended) -> None:
    assert (list(demo.temporary.iterdir()), demo.new_in_tree) == ([], set())


@pytest.mark.skipif(not PROCESSES.is_dir(), reason="finds processes by their environment in /proc, as Linux has it")
def test_it_leaves_no_process(demo: Ended) -> None:
    assert list(_processes_with(str(demo.temporary))) == []


def _left_by_terraform() -> set[Path]:
    return {path for place in ("", "examples/*/") for name in TERRAFORM_LEAVES for path in ROOT.glob(place + name)}


def _processes_with(text: str) -> Iterator[str]:
    """Yield the command lines of all processes in whose environment a text occurs: each inherits the demo's TMPDIR."""
    for process in PROCESSES.glob("[0-9]*"):
        try:
            if text.encode() in (process / "environ").read_bytes():
                yield (process / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue  # ended meanwhile, or another user's
