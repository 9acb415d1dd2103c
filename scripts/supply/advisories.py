"""Ask pip-audit which vulnerabilities of some packages are known, and know which packages nobody answered for.

pip-audit says "No known vulnerabilities found", with exit status 0, also of packages that the service does not know: a
mirror of the package index that has no advisories makes everything look clean. So each service is first asked about a
release whose vulnerability is known; one that does not know it is not believed.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from scripts.supply.locks import normalized

LONGEST_RUN_SECONDS = 600
OPTIONS = ("--disable-pip", "--no-deps", "--format=json", "--progress-spinner=off", "--timeout=15")
"""Nothing is resolved or installed; one request to the service may take 15 seconds."""


class Release(NamedTuple):
    """A package at a version."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


KNOWN_TO_BE_VULNERABLE = Release("pyyaml", "5.1")
"""CVE-2020-1747, published in 2020: https://osv.dev/vulnerability/PYSEC-2020-96"""


class ServiceSilentError(Exception):
    """A service gave no answer that can be believed; the message says why."""


@dataclass(frozen=True)
class Vulnerability:
    """A known vulnerability of a release."""

    release: Release
    ids: tuple[str, ...]
    """Every name that it has: PYSEC-..., GHSA-..., CVE-..."""
    fixed_in: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """What a service said."""

    answered: frozenset[Release]
    vulnerabilities: tuple[Vulnerability, ...]


@dataclass(frozen=True)
class Service:
    """A source of advisories, as pip-audit asks it.

    Parameters
    ----------
    program
        pip-audit.
    options
        which service pip-audit is to ask.
    """

    name: str
    program: Path
    options: Sequence[str]

    def ask(self, releases: Iterable[Release]) -> Answer:
        """Return what is known of some releases.

        Raises
        ------
        ServiceSilentError
            it cannot be reached, or does not know even what everybody knows.
        """
        known = self._ask([KNOWN_TO_BE_VULNERABLE])
        if not known.vulnerabilities:
            raise ServiceSilentError(
                f"knows no vulnerability of {KNOWN_TO_BE_VULNERABLE}, which has one: no advisories here"
            )
        answers = [self._ask(once) for once in _each_package_once(releases)]
        return Answer(
            frozenset().union(*(answer.answered for answer in answers)),
            tuple(found for answer in answers for found in answer.vulnerabilities),
        )

    def _ask(self, releases: Iterable[Release]) -> Answer:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "requirements.txt"
            file.write_text("".join(f"{name}=={version}\n" for name, version in releases), encoding="utf-8")
            command: tuple[str | Path, ...] = (self.program, *OPTIONS, *self.options, "--requirement", file)
            try:
                done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST_RUN_SECONDS)
            except subprocess.TimeoutExpired as error:
                raise ServiceSilentError(f"no answer within {LONGEST_RUN_SECONDS} s") from error
        try:
            return _answer(json.loads(done.stdout))
        except json.JSONDecodeError as error:
            cause = done.stderr.strip().rpartition("\n")[2].rpartition("Caused by ")[2]
            raise ServiceSilentError(cause or f"pip-audit ended with status {done.returncode}") from error


def _each_package_once(releases: Iterable[Release]) -> Iterator[list[Release]]:
    """Share the releases out: pip-audit refuses a second version of a package beside the first."""
    left = sorted(set(releases))
    while left:
        once = {release.name: release for release in left}
        yield sorted(once.values())
        left = [release for release in left if once[release.name] != release]


def _answer(document: dict[str, Any]) -> Answer:
    answered = set()
    vulnerabilities = []
    for entry in document["dependencies"]:
        if "skip_reason" in entry:
            continue
        release = Release(normalized(entry["name"]), entry["version"])
        answered.add(release)
        vulnerabilities += [
            Vulnerability(release, (one["id"], *one["aliases"]), tuple(one["fix_versions"])) for one in entry["vulns"]
        ]
    return Answer(frozenset(answered), tuple(vulnerabilities))
