"""Which licence a distribution has, by its own metadata, as an SPDX expression.

Newer packages state an expression (PEP 639). Of older ones the free text is taken where it is an SPDX identifier, or
the trove classifier where there is exactly one. Whatever remains is stated by hand in ``policy.toml``, together with
what the metadata said then: when that changes, the statement no longer holds and somebody has to look again.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

POLICY = Path(__file__).with_name("policy.toml")

_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "LicenseRef-BSD",  # which of the BSD licences is not said; all that OSI approved are permissive
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
_CLASSIFIER = re.compile(r"License :: (?:OSI Approved :: )?(.+)")


class Metadata(Protocol):
    """Core metadata, as a wheel's file or an installed distribution gives it."""

    def get_all(self, name: str, failobj: list[Any], /) -> list[Any]:
        """Return all values of a field."""


@dataclass(frozen=True)
class Policy:
    """What ``policy.toml`` says of licences."""

    shipped: frozenset[str]
    """SPDX identifiers that a package of the layer may have."""
    tools: frozenset[str]
    """Those that a package may have with which the project is developed, tested and checked; holds the former."""
    stated: Mapping[str, Mapping[str, str]]
    """By package: ``metadata``, what its metadata said, and ``license``, the expression that was found by reading."""

    @classmethod
    def read(cls, path: Path = POLICY) -> Policy:
        """Read the file."""
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))["licenses"]
        shipped = frozenset(document["shipped"])
        return cls(shipped, shipped | frozenset(document["tools"]), document.get("stated", {}))


@dataclass(frozen=True)
class Declared:
    """What a distribution's metadata says about its licence."""

    expression: str
    """PEP 639's field; empty where the package is older."""
    classifiers: tuple[str, ...]
    text: str
    """First line of the free text."""

    @classmethod
    def of(cls, metadata: Metadata) -> Declared:
        """Read it."""
        expression, text = ("".join(metadata.get_all(field, [])[:1]) for field in ("License-Expression", "License"))
        found = (_CLASSIFIER.fullmatch(value) for value in metadata.get_all("Classifier", []))
        classifiers = sorted(match[1] for match in found if match and match[1] != "OSI Approved")
        text = text.strip().partition("\n")[0]
        return cls(expression, tuple(classifiers), "" if text == "UNKNOWN" else text)

    @property
    def words(self) -> str:
        """All of it in one line, as ``policy.toml`` repeats it."""
        return self.expression or "; ".join([*self.classifiers, *([f"text: {self.text}"] if self.text else [])])


def license_of(name: str, metadata: Metadata, policy: Policy) -> str | None:
    """Return the SPDX expression of a distribution, or None where neither its metadata nor the policy tells.

    Parameters
    ----------
    name
        the distribution's name as the locks spell it.
    """
    declared = Declared.of(metadata)
    if declared.expression:
        return declared.expression
    stated = policy.stated.get(name)
    if stated is not None:
        return stated["license"] if stated["metadata"] == declared.words else None
    if len(declared.classifiers) > 1:
        return None  # "and" or "or"? The metadata does not say
    if declared.text and set(re.findall(r"[\w.-]+", declared.text)) <= policy.tools | {"AND", "OR"}:
        return declared.text
    return _CLASSIFIERS.get("".join(declared.classifiers))
