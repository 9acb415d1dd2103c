"""Everything that is shipped or installed has a known licence that is allowed for its use."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import json
import re
import sys
from email.message import Message
from pathlib import Path

import pytest

from scripts.supply import check_licenses
from scripts.supply.check_licenses import Found, is_allowed
from scripts.supply.inventory import Layer
from scripts.supply.licenses import Policy, license_of
from scripts.supply.locks import Pin

POLICY = Policy.read()
PIN = Pin("thing", "1.0", None, frozenset())


def metadata(*fields: tuple[str, str]) -> Message:
    message = Message()
    for name, value in fields:
        message[name] = value
    return message


@pytest.mark.parametrize("lock", ["layer", "cli", "dev"])
def test_what_is_installed_is_allowed(lock: str) -> None:
    distributions = check_licenses.installed(Path(sys.prefix))
    found = list(check_licenses.licenses(lock, distributions, POLICY))
    assert found
    assert [fault for one in found if (fault := one.fault(POLICY))] == []


def test_layer_json_gives_the_licences_that_the_installed_packages_have(repo_root: Path) -> None:
    layer = Layer.from_json((repo_root / "dist/layer.json").read_text(encoding="utf-8"))
    found = check_licenses.licenses("layer", check_licenses.installed(Path(sys.prefix)), POLICY)
    assert {one.pin.name: one.license for one in found} == {one.name: one.license for one in layer.packages}


def test_the_policy_names_licences_by_their_spdx_identifiers_and_ships_no_copyleft() -> None:
    schema = importlib.resources.files("cyclonedx.schema") / "_res" / "spdx.SNAPSHOT.schema.json"
    identifiers = set(json.loads(schema.read_text(encoding="utf-8"))["enum"])
    assert {license_ for license_ in POLICY.tools if not license_.startswith("LicenseRef-")} <= identifiers
    assert not [one for one in POLICY.shipped if re.match(r"A?L?GPL|MPL|EPL|CDDL|EUPL|SSPL|OSL|LicenseRef", one)]


def test_a_statement_is_used_by_a_package_that_is_still_there(repo_root: Path) -> None:
    locks = "".join((repo_root / name).read_text() for name in ("requirements-dev.txt", "requirements-lint.txt"))
    assert [name for name in POLICY.stated if f"\n{name}==" not in locks] == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([("License-Expression", "MIT OR Apache-2.0"), ("License", "whatever")], "MIT OR Apache-2.0"),
        ([("License", "BSD-3-Clause")], "BSD-3-Clause"),
        ([("License", "MPL-2.0 AND MIT")], "MPL-2.0 AND MIT"),
        ([("License", "MIT License"), ("Classifier", "License :: OSI Approved :: MIT License")], "MIT"),
        ([("License", "UNKNOWN"), ("Classifier", "License :: OSI Approved :: BSD License")], "LicenseRef-BSD"),
        ([("Classifier", "License :: OSI Approved")], None),
        ([("Classifier", "License :: Other/Proprietary License")], None),
        ([("License", "GPL")], None),
        ([("License", "Ask our lawyers")], None),
        ([("License", "MIT\nbut only on Sundays")], "MIT"),
        ([("Classifier", f"License :: OSI Approved :: {name}") for name in ("MIT License", "BSD License")], None),
        ([], None),
    ],
)
def test_a_licence_is_what_the_metadata_says_or_unknown(fields: list[tuple[str, str]], expected: str | None) -> None:
    assert license_of("thing", metadata(*fields), POLICY) == expected


def test_a_statement_holds_only_while_the_metadata_says_the_same() -> None:
    policy = Policy(POLICY.shipped, POLICY.tools, {"thing": {"metadata": "text: see LICENSE", "license": "MIT"}})
    assert license_of("thing", metadata(("License", "see LICENSE")), policy) == "MIT"
    assert license_of("thing", metadata(("License", "commercial, see LICENSE")), policy) is None
    assert license_of("thing", metadata(("License-Expression", "GPL-3.0-only")), policy) == "GPL-3.0-only"


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("GPL-3.0-or-later OR MIT", True),
        ("GPL-3.0-or-later AND MIT", False),
        ("(MIT OR GPL-2.0-only) AND Apache-2.0", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("Apache-2.0 WITH LLVM-exception", False),
        ("MIT OR", False),
        ("", False),
    ],
)
def test_an_expression_is_allowed_when_allowed_licences_meet_it(expression: str, allowed: bool) -> None:
    assert is_allowed(expression, frozenset({"MIT", "Apache-2.0"})) is allowed


@pytest.mark.parametrize(
    ("lock", "license_", "says"),
    [
        ("layer", "MPL-2.0", "lambda_src/requirements.txt: thing 1.0: the licence MPL-2.0 is shipped in the layer"),
        ("layer", None, 'thing 1.0: its licence is not known; its metadata says "text: Ask us"'),
        ("dev", "GPL-3.0-only", "requirements-dev.txt: thing 1.0: the licence GPL-3.0-only is new"),
        ("lint", None, "requirements-lint.txt: thing 1.0: its licence is not known"),
    ],
)
def test_what_is_not_allowed_is_refused_by_name(lock: str, license_: str | None, says: str) -> None:
    assert says in (Found(lock, PIN, license_, "text: Ask us").fault(POLICY) or "")


def test_the_tools_may_have_what_the_layer_may_not() -> None:
    assert Found("dev", PIN, "MPL-2.0", "").fault(POLICY) is None


@pytest.fixture
def environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Two environments and locks of one package each: ``shipped`` in the layer, ``tool`` for the rest."""
    locks = {"layer": Path("layer.txt"), "lint": Path("lint.txt")}
    for lock, name in (("layer", "shipped"), ("lint", "tool")):
        (tmp_path / locks[lock]).write_text(f"{name}==1.0 --hash=sha256:{'0' * 64}\n")
        folder = tmp_path / lock / "lib" / "python3.13" / "site-packages" / f"{name}-1.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\nLicense-Expression: MIT\n")
    for module in (check_licenses,):
        monkeypatch.setattr(module, "LOCKS", locks)
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(check_licenses, "POLICY", tmp_path / "policy.toml")
    return tmp_path / "layer", tmp_path / "lint"


