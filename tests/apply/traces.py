"""What a demo may leave behind: files of Terraform's in the tree, and processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scripts.terraform_plugins import ROOT

PROCESSES = Path("/proc")
TERRAFORM_LEAVES = (".terraform", ".terraform.lock.hcl", "terraform.tfstate", "demo.auto.tfvars.json")


def left_by_terraform() -> set[Path]:
    return {path for place in ("", "examples/*/") for name in TERRAFORM_LEAVES for path in ROOT.glob(place + name)}


def processes_with(text: str) -> Iterator[str]:
    """Yield the command lines of all processes in whose environment a text occurs: each inherits the demo's TMPDIR.

    Only on Linux, which has /proc.
    """
    for process in PROCESSES.glob("[0-9]*"):
        try:
            if text.encode() in (process / "environ").read_bytes():
                yield (process / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue  # ended meanwhile, or another user's
