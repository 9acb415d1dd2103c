"""What gets installed is pinned and hashed, names no place to fetch it from, and is the same in tests and layer."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from scripts import install_tools
from scripts.supply.locks import LOCKS, LockError, read_lock

# Whatever fetches a package, in the Makefile, in scripts or in continuous integration.
FETCHES = re.compile(r"\bpip[\"', ]+(?:install|download|wheel)\b")


def pins(lock: Path) -> dict[str, str]:
    """Read a lock: version by package. One that has another version for older Pythons counts with the newest."""
    return {pin.name: pin.version for pin in read_lock(lock)}


def test_every_lock_of_the_tree_is_known(repo_root: Path) -> None:
    tracked = {path for folder in (".", "lambda_src", "cli") for path in (repo_root / folder).glob("requirements*.txt")}
    assert {path.relative_to(repo_root) for path in tracked} == set(LOCKS.values())


@pytest.mark.parametrize("lock", LOCKS.values(), ids=str)
def test_every_package_is_pinned_and_hashed_and_no_place_is_named(lock: Path, repo_root: Path) -> None:
    assert pins(repo_root / lock)


HASH = "--hash=sha256:" + "0" * 64


@pytest.mark.parametrize(
    "line",
    [
        "boto3==1.0",
        f"boto3>=1.0 {HASH}",
        f"boto3 @ https://example.com/boto3.whl {HASH}",
        "-r other.txt",
        "--pre",
        "boto3==1.0 --hash=md5:00000000000000000000000000000000",
    ],
)
def test_a_lock_with_anything_else_is_refused(line: str, tmp_path: Path) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text(f"# a comment\nsix==1.17.0 \\\n    {HASH}\n    # via boto3\n{line}\n")
    with pytest.raises(LockError, match="make lock"):
        read_lock(lock)


@pytest.mark.parametrize("lock", LOCKS.values(), ids=str)
def test_every_direct_requirement_is_in_its_lock(lock: Path, repo_root: Path) -> None:
    source = (repo_root / lock).with_suffix(".in").read_text(encoding="utf-8")
    locked = pins(repo_root / lock)
    for name, version in re.findall(r"^([a-z][a-z0-9-]*)(?:\[[\w,]+\])?(?:==([\w.]+))?", source, re.MULTILINE):
        assert name in locked, "run: make lock"
        assert version in {"", locked[name]}, "run: make lock"


@pytest.mark.parametrize("installed", ["layer", "cli"])
def test_tests_use_the_packages_of_layer_and_command_line_at_the_same_versions(installed: str, repo_root: Path) -> None:
    assert pins(repo_root / LOCKS[installed]).items() <= pins(repo_root / LOCKS["dev"]).items()


def test_the_command_line_s_lock_holds_what_its_package_and_its_build_require(repo_root: Path) -> None:
    document = tomllib.loads((repo_root / "cli/pyproject.toml").read_text(encoding="utf-8"))
    required = [*document["project"]["dependencies"], *document["build-system"]["requires"]]
    locked = pins(repo_root / LOCKS["cli"])
    for requirement in map(Requirement, required):
        assert requirement.specifier.contains(locked[requirement.name]), "run: make lock"


def test_nothing_fetches_a_package_without_its_hash(repo_root: Path) -> None:
    files = [repo_root / "Makefile", *(repo_root / ".ci").glob("*"), *(repo_root / "scripts").rglob("*.py")]
    commands = [
        text[match.start() : match.start() + 200]
        for text in (path.read_text(encoding="utf-8") for path in files)
        for match in FETCHES.finditer(text)
    ]
    assert len(commands) >= 2, "the layer's wheels and the environments are no longer found"
    assert [command for command in commands if "--require-hashes" not in command] == []


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


def linked(tmp_path: Path) -> tuple[Path, Path]:
    """Return somebody's environment and a link to it."""
    theirs = tmp_path / "theirs"
    (theirs / "bin").mkdir(parents=True)
    (theirs / "bin" / "python").symlink_to("/bin/true")
    link = tmp_path / ".venv"
    link.symlink_to("theirs")
    return theirs, link


def test_nothing_is_installed_through_a_link(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theirs, link = linked(tmp_path)
    lock = tmp_path / "requirements-dev.txt"
    lock.write_text("pip==1.0\n")
    assert install_tools.main([str(link), str(lock)]) == 1
    assert f"{link} is a symbolic link to theirs" in capsys.readouterr().err
    assert [path.name for path in theirs.rglob("*")] == ["bin", "python"], "nothing was emptied"


def test_a_linked_environment_that_is_in_step_is_used(tmp_path: Path) -> None:
    theirs, link = linked(tmp_path)
    lock = tmp_path / "requirements-dev.txt"
    lock.write_text("pip==1.0\n")
    (theirs / "requirements-dev.sha256").write_text(install_tools.lock_digest("pip==1.0\n"))
    assert install_tools.main([str(link), str(lock)]) == 0
