"""`make lint` looks at all Terraform files, fails for what checkov finds, and takes no skip without a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import lint_terraform


def environment(tmp_path: Path, script: str) -> str:
    """Return an environment whose checkov is this shell script."""
    program = tmp_path / "environment" / "bin" / "checkov"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return str(tmp_path / "environment")


def test_every_skip_has_a_reason(repo_root: Path) -> None:
    assert lint_terraform.without_reason(repo_root) == []


def test_a_skip_without_a_reason_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.tf").write_text(
        '# checkov:skip=CKV_AWS_1: Meant so, because of that.\nresource "a" "b" {\n  #checkov:skip=CKV_AWS_2\n}\n',
        encoding="utf-8",
    )
    assert lint_terraform.without_reason(tmp_path) == ["a.tf:3: a skip of CKV_AWS_2 says why, in a sentence."]


def test_the_module_is_looked_at_once_and_the_examples_without_it(tmp_path: Path, repo_root: Path) -> None:
    lint_terraform.copy_files(repo_root, tmp_path)
    assert (tmp_path / "module" / "modules" / "function" / "main.tf").is_file()
    assert (tmp_path / "examples" / "minimal" / "main.tf").is_file()
    assert list((tmp_path / "examples" / "minimal" / ".." / "..").glob("*.tf")) == [], "what an example calls ../.."
    copied = {path.name for path in (tmp_path / "module").glob("*.tf")}
    assert copied == {path.name for path in repo_root.glob("*.tf")}


@pytest.mark.parametrize("status", [0, 1])
def test_what_checkov_finds_is_a_failure(status: int, tmp_path: Path) -> None:
    found = lint_terraform.main([environment(tmp_path, f"test -d module && exit {status}; exit 2")])
    assert found == status


def test_checkov_asks_nobody_on_the_network(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert lint_terraform.main([environment(tmp_path, 'echo "$@"')]) == 0
    assert "--skip-download" in capfd.readouterr().out
