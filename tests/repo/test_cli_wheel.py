"""The command line installs from a clone, with the contract in its wheel, and runs without the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.xdist_group("wheel")  # it is built once


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index",
         "--no-build-isolation", "--wheel-dir", folder, ROOT / "cli"],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_contract_and_no_use_case(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as package:
        names = package.namelist()
        for name in names:
            if name.startswith("dynamodb_backup/"):
                assert package.read(name) == (ROOT / "lambda_src" / name).read_bytes()
    assert "dynamodb_backup/contract/restore_fields.py" in names
    rooms = {name.split("/")[1] for name in names if name.startswith("dynamodb_backup/")}
    assert rooms == {
        "__init__.py",
        "contract",
        "errors.py",
        "naming.py",
        "strict_json.py",
        "timing.py",
        "typed_record.py",
    }
    assert not [name for name in names if "__pycache__" in name]


def test_every_command_runs_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as package:
        package.extractall(tmp_path)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    shown = subprocess.run(
        [sys.executable, "-m", "dynamodb_backup_cli", "--help"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "restore" in shown.stdout
    completed = subprocess.run(
        [sys.executable, "-m", "dynamodb_backup_cli", "re"],
        cwd=tmp_path,
        env=environment
        | {"_DYNAMODB_BACKUP_COMPLETE": "bash_complete", "COMP_WORDS": "dynamodb-backup re", "COMP_CWORD": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "restore" in completed.stdout


def test_the_whole_contract_can_be_imported_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """It brings whatever it needs of the functions' other rooms."""
    with zipfile.ZipFile(wheel) as package:
        package.extractall(tmp_path)
    modules = sorted(path.stem for path in (tmp_path / "dynamodb_backup/contract").glob("[a-z]*.py"))
    imports = "".join(f"import dynamodb_backup.contract.{name}\n" for name in modules)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([sys.executable, "-c", imports], cwd=tmp_path, env=environment, check=True)
