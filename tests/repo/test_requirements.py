"""What gets installed is pinned and hashed, names no place to fetch it from, and is the same in tests and layer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts import install_tools

LOCKS = ["requirements-dev.txt", "requirements-lint.txt", "lambda_src/requirements.txt"]
PIN = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[\w.]+)(?: ; [^\\]+)?(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})+)")


def pins(lock: Path) -> dict[str, str]:
    """Read a lock; fail on any line that is not one pinned, hashed package."""
    text = re.sub(r"^\s*#.*\n", "", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r" \\\n\s+", " ", text).splitlines()
    matches = {line: PIN.fullmatch(line) for line in lines}
    assert [line[:100] for line, match in matches.items() if match is None] == []
    return {match["name"]: match["version"] for match in matches.values() if match is not None}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_and_hashed_and_no_place_is_named(lock: str, repo_root: Path) -> None:
    assert pins(repo_root / lock)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_direct_requirement_is_in_its_lock(lock: str, repo_root: Path) -> None:
    source = (repo_root / lock).with_suffix(".in").read_text(encoding="utf-8")
    locked = pins(repo_root / lock)
    for name, version in re.findall(r"^([a-z][a-z0-9-]*)(?:\[[\w,]+\])?(?:==([\w.]+))?", source, re.MULTILINE):
        assert name in locked, "run: make lock"
        assert version in {"", locked[name]}, "run: make lock"


def test_tests_use_the_layers_packages_at_the_layers_versions(repo_root: Path) -> None:
    layer = pins(repo_root / "lambda_src/requirements.txt")
    assert layer.items() <= pins(repo_root / "requirements-dev.txt").items()


def test_the_installer_finds_the_entry_that_locks_pip(repo_root: Path) -> None:
    lock = (repo_root / "requirements-dev.txt").read_text(encoding="utf-8")
    entry = install_tools.locked_entry(lock, "pip")
    assert entry.startswith("pip==")
    assert entry.count("==") == 1
    assert "--hash=sha256:" in entry


def test_a_lock_without_pip_says_what_to_run() -> None:
    with pytest.raises(LookupError, match="make lock"):
        install_tools.locked_entry("pipx==1.0 \\\n    --hash=sha256:00\n", "pip")


def test_an_environment_is_current_only_for_its_own_lock(tmp_path: Path) -> None:
    recorded = tmp_path / "requirements-dev.sha256"
    assert not install_tools.is_current(tmp_path, recorded, "digest")
    recorded.write_text("digest\n")
    assert not install_tools.is_current(tmp_path, recorded, "digest"), "its interpreter is gone"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to("/bin/true")
    assert install_tools.is_current(tmp_path, recorded, "digest")
    assert not install_tools.is_current(tmp_path, recorded, "another")
