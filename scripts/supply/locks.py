"""The locks: which packages are installed or shipped, at which version, with which digests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

LOCKS = {
    "layer": Path("lambda_src/requirements.txt"),
    "dev": Path("requirements-dev.txt"),
    "lint": Path("requirements-lint.txt"),
    "cli": Path("cli/requirements.txt"),
}
"""Every lock by what is installed from it, relative to the top of the tree."""

_PIN = re.compile(
    r"(?P<name>[a-z0-9-]+)==(?P<version>[\w.]+)(?: ; (?P<marker>[^\\]+?))?(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})+)"
)


class LockError(ValueError):
    """A lock holds a line that does not pin one package with its digests; the message shows it."""


@dataclass(frozen=True)
class Pin:
    """One package as a lock pins it."""

    name: str
    version: str
    marker: str | None
    """For which Pythons and platforms it is meant; None: for all."""
    sha256: frozenset[str]
    """The digests of its files, in hexadecimal: an installer takes no other."""


def normalized(name: str) -> str:
    """Return a distribution's name as the locks spell it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(path: Path) -> list[Pin]:
    """Read a lock.

    Raises
    ------
    LockError
        a line is anything but a pinned, hashed package or a comment: a place to fetch from, a range, an option.
    """
    text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    pins = []
    for line in re.sub(r" \\\n\s+", " ", text).splitlines():
        match = _PIN.fullmatch(line)
        if match is None:
            raise LockError(f"{path.name}: not a package with version and digest: {line[:100]}. Run: make lock")
        digests = frozenset(re.findall(r"sha256:(\w+)", match["hashes"]))
        pins.append(Pin(match["name"], match["version"], match["marker"], digests))
    return pins
