"""``dist/`` tells truly what it holds: checksums, the layer's packages, and a bill of materials that tools can read."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component

from scripts import build_dist
from scripts.supply.inventory import Layer
from scripts.supply.locks import LOCKS, read_lock
from scripts.supply.sbom import bill_of_materials, released_version


@pytest.fixture(scope="module")
def layer(repo_root: Path) -> Layer:
    return Layer.from_json((repo_root / "dist/layer.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def document(repo_root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((repo_root / "dist/sbom.cdx.json").read_text(encoding="utf-8"))
    return found


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_sha256sums_names_both_zips_and_the_bill(repo_root: Path) -> None:
    lines = [line.split("  ") for line in (repo_root / "dist/SHA256SUMS").read_text().splitlines()]
    assert {name: found for found, name in lines} == {
        name: digest(repo_root / "dist" / name) for name in ("function.zip", "layer.zip", "sbom.cdx.json")
    }


def test_sha256sum_checks_what_is_committed(repo_root: Path, tmp_path: Path) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("this machine has no sha256sum")
    for name in ("function.zip", "sbom.cdx.json", "SHA256SUMS"):
        shutil.copyfile(repo_root / "dist" / name, tmp_path / name)
    command = ["sha256sum", "--check", "--ignore-missing", "SHA256SUMS"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "function.zip: OK\nsbom.cdx.json: OK\n"
    assert done.stdout in (repo_root / "SECURITY.md").read_text(encoding="utf-8")


def test_layer_json_tells_what_the_lock_pins(layer: Layer, repo_root: Path) -> None:
    locked = {pin.name: pin for pin in read_lock(repo_root / LOCKS["layer"])}
    assert {package.name: package.version for package in layer.packages} == {
        name: pin.version for name, pin in locked.items()
    }, "run: make dist"
    for package in layer.packages:
        assert package.sha256 in locked[package.name].sha256


def test_layer_json_tells_of_the_zip_that_was_built(layer: Layer, repo_root: Path) -> None:
    assert layer.sha256 == digest(repo_root / "dist/layer.zip")


REFERENCED = ("spdx", "jsf-0.82")


def schemas() -> tuple[dict[str, Any], jsonschema_rs.Registry]:
    folder = importlib.resources.files("cyclonedx.schema") / "_res"
    bom, *others = (
        json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text(encoding="utf-8"))
        for name in ("bom-1.6", *REFERENCED)
    )
    base = bom["$id"].rpartition("/")[0]
    return bom, jsonschema_rs.Registry(
        [(f"{base}/{name}.SNAPSHOT.schema.json", other) for name, other in zip(REFERENCED, others, strict=True)]
    )


def faults(document: dict[str, Any]) -> list[str]:
    schema, registry = schemas()
    validator = jsonschema_rs.Draft7Validator(schema, registry=registry, validate_formats=True)
    return [error.message for error in validator.iter_errors(document)]


def test_the_bill_keeps_to_cyclonedx_s_schema(document: dict[str, Any]) -> None:
    assert faults(document) == []


def test_the_schema_would_find_a_fault(document: dict[str, Any]) -> None:
    component = {"type": "library", "name": "x", "licenses": [{"license": {"id": "Not-SPDX"}}]}
    assert faults(document | {"components": [component]})
    assert faults(document | {"serialNumber": "1"})


def test_a_tool_reads_the_bill_and_finds_each_package_with_digest_and_licence(
    document: dict[str, Any], layer: Layer, repo_root: Path
) -> None:
    bom = Bom.from_json(document)  # type: ignore[attr-defined]  # the library's decorator adds it
    assert bom.validate()
    shipped = {component.name: component for component in bom.components}
    assert set(shipped) == {"function.zip", "layer.zip", "aws-lambda-python-runtime"}
    assert digests(shipped["function.zip"]) == [digest(repo_root / "dist/function.zip")]
    assert digests(shipped["layer.zip"]) == [layer.sha256]
    packages = {component.name: component for component in shipped["layer.zip"].components}
    assert set(packages) == {package.name for package in layer.packages}
    for package in layer.packages:
        found = packages[package.name]
        assert str(found.purl) == f"pkg:pypi/{package.name}@{package.version}"
        assert digests(found) == [package.sha256]
        assert [getattr(one, "id", None) or one.value for one in found.licenses] == [package.license]
    provided = {component.name for component in shipped["aws-lambda-python-runtime"].components}
    assert provided == {"boto3", "botocore"}


def digests(component: Component) -> list[str]:
    return [found.content for found in component.hashes]


def test_every_dependency_is_a_component_and_every_package_is_reached(document: dict[str, Any]) -> None:
    known = {document["metadata"]["component"]["bom-ref"]}
    for component in document["components"]:
        known |= {component["bom-ref"], *(inner["bom-ref"] for inner in component.get("components", []))}
    arrows = {entry["ref"]: set(entry["dependsOn"]) for entry in document["dependencies"]}
    assert set(arrows) == known
    assert set().union(*arrows.values()) == known - {document["metadata"]["component"]["bom-ref"]}


def test_the_bill_has_no_time_and_its_number_follows_its_content(document: dict[str, Any], layer: Layer) -> None:
    assert "timestamp" not in document["metadata"]
    once, again, other = (bill_of_materials("1.0.0", sha * 64, layer) for sha in ("0", "0", "1"))
    assert once == again
    assert json.loads(once)["serialNumber"] != json.loads(other)["serialNumber"]


@pytest.mark.parametrize(
    ("changelog", "version"),
    [
        ("# Changelog\n\n## Unreleased\n\n- New.\n", "0.0.0+unreleased"),
        ("## Unreleased\n\n## 1.2.0\n\n- New.\n", "1.2.0"),
        ("## 1.2.0\n\n- New.\n\n## 1.1.0\n", "1.2.0"),
        ("## Unreleased\n\n### Fixed\n\n- It.\n\n## [1.2.0] - 2027-01-01\n\n- New.\n", "1.2.0+unreleased"),
    ],
)
def test_the_version_is_the_changelog_s(changelog: str, version: str) -> None:
    assert released_version(changelog) == version


def test_a_wheel_of_unknown_licence_stops_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(target: Path) -> None:
        build_dist.write_zip(
            target / "pkg-1.0-py3-none-any.whl",
            {"pkg.py": b"", "pkg-1.0.dist-info/METADATA": b"Name: pkg\nVersion: 1.0\nLicense: Ask us\n\n"},
        )

    monkeypatch.setattr(build_dist, "download_wheels", fetch)
    with pytest.raises(
        build_dist.BuildError,
        match=re.escape('pkg-1.0-py3-none-any.whl: its licence is not known; the metadata says "text: Ask us"'),
    ):
        build_dist.build_layer(tmp_path)
    assert not (tmp_path / "layer.json").exists()
