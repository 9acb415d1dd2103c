"""Write docs/permissions.md: ``python -m scripts.permissions``; with ``--check`` only say whether it is up to date."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import sandbox
from scripts.permissions.page import page
from scripts.permissions.planned import plan_everything, planned_roles
from scripts.terraform_cli import TerraformError
from scripts.terraform_plugins import SetupError

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Write or check the page; return the exit status."""
    parser = argparse.ArgumentParser(description="Write docs/permissions.md from a plan of everything.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the page is out of date")
    options = parser.parse_args()
    path = ROOT / "docs" / "permissions.md"
    try:
        with sandbox.start() as aws:
            written = page(ROOT, planned_roles(plan_everything(aws)))
    except (SetupError, TerraformError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    if path.exists() and path.read_text(encoding="utf-8") == written:
        return 0
    if options.check:
        print("docs/permissions.md is out of date: run `make docs`.", file=sys.stderr)
        return 1
    path.write_text(written, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
