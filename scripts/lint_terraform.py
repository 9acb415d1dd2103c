"""Check the security of the Terraform files with checkov, without asking anybody on the network.

``python -m scripts.lint_terraform .venv-lint`` looks at a copy in which the examples do not find the module beside
them: it is checked once, by itself, and not again for each example. Anything found is a failure. What is meant so
carries ``# checkov:skip=CHECK:reason`` in its resource.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SKIP = re.compile(r"#\s*checkov:skip=(?P<check>[\w,]*)(?P<reason>:?.*)")
SHORTEST_REASON = 20


def without_reason(root: Path) -> list[str]:
    """Return the places of skips that give no reason."""
    found = []
    for path in sorted(root.rglob("*.tf")):
        if ".terraform" in path.parts:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            skip = SKIP.search(line)
            if skip and len(skip["reason"].lstrip(": ")) < SHORTEST_REASON:
                found.append(f"{path.relative_to(root)}:{number}: a skip of {skip['check']} says why, in a sentence.")
    return found


def copy_files(root: Path, copy: Path) -> None:
    """Copy what checkov looks at: the module with its submodules, and the examples apart from it."""
    ignored = shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfplan")
    for source in sorted(root.glob("*.tf")):
        (copy / "module").mkdir(exist_ok=True)
        shutil.copy(source, copy / "module")
    for name, target in (("modules", "module/modules"), ("examples", "examples")):
        if (root / name).is_dir():
            shutil.copytree(root / name, copy / target, ignore=ignored)


def main(arguments: list[str] | None = None) -> int:
    """Check; return the exit status."""
    parser = argparse.ArgumentParser(description="Check the security of the Terraform files.")
    parser.add_argument("environment", type=Path, help="the virtual environment of requirements-lint.txt")
    options = parser.parse_args(arguments)
    unexplained = without_reason(ROOT)
    if unexplained:
        print("\n".join(unexplained), file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        copy_files(ROOT, Path(scratch))
        checkov = options.environment.resolve() / "bin" / "checkov"
        settings = ("--framework", "terraform", "--skip-download", "--quiet", "--compact")
        done = subprocess.run(
            [checkov, *settings, "--directory", "."],
            cwd=scratch,
            env={**os.environ, "HOME": scratch, "LOG_LEVEL": "ERROR"},  # nobody's settings, nothing left behind
            check=False,
        )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
