"""Show under which licences everything is that is shipped or installed, and refuse what ``policy.toml`` does not allow.

``python -m scripts.supply.check_licenses .venv .venv-lint`` reads what is installed and asks nobody on the network;
``--list`` names every package.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from license_expression import ExpressionError, LicenseExpression, Licensing

from scripts.supply.licenses import POLICY, Declared, Policy, license_of
from scripts.supply.locks import LOCKS, ROOT, Pin, normalized, read_lock

SHIPPED = "layer"
_LICENSING = Licensing()  # knows no licence by itself: what is known is the policy's matter


class NotInstalledError(Exception):
    """A locked package is not in its environment, or at another version; the message says what to run."""


@dataclass(frozen=True)
class Found:
    """One locked package and its licence; None where it is unknown."""

    lock: str
    pin: Pin
    license: str | None
    declared: str

    def fault(self, policy: Policy) -> str | None:
        """Return why this package is not allowed."""
        allowed = policy.shipped if self.lock == SHIPPED else policy.tools
        package = f"{LOCKS[self.lock]}: {self.pin.name} {self.pin.version}"
        if self.license is None:
            return (
                f'{package}: its licence is not known; its metadata says "{self.declared}". Read the licence and state '
                f"it in {POLICY.relative_to(ROOT)}, or do without the package."
            )
        if is_allowed(self.license, allowed):
            return None
        shipped = (
            "is shipped in the layer, so that whoever uses it is bound by it" if self.lock == SHIPPED else "is new"
        )
        return (
            f"{package}: the licence {self.license} {shipped}; {POLICY.relative_to(ROOT)} does not allow it. "
            f"Do without the package, or allow the licence there if you may."
        )


def is_allowed(expression: str, allowed: frozenset[str]) -> bool:
    """Tell whether an SPDX expression can be met by allowed licences alone; what cannot be read is not allowed."""
    try:
        parsed = _LICENSING.parse(expression)
    except ExpressionError:
        return False
    return parsed is not None and _holds(parsed, allowed)


def _holds(node: LicenseExpression, allowed: frozenset[str]) -> bool:
    if isinstance(node, _LICENSING.AND):
        return all(_holds(part, allowed) for part in node.args)
    if isinstance(node, _LICENSING.OR):
        return any(_holds(part, allowed) for part in node.args)
    return str(node) in allowed


def installed(environment: Path) -> dict[str, importlib.metadata.Distribution]:
    """Return the distributions of a virtual environment by name."""
    folders = [str(folder) for folder in environment.glob("lib/python3*/site-packages")]
    return {normalized(found.metadata["Name"]): found for found in importlib.metadata.distributions(path=folders)}


def licenses(
    lock: str, distributions: Mapping[str, importlib.metadata.Distribution], policy: Policy
) -> Iterator[Found]:
    """Yield the packages of a lock that are meant for this machine.

    Raises
    ------
    NotInstalledError
        one is not in the environment as the lock has it.
    """
    for pin in read_lock(ROOT / LOCKS[lock]):
        distribution = distributions.get(pin.name)
        if distribution is None or distribution.version != pin.version:
            if pin.marker:
                continue  # for another platform or Python
            raise NotInstalledError(f"{LOCKS[lock]}: {pin.name} {pin.version} is not installed. Run: make setup lint")
        metadata = distribution.metadata
        yield Found(lock, pin, license_of(pin.name, metadata, policy), Declared.of(metadata).words)


def table(found: list[Found], *, names: bool) -> Iterator[str]:
    """Yield lines: licence, number of packages, and, where asked for or shipped, their names."""
    for title, part in (
        ("Shipped in the layer", [one for one in found if one.lock == SHIPPED]),
        ("Tools, not shipped", [one for one in found if one.lock != SHIPPED]),
    ):
        packages: dict[str, set[str]] = defaultdict(set)
        for one in part:
            packages[one.license or "unknown"].add(f"{one.pin.name} {one.pin.version}")
        yield f"{title}: {sum(map(len, packages.values()))} packages"
        for license_, members in sorted(packages.items(), key=lambda entry: (-len(entry[1]), entry[0])):
            listed = f"  {', '.join(sorted(members))}" if names or part[0].lock == SHIPPED else ""
            yield f"  {len(members):3}  {license_}{listed}"


def main(arguments: list[str] | None = None) -> int:
    """Check; return the exit status."""
    parser = argparse.ArgumentParser(description="Check the licences of everything that is shipped or installed.")
    parser.add_argument("environment", type=Path, help="the virtual environment of requirements-dev.txt")
    parser.add_argument("lint_environment", type=Path, help="that of requirements-lint.txt")
    parser.add_argument("--list", action="store_true", help="name every package")
    options = parser.parse_args(arguments)
    policy = Policy.read()
    here, lint = installed(options.environment), installed(options.lint_environment)
    try:
        found = [one for lock in LOCKS for one in licenses(lock, lint if lock == "lint" else here, policy)]
    except NotInstalledError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(table(found, names=options.list)))
    faults = sorted({fault for one in found if (fault := one.fault(policy))})
    print("\n".join(faults), file=sys.stderr, end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
