"""``dist/layer.zip`` is exactly the pinned wheels, file by file, and runs on either architecture."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import zipfile
from pathlib import Path

import pytest

from scripts import build_dist

NATIVE = (".so", ".pyd", ".dylib", ".dll", ".a", ".exe")


@pytest.fixture(scope="module")
def layer(repo_root: Path) -> dict[str, bytes]:
    """The files of the built layer by their path below ``python/``."""
    with zipfile.ZipFile(repo_root / "dist/layer.zip") as archive:
        assert all(name.startswith("python/") for name in archive.namelist())
        return {name.removeprefix("python/"): archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def records(layer: dict[str, bytes]) -> dict[str, tuple[str, str]]:
    """What the wheels' RECORD files say: path -> (hash, size)."""
    rows: dict[str, tuple[str, str]] = {}
    for name, content in layer.items():
        if re.fullmatch(r"[^/]+\.dist-info/RECORD", name):
            for path, digest, size in csv.reader(io.StringIO(content.decode())):
                assert path not in rows
                rows[path] = (digest, size)
    return rows


def test_every_file_has_the_hash_and_size_that_its_wheel_recorded(
    layer: dict[str, bytes], records: dict[str, tuple[str, str]]
) -> None:
    for path, content in layer.items():
        if path.endswith(".dist-info/RECORD"):
            continue  # a RECORD cannot hold its own hash; pip checked the wheel's
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        assert records[path] == (f"sha256={digest}", str(len(content))), path


def test_the_layer_and_the_records_list_the_same_files(
    layer: dict[str, bytes], records: dict[str, tuple[str, str]]
) -> None:
    assert set(layer) == set(records)


def test_the_layer_holds_the_pinned_packages_at_the_pinned_versions(layer: dict[str, bytes], repo_root: Path) -> None:
    pins = re.findall(r"^([\w-]+)==([\w.]+)", (repo_root / "lambda_src/requirements.txt").read_text(), re.MULTILINE)
    expected = {f"{name.replace('-', '_')}-{version}.dist-info" for name, version in pins}
    found = {path.split("/")[0] for path in layer if ".dist-info/" in path}
    assert found == expected
    assert {name for name, _ in pins} == {"aws-lambda-powertools", "jmespath", "typing-extensions"}


def test_the_layer_is_pure_python(layer: dict[str, bytes]) -> None:
    assert [path for path in layer if path.endswith(NATIVE)] == []
    wheels = {path: content.decode() for path, content in layer.items() if path.endswith(".dist-info/WHEEL")}
    assert wheels
    for path, text in wheels.items():
        assert "Root-Is-Purelib: true" in text, path
        assert set(re.findall(r"^Tag: (.*)$", text, re.MULTILINE)) <= {"py3-none-any", "py2-none-any"}, path


def _wheel(folder: Path, name: str, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(folder / name, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)


def test_a_wheel_for_one_architecture_is_refused_by_name(tmp_path: Path) -> None:
    _wheel(tmp_path, "orjson-3.10.0-cp313-cp313-manylinux_2_17_aarch64.whl", {"orjson/__init__.py": b""})
    with pytest.raises(build_dist.BuildError, match=r"orjson-3.10.0-cp313.*is not a pure-Python wheel"):
        build_dist.layer_entries(tmp_path)


@pytest.mark.parametrize("path", ["pkg-1.data/purelib/pkg.py", "../outside.py", "/etc/outside.py"])
def test_a_wheel_whose_files_belong_elsewhere_is_refused_by_name(path: str, tmp_path: Path) -> None:
    _wheel(tmp_path, "pkg-1-py3-none-any.whl", {path: b""})
    with pytest.raises(build_dist.BuildError, match=r"pkg-1-py3-none-any\.whl"):
        build_dist.layer_entries(tmp_path)


def test_two_wheels_with_one_file_are_refused(tmp_path: Path) -> None:
    _wheel(tmp_path, "one-1-py3-none-any.whl", {"shared.py": b"1"})
    _wheel(tmp_path, "two-1-py3-none-any.whl", {"shared.py": b"2"})
    with pytest.raises(build_dist.BuildError, match=r"two-1-py3-none-any.whl: shared.py"):
        build_dist.layer_entries(tmp_path)


def test_no_wheels_are_an_error_and_not_an_empty_layer(tmp_path: Path) -> None:
    with pytest.raises(build_dist.BuildError, match="no wheel"):
        build_dist.layer_entries(tmp_path)
