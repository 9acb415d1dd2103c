"""What the layer holds, read from the wheels that it was made of.

The build writes it as ``dist/layer.json``, which is committed: the bill of materials and the checksums can then be made
again without a network, also where the layer itself was not built.
"""

from __future__ import annotations

import email.parser
import hashlib
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from email.message import Message
from pathlib import Path

from scripts.supply.licenses import POLICY, Declared, Policy, license_of
from scripts.supply.locks import normalized

_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)[^;]*(?:;(?P<marker>.*))?")


class UnknownLicenseError(ValueError):
    """A wheel does not say under which licence it may be shipped; the message says what it says and what to do."""


@dataclass(frozen=True)
class Package:
    """One package of the layer."""

    name: str
    version: str
    license: str
    """SPDX expression."""
    wheel: str
    sha256: str
    """Of the wheel as the package index has it."""
    requires: tuple[str, ...]
    """The packages of the layer that this one imports."""


@dataclass(frozen=True)
class Layer:
    """The layer's zip and what is in it."""

    sha256: str
    packages: tuple[Package, ...]

    def to_json(self) -> str:
        """Return the content of ``layer.json``."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Layer:
        """Read the content of ``layer.json``."""
        document = json.loads(text)
        packages = (Package(**{**entry, "requires": tuple(entry["requires"])}) for entry in document["packages"])
        return cls(document["sha256"], tuple(packages))


def inventory(layer_zip: Path, wheels: Iterable[Path]) -> Layer:
    """Describe a built layer.

    Raises
    ------
    UnknownLicenseError
        a wheel's licence is stated neither by its metadata nor by the policy.
    """
    policy = Policy.read()
    described = {wheel: _metadata(wheel) for wheel in wheels}
    names = {normalized(metadata["Name"]) for metadata in described.values()}
    packages = (_package(wheel, metadata, names, policy) for wheel, metadata in described.items())
    return Layer(file_digest(layer_zip), tuple(sorted(packages, key=lambda package: package.name)))


def file_digest(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def checksums(digests: Mapping[str, str]) -> str:
    """Return the content of ``SHA256SUMS``, which ``sha256sum --check`` reads."""
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))


def _metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        return email.parser.Parser().parsestr(archive.read(name).decode())


def _package(wheel: Path, metadata: Message, names: set[str], policy: Policy) -> Package:
    name = normalized(metadata["Name"])
    found = license_of(name, metadata, policy)
    if found is None:
        raise UnknownLicenseError(
            f'{wheel.name}: its licence is not known; the metadata says "{Declared.of(metadata).words}". '
            f"Read the licence, and state it in {POLICY.name} if the layer may hold it"
        )
    required = (_REQUIREMENT.fullmatch(line) for line in metadata.get_all("Requires-Dist", []))
    requires = {normalized(match["name"]) for match in required if match and "extra" not in (match["marker"] or "")}
    return Package(name, metadata["Version"], found, wheel.name, file_digest(wheel), tuple(sorted(requires & names)))
