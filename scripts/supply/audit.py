"""Refuse packages with a known vulnerability: those of the layer, of the command line, and all tools.

``python -m scripts.supply.audit`` asks the package index, and OSV where the index has no answer. What is known and
accepted stands in ``policy.toml`` with its reason and the day on which it has to be looked at again. Where nobody
answers, that is said, and nothing is taken for clean: by default the check then ends well, so that work without a
network goes on; with ``--mode required`` it fails.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from scripts.supply.advisories import Release, Service, ServiceSilentError, Vulnerability
from scripts.supply.licenses import POLICY
from scripts.supply.locks import LOCKS, ROOT, read_lock

PIP_AUDIT = Path(sys.executable).with_name("pip-audit")
SHORTEST_REASON = 20
SERVICES = {"pypi": "https://pypi.org/pypi/pyyaml/5.1/json", "osv": "https://api.osv.dev"}
"""What pip-audit can ask, in this order, and what has to be reachable for it."""


class PolicyError(Exception):
    """``policy.toml`` accepts a vulnerability without saying why or how long."""


@dataclass(frozen=True)
class Accepted:
    """A vulnerability that is known and does no harm here."""

    package: str
    id: str
    reason: str
    until: date

    def covers(self, found: Vulnerability) -> bool:
        """Tell whether this is meant."""
        return self.package == found.release.name and self.id in found.ids


@dataclass(frozen=True)
class Result:
    """What the services said, and what they did not."""

    vulnerabilities: tuple[Vulnerability, ...]
    unanswered: frozenset[Release]
    silent: Mapping[str, str]
    """By service: why it is not believed."""


def accepted(path: Path = POLICY) -> list[Accepted]:
    """Read what is accepted.

    Raises
    ------
    PolicyError
        an entry lacks a field, or its reason is no sentence.
    """
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("accepted_vulnerabilities", [])
    for entry in entries:
        complete = set(entry) == {"package", "id", "reason", "until"} and type(entry["until"]) is date
        if not complete or len(entry["reason"]) < SHORTEST_REASON:
            raise PolicyError(
                f"{path.name}: an accepted vulnerability has package, id, reason (a sentence) and until (a date such "
                f"as 2027-01-31). Given: {entry}"
            )
    return [Accepted(**entry) for entry in entries]


def locked() -> dict[Release, list[str]]:
    """Return every locked release, for whatever platform, with the locks that hold it."""
    releases: dict[Release, list[str]] = {}
    for path in LOCKS.values():
        for pin in read_lock(ROOT / path):
            releases.setdefault(Release(pin.name, pin.version), []).append(str(path))
    return releases


def ask(services: Sequence[Service], releases: Iterable[Release]) -> Result:
    """Ask one service after the other until every release was answered for."""
    left = frozenset(releases)
    vulnerabilities: list[Vulnerability] = []
    silent = {}
    for service in services:
        if not left:
            break
        try:
            answer = service.ask(left)
        except ServiceSilentError as error:
            silent[service.name] = str(error)
            continue
        vulnerabilities += answer.vulnerabilities
        left -= answer.answered
    return Result(tuple(vulnerabilities), left, silent)


def faults(
    result: Result, exceptions: Sequence[Accepted], today: date, locks: Mapping[Release, list[str]]
) -> list[str]:
    """Return what has to be mended: vulnerabilities, and exceptions that have run out or are of no use any more."""
    said = []
    for found in result.vulnerabilities:
        exception = next((one for one in exceptions if one.covers(found)), None)
        if exception is not None and today <= exception.until:
            continue
        ended = f" It was accepted until {exception.until}: {exception.reason}." if exception else ""
        fixed = f"fixed in {' and '.join(found.fixed_in)}" if found.fixed_in else "no release mends it yet"
        said.append(
            f"{', '.join(locks[found.release])}: {found.release} has {' = '.join(found.ids)}, {fixed}.{ended} "
            f"Run make lock, or accept it in {POLICY.relative_to(ROOT)} with reason and date."
        )
    if not result.unanswered:
        said += [
            f"{POLICY.relative_to(ROOT)}: {one.id} of {one.package} is no longer found: remove the entry."
            for one in exceptions
            if not any(one.covers(found) for found in result.vulnerabilities)
        ]
    return sorted(set(said))


def not_checked(result: Result, total: int) -> str:
    """Return what to say when packages were not answered for."""
    names = sorted(str(release) for release in result.unanswered)
    which = "all of them" if len(names) == total else ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    lines = [
        f"NOT CHECKED for known vulnerabilities: {len(names)} of {total} packages ({which}).",
        "Advisory service unreachable:",
    ]
    lines += [f"  {service} ({SERVICES[service]}): {why}" for service, why in result.silent.items()]
    lines += [
        "Nobody has said that these packages are safe. Run make lint where one of these services can be reached, and",
        "before a release make lint AUDIT=required, which fails where this run goes on.",
    ]
    return "\n".join(f"!! {line}" for line in lines)


def main(arguments: list[str] | None = None) -> int:
    """Audit; return the exit status."""
    parser = argparse.ArgumentParser(description="Refuse packages with a known vulnerability.")
    parser.add_argument("--mode", choices=("warn", "required"), default="warn", help="what it is when nobody answers")
    options = parser.parse_args(arguments)
    locks = locked()
    try:
        exceptions = accepted()
    except PolicyError as error:
        print(error, file=sys.stderr)
        return 1
    result = ask([Service(name, PIP_AUDIT, ("--vulnerability-service", name)) for name in SERVICES], locks)
    wrong = faults(result, exceptions, datetime.now(UTC).date(), locks)
    checked = len(locks) - len(result.unanswered)
    if checked:
        print(f"Known vulnerabilities: {len(result.vulnerabilities)} in {checked} packages, {len(exceptions)} accepted")
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
    if result.unanswered:
        print(not_checked(result, len(locks)), file=sys.stderr)
    return 1 if wrong or (result.unanswered and options.mode == "required") else 0


if __name__ == "__main__":
    sys.exit(main())
