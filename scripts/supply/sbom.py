"""The bill of materials of a release, as CycloneDX 1.6 JSON: what the two zips hold, and what the runtime adds.

It is derived from the digests of the zips alone: no time, no random number. The same sources give the same file.

https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

from scripts.supply.inventory import Layer, Package

NAME = "terraform-aws-dynamodb-backup"
UNRELEASED = "Unreleased"
RUNTIME = "aws-lambda-python-runtime"
OWN_LICENSE = "Apache-2.0"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, f"urn:{NAME}:sbom")


def released_version(changelog: str) -> str:
    """Return the version that a changelog tells of: the newest release, marked where changes came after it."""
    sections = re.findall(r"^## \[?([\w.+-]+)\]?.*\n((?:(?!## ).*\n?)*)", changelog, re.MULTILINE)
    pending = any(title == UNRELEASED and body.strip() for title, body in sections)
    newest = next((title for title, _ in sections if title != UNRELEASED), "0.0.0")
    return f"{newest}+unreleased" if pending else newest


def bill_of_materials(version: str, function_zip_sha256: str, layer: Layer) -> str:
    """Return the document.

    Parameters
    ----------
    version
        of this project; see `released_version`.
    """
    document: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _own(NAME, "application", version, "The Terraform module with its functions.")},
        "components": [
            _own("function.zip", "application", version, "The functions' own code.", function_zip_sha256),
            {
                "bom-ref": "layer.zip",
                "type": "file",
                "name": "layer.zip",
                "description": "Packages of other people that the functions import, as their wheels have them.",
                "hashes": [_sha256(layer.sha256)],
                "components": [_packaged(package) for package in layer.packages],
            },
            {
                "bom-ref": RUNTIME,
                "type": "platform",
                "name": RUNTIME,
                "description": "Python and boto3 of AWS Lambda, in versions that AWS chooses and updates.",
                "supplier": {"name": "Amazon Web Services"},
                "components": [_provided("boto3"), _provided("botocore")],
            },
        ],
        "dependencies": _dependencies(layer),
        "compositions": [
            {"aggregate": "complete", "assemblies": ["function.zip", "layer.zip"]},
            {"aggregate": "incomplete", "assemblies": [RUNTIME]},
        ],
    }
    content = json.dumps(document, sort_keys=True)
    return json.dumps({"serialNumber": uuid.uuid5(_NAMESPACE, content).urn, **document}, indent=2) + "\n"


def _own(name: str, kind: str, version: str, description: str, sha256: str | None = None) -> dict[str, Any]:
    component: dict[str, Any] = {"bom-ref": name, "type": kind, "name": name, "version": version}
    component |= {"description": description, "licenses": [_license(OWN_LICENSE)]}
    return component if sha256 is None else component | {"hashes": [_sha256(sha256)]}


def _packaged(package: Package) -> dict[str, Any]:
    """Describe a package of the layer; its digest is that of the wheel, as the package index and the lock have it."""
    return {
        "bom-ref": _purl(package),
        "type": "library",
        "name": package.name,
        "version": package.version,
        "purl": _purl(package),
        "hashes": [_sha256(package.sha256)],
        "licenses": [_license(package.license)],
        "externalReferences": [
            {
                "type": "distribution",
                "url": f"https://pypi.org/project/{package.name}/{package.version}/#files",
                "comment": package.wheel,
                "hashes": [_sha256(package.sha256)],
            }
        ],
    }


def _provided(name: str) -> dict[str, Any]:
    return {
        "bom-ref": f"pkg:pypi/{name}",
        "type": "library",
        "name": name,
        "purl": f"pkg:pypi/{name}",
        "licenses": [_license("Apache-2.0")],
        "properties": [{"name": f"{NAME}:provided-by", "value": RUNTIME}],
    }


def _dependencies(layer: Layer) -> list[Mapping[str, object]]:
    purls = {package.name: _purl(package) for package in layer.packages}
    needed = {name for package in layer.packages for name in package.requires}
    arrows: dict[str, list[str]] = {
        NAME: ["function.zip", "layer.zip", RUNTIME],
        "function.zip": [*(purl for name, purl in purls.items() if name not in needed), "pkg:pypi/boto3"],
        "layer.zip": list(purls.values()),
        RUNTIME: ["pkg:pypi/boto3", "pkg:pypi/botocore"],
        "pkg:pypi/boto3": ["pkg:pypi/botocore"],
        "pkg:pypi/botocore": [],
    }
    arrows |= {purls[package.name]: [purls[name] for name in package.requires] for package in layer.packages}
    return [{"ref": ref, "dependsOn": sorted(arrows[ref])} for ref in sorted(arrows)]


def _license(expression: str) -> dict[str, object]:
    single = re.fullmatch(r"[\w.-]+", expression) is not None
    return {"license": {"id": expression}} if single else {"expression": expression}


def _purl(package: Package) -> str:
    return f"pkg:pypi/{package.name}@{package.version}"


def _sha256(digest: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": digest}
