"""Create a virtual environment that holds exactly what a lock says.

Run by any Python >= 3.11, with nothing installed::

    python3 scripts/install_tools.py .venv requirements-dev.txt

The lock is complete and hashed, so pip neither resolves nor trusts anything beyond it. pip itself is locked too and
goes in first: the one bundled with an older Python takes twice as long to find 70 pinned packages. A digest of the lock
is left in the environment; while it matches, nothing is done.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import re
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from pathlib import Path

PIP_INSTALL = ("-m", "pip", "install", "-qq", "--disable-pip-version-check", "--require-hashes", "--no-deps")


def lock_digest(lock: str) -> str:
    """Return what identifies an environment: the lock and the Python that it was installed for."""
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    return hashlib.sha256(f"{minor}\n{lock}".encode()).hexdigest()


def locked_entry(lock: str, name: str) -> str:
    """Return the lines of the lock that pin one package with its hashes.

    Raises
    ------
    LookupError
        the lock does not pin it.
    """
    entry = re.search(rf"^{re.escape(name)}==.*\n(?:[ \t].*\n)*", lock, re.MULTILINE)
    if entry is None:
        raise LookupError(f"the lock does not pin {name}: run `make lock`")
    return entry[0]


class LinkedEnvironmentError(Exception):
    """The environment's place is a symbolic link: installing would empty somebody else's."""


def is_current(directory: Path, recorded: Path, digest: str) -> bool:
    """Tell whether the environment was installed from this lock and its interpreter still runs."""
    if not recorded.is_file() or recorded.read_text(encoding="ascii").strip() != digest:
        return False
    try:
        return subprocess.run([directory / "bin" / "python", "-c", ""], check=False).returncode == 0
    except OSError:
        return False  # a dangling link: the Python it was made with is gone


def install(directory: Path, lock_path: Path) -> None:
    """Make the environment anew and install the lock into it.

    Raises
    ------
    subprocess.CalledProcessError
        pip failed; it has said why on stderr.
    """
    venv.create(directory, clear=True, with_pip=True, symlinks=True)
    python = directory / "bin" / "python"
    pip_lock = directory / "pip.txt"
    pip_lock.write_text(locked_entry(lock_path.read_text(encoding="utf-8"), "pip"), encoding="utf-8")
    subprocess.run([python, *PIP_INSTALL, "-r", pip_lock], check=True)
    # Bytecode is written when a module is first imported; compiling all of it now would double the time.
    subprocess.run([python, *PIP_INSTALL, "--no-compile", "--only-binary", ":all:", "-r", lock_path], check=True)


@contextlib.contextmanager
def one_at_a_time(directory: Path) -> Iterator[None]:
    """Wait while another process installs into the same environment: two would delete each other's files."""
    with directory.with_name(f"{directory.name}.lock").open("w") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        yield


def bring_in_step(directory: Path, lock_path: Path) -> None:
    """Install the lock into the environment, unless that is what it holds.

    Raises
    ------
    LinkedEnvironmentError
        something would have to be installed, and the directory is a symbolic link.
    subprocess.CalledProcessError
        pip failed; it has said why on stderr.
    """
    digest = lock_digest(lock_path.read_text(encoding="utf-8"))
    recorded = directory / f"{lock_path.stem}.sha256"
    if is_current(directory, recorded, digest):
        recorded.touch()  # for make, which compares times of change
        return
    if directory.is_symlink():
        raise LinkedEnvironmentError(
            f"{directory} is a symbolic link to {directory.readlink()}, which does not hold what {lock_path.name} "
            f"says. Nothing was installed: that would empty an environment that somebody else uses. Remove the link "
            f"(rm {directory}) and run this again for an environment of your own, or bring the other one in step."
        )
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    print(f"Installing the locked tools into {directory} ({python}; once, about half a minute)", flush=True)
    started = time.monotonic()
    install(directory, lock_path)
    recorded.write_text(digest + "\n", encoding="ascii")
    print(f"Installed in {time.monotonic() - started:.0f} s", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Bring one environment in step with the lock; return the exit status."""
    parser = argparse.ArgumentParser(description="Create a virtual environment from a lock.")
    parser.add_argument("directory", type=Path, help="where the environment goes, for example .venv")
    parser.add_argument("lock", type=Path, help="what it holds, for example requirements-dev.txt")
    options = parser.parse_args(arguments)
    directory: Path = options.directory
    lock_path: Path = options.lock
    try:
        with one_at_a_time(directory):
            bring_in_step(directory, lock_path)
    except LinkedEnvironmentError as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"pip could not install {lock_path.name} into {directory}; its own message is above.", file=sys.stderr)
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
