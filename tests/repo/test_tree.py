"""What is committed reads the same on every machine and names none."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

# A person's folder, or an index that only one workplace has.
LOCAL = re.compile(
    rb"/(?:root|Users)/|/home/(?!runner\b)\w|[A-Z]:\\Users|file:///|--(?:extra-)?index-url|--find-links|--trusted-host|"
    rb"https?://(?!pypi\.org/)[\w.-]*(?:pypi|artifactory|nexus)[\w.-]*/"
)


def git(repo_root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=repo_root, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def tracked(repo_root: Path) -> list[str]:
    """The committed files that are in the tree."""
    if not (repo_root / ".git").exists():
        pytest.skip("the tree is not a git clone, so what is committed is not known")
    return [name for name in git(repo_root, "ls-files", "-z").split("\0") if name and (repo_root / name).is_file()]


def test_no_file_names_a_place_of_one_machine(tracked: list[str], repo_root: Path) -> None:
    itself = Path(__file__).relative_to(repo_root).as_posix()
    found = {name: LOCAL.findall((repo_root / name).read_bytes()) for name in tracked if name != itself}
    assert {name: matches for name, matches in found.items() if matches} == {}


@pytest.mark.parametrize("name", ["main.tf", "a/b.py", "README.md", "scripts/x.sh", "Makefile", "dist/SHA256SUMS"])
def test_text_keeps_unix_line_endings_on_every_machine(name: str, tracked: list[str], repo_root: Path) -> None:
    assert tracked
    assert git(repo_root, "check-attr", "eol", "--", name).split() == [f"{name}:", "eol:", "lf"]


@pytest.mark.parametrize("name", ["dist/function.zip", "a/b.json.gz"])
def test_packages_are_never_converted(name: str, tracked: list[str], repo_root: Path) -> None:
    assert tracked
    assert git(repo_root, "check-attr", "text", "--", name).split() == [f"{name}:", "text:", "unset"]


def test_no_committed_text_has_carriage_returns(tracked: list[str], repo_root: Path) -> None:
    assert tracked
    assert [
        line for line in git(repo_root, "ls-files", "--eol").splitlines() if re.match(r"i/(?:crlf|mixed)", line)
    ] == []


def test_a_file_is_executable_exactly_when_it_says_how_to_run_it(tracked: list[str], repo_root: Path) -> None:
    wrong = []
    for name in tracked:
        path = repo_root / name
        with path.open("rb") as file:
            has_shebang = file.read(2) == b"#!"
        if has_shebang != os.access(path, os.X_OK):
            wrong.append(name)
    assert wrong == []


def test_what_is_built_or_private_is_not_committed(tracked: list[str]) -> None:
    unwanted = re.compile(r"(^|/)(\.venv|__pycache__|\.terraform)(/|$)|\.tfstate|\.tfplan$|\.pyc$|^dist/layer\.zip$")
    assert [name for name in tracked if unwanted.search(name)] == []
