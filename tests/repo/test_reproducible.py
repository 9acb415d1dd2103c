"""``dist/`` has the same bytes wherever, whenever and by whomever it is built, on each supported Python."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from scripts import build_dist

pytestmark = pytest.mark.xdist_group("reproducible")  # the wheels are fetched once

BUILT = ("function.zip", "layer.zip", "layer.json", "sbom.cdx.json", "SHA256SUMS")
SUPPORTED = ("3.11", "3.13")
NOBODY = "nobody"
OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
SYSTEM = ("/usr/bin", "/usr/local/bin", "/opt/homebrew/bin")

# Two places that have nothing in common: time zone, language, encoding, order of sets, mode of new files.
CHATHAM = {"TZ": "Pacific/Chatham", "LC_ALL": "C", "PYTHONHASHSEED": "1"}
LIMA = {"TZ": "America/Lima", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "4294967295", "LANG": "tr_TR.UTF-8"}


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder that every user may look into, unlike pytest's own; its path has a blank and an umlaut."""
    yield from shared_folder("Bäume am Weg ")


def shared_folder(prefix: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=prefix) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def wheels() -> Iterator[Path]:
    """The layer's wheels, fetched once; pip compares them with the lock again in each build."""
    for folder in shared_folder("wheels"):
        build_dist.download_wheels(folder)
        for wheel in folder.iterdir():
            wheel.chmod(0o644)
        yield folder


def copy_of_the_tree(repo_root: Path, target: Path) -> Path:
    """Copy what the build reads, with new times; neither the git repository nor what was built before."""
    unwanted = shutil.ignore_patterns("__pycache__")
    for name in ("lambda_src", "scripts"):
        shutil.copytree(repo_root / name, target / name, ignore=unwanted, copy_function=shutil.copyfile)
    shutil.copyfile(repo_root / "CHANGELOG.md", target / "CHANGELOG.md")
    return target


def build(python: str, tree: Path, wheels: Path, surroundings: Mapping[str, str], umask: int, user: str) -> None:
    """Build everything in a copy of the tree, as some user."""
    account = pwd.getpwnam(user)
    home = tree / "home"
    home.mkdir()
    if account.pw_uid != os.getuid():
        for path in (tree, *tree.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid)
    environment = {
        "PATH": os.defpath,
        "HOME": str(home),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": wheels.as_uri(),
        "PIP_NO_CACHE_DIR": "1",
        **surroundings,
    }
    other = {} if account.pw_uid == os.getuid() else {"user": user, "group": account.pw_gid, "extra_groups": []}
    done = subprocess.run(
        [python, "-m", "scripts.build_dist"],
        cwd=tree,
        env=environment,
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
        **other,  # type: ignore[call-overload]  # typeshed has no overload for a dictionary
    )
    assert done.returncode == 0, done.stdout + done.stderr


def differing(tree: Path, repo_root: Path) -> list[str]:
    return [name for name in BUILT if (tree / "dist" / name).read_bytes() != (repo_root / "dist" / name).read_bytes()]


def me() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def runs(python: str, user: str) -> bool:
    """Tell whether a user can run this Python, and it has pip."""
    other = {} if user == me() else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
    try:
        done = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False, cwd="/", **other)  # type: ignore[call-overload]  # as above
    except OSError:
        return False
    return bool(done.returncode == 0)


@pytest.mark.parametrize("version", [version for version in SUPPORTED if version != OWN])
def test_another_python_builds_the_same_at_another_place(
    version: str, repo_root: Path, place: Path, wheels: Path
) -> None:
    found = subprocess.run([repo_root / "scripts/find_python.sh", version], capture_output=True, text=True, check=False)
    if found.returncode != 0:
        pytest.skip(found.stderr.strip())
    tree = copy_of_the_tree(repo_root, place / version)
    build(found.stdout.strip(), tree, wheels, CHATHAM, 0o077, me())
    assert differing(tree, repo_root) == [], "run: make dist"


def test_another_user_builds_the_same(repo_root: Path, place: Path, wheels: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can build as another user")
    candidates = [sys.executable, *(f"{folder}/python{version}" for version in SUPPORTED for folder in SYSTEM)]
    python = next((candidate for candidate in candidates if runs(candidate, NOBODY)), None)
    if python is None:
        pytest.skip(f"the user {NOBODY} can run no supported Python with pip on this machine")
    tree = copy_of_the_tree(repo_root, place / NOBODY)
    build(python, tree, wheels, LIMA, 0o000, NOBODY)
    assert (tree / "dist" / "function.zip").owner() == NOBODY
    assert differing(tree, repo_root) == [], "run: make dist"
