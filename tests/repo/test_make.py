"""``make`` explains itself, and says in one sentence what a machine lacks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


def run(repo_root: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # A make that runs the tests tells its children through these, and they would talk about directories.
    inherited = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    return subprocess.run(
        command, cwd=repo_root, env=inherited | environment, capture_output=True, text=True, check=False
    )


def test_make_alone_lists_every_target_that_people_run(repo_root: Path) -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (repo_root / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    listed = re.findall(r"^  make (\w+) +\S", run(repo_root, "make").stdout, re.MULTILINE)
    assert sorted(listed) == sorted(set(phony[1].split()) - {"terraform"})


def test_a_machine_without_terraform_is_told_what_to_install(repo_root: Path, tmp_path: Path) -> None:
    location = subprocess.run(["/bin/sh", "-c", "command -v make"], capture_output=True, text=True, check=True)
    (tmp_path / "make").symlink_to(location.stdout.strip())
    finished = run(repo_root, "make", "terraform", PATH=str(tmp_path))
    assert finished.returncode != 0
    assert finished.stdout.startswith("Terraform 1.9 or newer is needed and not on PATH")
    assert finished.stdout.count("\n") == 1


def test_the_chosen_python_can_run_the_project(repo_root: Path) -> None:
    finished = run(repo_root, "scripts/find_python.sh")
    version = run(repo_root, finished.stdout.strip(), "-c", "import sys; print(sys.version_info >= (3, 11))")
    assert version.stdout == "True\n"


def test_an_explicit_python_wins(repo_root: Path) -> None:
    finished = run(repo_root, "scripts/find_python.sh", PYTHON=sys.executable)
    assert finished.stdout == f"{sys.executable}\n"


@pytest.mark.parametrize("chosen", ["/bin/false", "no-such-python"])
def test_an_explicit_python_that_cannot_run_the_project_is_refused_by_name(chosen: str, repo_root: Path) -> None:
    finished = run(repo_root, "scripts/find_python.sh", PYTHON=chosen)
    assert finished.returncode == 1
    assert finished.stderr == f"PYTHON={chosen} is not a Python 3.11 or newer with the venv module.\n"


def test_a_version_that_is_not_there_is_named(repo_root: Path) -> None:
    finished = run(repo_root, "scripts/find_python.sh", "3.99")
    assert finished.returncode == 1
    assert finished.stderr == "No Python 3.99 with the venv module was found on this machine.\n"


def test_the_long_runs_find_everything_that_they_import(repo_root: Path) -> None:
    # None of them runs in continuous integration, so nobody else would hear that one no longer begins.
    targets = ("chaos", "corruption", "crashes", "fuzz", "scale")
    commands = {target: run(repo_root, "make", "-n", target).stdout.splitlines()[-1] for target in targets}
    beginnings = {command.partition(f" -m tests.reliability.{target}")[0] for target, command in commands.items()}
    assert len(beginnings) == 1
    modules = [f"tests.reliability.{one}.{'command' if one == 'crashes' else '__main__'}" for one in targets]
    words = beginnings.pop().split()
    began = run(repo_root, "env", *words, "-c", f"import {', '.join(modules)}")
    assert began.returncode == 0, began.stderr


@pytest.mark.xdist_group("kept together")
def test_groups_reach_the_scheduler_of_the_workers(request: pytest.FixtureRequest, worker_id: str) -> None:
    """Otherwise each worker would apply the Terraform that one of them applies for all tests of a group."""
    if worker_id == "master" or not getattr(request.config.option, "loadgroup", False):
        pytest.skip("the tests are not distributed by group")
    assert request.node.nodeid.endswith("@kept together")
