"""The reference of inputs and outputs in README.md is what the Terraform files say."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from scripts import tf_docs

VARIABLES = """# What is backed up

variable "app_name" {
  description = "Name, for example \\"shop\\"."
  type        = string
  nullable    = false
}

variable "bucket" {
  description = <<-EOT
    The bucket.
    - name, create: "<app_name>" | its own.
  EOT
  type = object({
    name = optional(string)
  })
  default = {}
}
"""
OUTPUTS = 'output "bucket" {\n  description = "Bucket: arn and name."\n  value       = local.bucket\n}\n'
REFERENCE = """### Inputs

#### What is backed up

**`app_name`** (string, required)

Name, for example "shop".

**`bucket`** (object)

The bucket.

- `name, create`: "&lt;app_name>" \\| its own.

### Outputs

| name | what it is |
| --- | --- |
| `bucket` | Bucket: arn and name. |"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "variables.tf").write_text(VARIABLES, encoding="utf-8")
    (tmp_path / "outputs.tf").write_text(OUTPUTS, encoding="utf-8")
    (tmp_path / "README.md").write_text(f"# A\n\n{tf_docs.BEGIN}\nold\n{tf_docs.END}\n\nB\n", encoding="utf-8")
    return tmp_path


def run(tree: Path, *arguments: str) -> int:
    return tf_docs.main([f"--root={tree}", *arguments])


def test_reference_is_written_between_the_markers(tree: Path) -> None:
    assert run(tree) == 0
    assert (tree / "README.md").read_text(encoding="utf-8") == (
        f"# A\n\n{tf_docs.BEGIN}\n\n{REFERENCE}\n\n{tf_docs.END}\n\nB\n"
    )
    assert run(tree, "--check") == 0


def test_check_writes_nothing_and_says_what_to_do(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (tree / "README.md").read_bytes()
    assert run(tree, "--check") == 1
    assert (tree / "README.md").read_bytes() == before
    assert capsys.readouterr().err == "The reference in README.md is out of date: run `make docs`.\n"


def test_missing_marker_is_named(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "README.md").write_text(tf_docs.BEGIN, encoding="utf-8")
    assert run(tree) == 1
    assert tf_docs.END in capsys.readouterr().err


def test_block_without_description_is_named(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "outputs.tf").write_text('output "bare" {\n  value = 1\n}\n', encoding="utf-8")
    assert run(tree) == 1
    assert "output bare" in capsys.readouterr().err


def test_every_block_of_the_module_is_in_the_reference(repo_root: Path) -> None:
    texts = [(repo_root / name).read_text(encoding="utf-8") for name in ("variables.tf", "outputs.tf")]
    text = tf_docs.reference(*texts)
    names = re.findall(r'^(?:variable|output) "(\w+)"', "\n".join(texts), re.MULTILINE)
    assert [name for name in names if f"`{name}`" not in text] == []


def test_readme_is_up_to_date(repo_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("README.md", "variables.tf", "outputs.tf"):
        shutil.copy(repo_root / name, tmp_path)
    assert run(tmp_path, "--check") == 0, capsys.readouterr().err