def run(environments: tuple[Path, Path], *options: str) -> int:
    return check_licenses.main([*map(str, environments), *options])


def test_the_list_names_what_is_shipped_and_counts_the_rest(
    environments: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(environments) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Shipped in the layer: 1 packages",
        "    1  MIT  shipped 1.0",
        "Tools, not shipped: 1 packages",
        "    1  MIT",
    ]
    assert run(environments, "--list") == 0
    assert "    1  MIT  tool 1.0" in capsys.readouterr().out


def test_copyleft_in_the_layer_fails(environments: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = environments[0].rglob("METADATA")
    found.write_text("Name: shipped\nVersion: 1.0\nLicense-Expression: AGPL-3.0-only\n")
    assert run(environments) == 1
    assert "layer.txt: shipped 1.0: the licence AGPL-3.0-only is shipped in the layer" in capsys.readouterr().err


def test_a_locked_package_that_is_not_installed_is_no_success(
    environments: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (environments[1].parent / "lint.txt").write_text(f"tool==2.0 --hash=sha256:{'0' * 64}\n")
    assert run(environments) == 1
    assert capsys.readouterr().err == "lint.txt: tool 2.0 is not installed. Run: make setup lint\n"


def test_a_package_for_another_platform_need_not_be_installed(environments: tuple[Path, Path]) -> None:
    marked = f"tool==2.0 ; sys_platform == 'win32' --hash=sha256:{'0' * 64}\n"
    (environments[1].parent / "lint.txt").write_text(marked)
    assert run(environments) == 0


def test_distributions_are_found_under_the_locks_spelling() -> None:
    assert importlib.metadata.version("PyYAML") == check_licenses.installed(Path(sys.prefix))["pyyaml"].version
