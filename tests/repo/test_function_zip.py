"""``dist/function.zip`` is what the sources give, and holds nothing that it should not."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts import build_dist


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    package = tmp_path / build_dist.PACKAGE
    (package / "room").mkdir(parents=True)
    (package / "__init__.py").write_bytes(b"")
    (package / "room" / "module.py").write_bytes(b"VALUE = 1\n")
    (package / "py.typed").write_bytes(b"")
    return tmp_path


def test_the_committed_zip_is_byte_for_byte_what_the_sources_give() -> None:
    assert build_dist.differing(["function"]) == [], "run: make dist"


def test_entries_are_stored_sorted_and_have_one_date_and_mode(repo_root: Path) -> None:
    with zipfile.ZipFile(repo_root / "dist/function.zip") as archive:
        entries = archive.infolist()
    names = [entry.filename for entry in entries]
    assert names == sorted(names)
    assert {entry.compress_type for entry in entries} == {zipfile.ZIP_STORED}
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} == {stat.S_IFREG | 0o644}


def test_the_zip_holds_the_package_alone_and_no_bytecode(repo_root: Path) -> None:
    with zipfile.ZipFile(repo_root / "dist/function.zip") as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {"dynamodb_backup"}
    assert {Path(name).suffix for name in names} <= {".py", ".typed"}


def test_order_and_time_of_the_files_do_not_change_a_byte(sources: Path, tmp_path: Path) -> None:
    entries = build_dist.function_entries(sources)
    build_dist.write_zip(tmp_path / "once.zip", entries)
    for path in sources.rglob("*.py"):
        path.touch()
        path.chmod(0o600)
    build_dist.write_zip(tmp_path / "again.zip", dict(reversed(build_dist.function_entries(sources).items())))
    assert (tmp_path / "once.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()


def test_bytecode_beside_the_sources_is_left_out(sources: Path) -> None:
    cache = sources / build_dist.PACKAGE / "__pycache__"
    cache.mkdir()
    (cache / "module.cpython-313.pyc").write_bytes(b"\0")
    assert set(build_dist.function_entries(sources)) == {
        "dynamodb_backup/__init__.py",
        "dynamodb_backup/py.typed",
        "dynamodb_backup/room/module.py",
    }


def _add_notes(package: Path) -> None:
    (package / "room" / "notes.txt").write_text("not code")


def _add_link(package: Path) -> None:
    (package / "room" / "link.py").symlink_to("module.py")


def _add_carriage_return(package: Path) -> None:
    (package / "room" / "dos.py").write_bytes(b"VALUE = 1\r\n")


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (_add_notes, "room/notes.txt"),
        (_add_link, "room/link.py"),
        (_add_carriage_return, "room/dos.py"),
    ],
)
def test_what_does_not_belong_in_the_zip_is_refused_by_name(
    spoil: Callable[[Path], None], named: str, sources: Path
) -> None:
    spoil(sources / build_dist.PACKAGE)
    with pytest.raises(build_dist.BuildError, match=named):
        build_dist.function_entries(sources)


def test_a_missing_package_is_an_error_and_not_an_empty_zip(tmp_path: Path) -> None:
    with pytest.raises(build_dist.BuildError, match="no Python package"):
        build_dist.function_entries(tmp_path)


def test_check_says_what_to_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build_dist, "differing", lambda _parts: ["function.zip"])
    assert build_dist.main(["--check", "--function"]) == 1
    assert capsys.readouterr().out == "Not what the sources give: dist/function.zip. Run: make dist\n"


def test_a_layer_that_was_not_built_here_is_compared_by_its_digest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fetch(target: Path) -> None:
        files = {"pkg.py": b"", "pkg-1.0.dist-info/METADATA": b"Name: pkg\nVersion: 1.0\nLicense: MIT\n\n"}
        build_dist.write_zip(target / "pkg-1.0-py3-none-any.whl", files)

    monkeypatch.setattr(build_dist, "download_wheels", fetch)
    build_dist.build(["function", "layer"], tmp_path)
    (tmp_path / "layer.zip").unlink()
    assert build_dist.differing(["layer"], tmp_path) == []
    found = (tmp_path / "layer.json").read_text(encoding="utf-8")
    (tmp_path / "layer.json").write_text(found.replace('"sha256": "', '"sha256": "0'), encoding="utf-8")
    assert build_dist.differing(["layer"], tmp_path) == ["layer.json"]


def test_a_zip_that_is_absent_or_altered_differs(tmp_path: Path) -> None:
    assert build_dist.differing(["function"], tmp_path) == ["function.zip", "sbom.cdx.json", "SHA256SUMS"]
    build_dist.build(["function"], tmp_path)
    with (tmp_path / "function.zip").open("ab") as file:
        file.write(b"\0")
    assert build_dist.differing(["function"], tmp_path) == ["function.zip"]
