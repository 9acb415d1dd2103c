"""`make demo`: its story, told of the example that is applied here, as the demo applies it.

A minute of it is Terraform waiting, and most of what it costs is the apply. So `make test` tells the story in this
process, of the deployment that other tests look at, with 200 items a table; that the demo starts by itself, applies
and leaves nothing behind shows test_demo_failures.py, where one is interrupted. `make long` runs it whole, as a
newcomer does.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from contextlib import nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

import sandbox
from scripts.demo import __main__ as program
from scripts.demo.story import ITEMS_PER_TABLE
from scripts.terraform_plugins import ROOT
from scripts.warm_provider import LESS_COLLECTING
from tests.apply.conftest import AppliedExample
from tests.apply.test_examples import examples
from tests.apply.traces import left_by_terraform, processes_with

ITEMS = 200


@dataclass(frozen=True)
class Ended:
    """A demo that has ended."""

    items: int
    """Of each of its tables."""
    exit_code: int
    output: str
    errors: str
    temporary: Path
    """The directory for temporary files that it had for itself."""
    new_in_tree: set[Path]
    """What Terraform leaves in a directory, where it was not before."""


@pytest.fixture(scope="module")
def told(example: AppliedExample, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """The demo in this process, with the sandbox and the deployment that are there."""
    temporary, before = tmp_path_factory.mktemp("demo"), left_by_terraform()
    for name in example.outputs["tables"].values():
        example.empty(name)
    example.aws.exports.configure(seconds=0)
    output, errors = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(output), redirect_stderr(errors):
        patch.setenv("COLUMNS", "80")
        patch.setattr(tempfile, "tempdir", str(temporary))
        patch.setattr(sandbox, "start", lambda: nullcontext(example.aws))
        patch.setattr(program, "deploy", lambda *_: nullcontext(example.deployment))
        exit_code = program.main([f"--items={ITEMS}"])
    return Ended(ITEMS, exit_code, output.getvalue(), errors.getvalue(), temporary, left_by_terraform() - before)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """The demo in a process of its own, as a newcomer runs it."""
    temporary, before = tmp_path_factory.mktemp("demo"), left_by_terraform()
    done = subprocess.run(
        [sys.executable, "-m", "scripts.demo"],
        cwd=ROOT,
        env=os.environ
        | LESS_COLLECTING
        | {"TMPDIR": str(temporary), "PYTHONPATH": "lambda_src", "TF_VAR_environment": "mine", "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    new = left_by_terraform() - before
    return Ended(ITEMS_PER_TABLE, done.returncode, done.stdout, done.stderr, temporary, new)


class Promises:
    """What a demo that succeeds shows and leaves."""

    def test_it_succeeds_and_says_so_in_its_last_line(self, demo: Ended) -> None:
        last = demo.output.splitlines()[-1]

        assert (demo.exit_code, demo.errors) == (0, ""), demo.output + demo.errors
        assert re.fullmatch(rf"DEMO OK: 3 tables, {3 * demo.items} items, restored identical in \d+\.\d s", last)

    def test_it_tells_every_step_in_order(self, demo: Ended) -> None:
        steps = re.findall(r"^ *\d+\.\d s +(\d+)\. (\w+)", demo.output, re.MULTILINE)

        assert [int(number) for number, _ in steps] == list(range(1, 12))
        assert [word for _, word in steps[3:]] == [
            "Fill",
            "Wait",
            "Back",
            "Damage",
            "Dry",
            "Restore",
            "Compare",
            "Stop",
        ]

    def test_it_shows_the_events_that_it_sent(self, demo: Ended) -> None:
        assert '      event     {"detail-type": "Scheduled Event",' in demo.output
        assert 'event     {"dry_run": true, "clear_existing_data": true}\n' in demo.output
        assert 'event     {"clear_existing_data": true}\n' in demo.output

    def test_it_restores_what_it_damaged(self, demo: Ended) -> None:
        fifth, tenth = demo.items // 5, demo.items // 10
        shown = " ".join(demo.output.split())

        assert shown.count(f"{fifth} deleted {fifth} overwritten {tenth} added") == 3
        assert shown.count(f"COMPLETED {demo.items} written {tenth} deleted") == 3
        assert shown.count(f"{demo.items} items identical") == 3

    def test_it_reads_well_in_a_terminal_of_80_columns(self, demo: Ended) -> None:
        assert [
            line for line in demo.output.splitlines() if len(line) > 80 or "\x1b" in line or line != line.rstrip()
        ] == []

    def test_it_leaves_no_file(self, demo: Ended) -> None:
        assert (list(demo.temporary.iterdir()), demo.new_in_tree) == ([], set())

    def test_it_leaves_no_process(self, demo: Ended) -> None:
        assert list(processes_with(str(demo.temporary))) == []


@examples("complete")
class TestToldOfWhatIsApplied(Promises):
    @pytest.fixture
    def demo(self, told: Ended) -> Ended:
        return told


@pytest.mark.long
@pytest.mark.xdist_group("demo")
class TestRunByANewcomer(Promises):
    @pytest.fixture
    def demo(self, run: Ended) -> Ended:
        return run
