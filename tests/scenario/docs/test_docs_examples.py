"""Every command of the documentation is run, and prints what the documentation says that it prints.

``UPDATE_DOCS=1 pytest tests/scenario/docs/test_docs_examples.py`` writes the outputs into the pages instead.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import sandbox
from tests.scenario.docs.pages import DOCUMENTED_DATE, Part, comparable, parts_of
from tests.scenario.docs.shop import Shop
from tests.scenario.docs.warm_commands import warm_commands

ROOT = Path(__file__).resolve().parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES_WITH_COMMANDS = [page for page in PAGES if any(part.script and not part.excuse for part in parts_of(page))]
UPDATE = bool(os.environ.get("UPDATE_DOCS"))
SHOWN_BY_OTHERS = {
    "cli.md": "each command and its output: tests/cli, on the same deployment",
    "incidents.md": "its commands are the command line's as well",
}
"""Pages that ``make long`` runs, ``make test`` not, and what shows the same there."""
LATER = [] if UPDATE else [pytest.mark.long]


@pytest.mark.skipif(shutil.which("jq") is None, reason="the documentation's commands use jq, which is not installed")
@pytest.mark.parametrize(
    "page",
    [pytest.param(one, marks=LATER if one.name in SHOWN_BY_OTHERS else []) for one in PAGES_WITH_COMMANDS],
    ids=lambda page: page.name,
)
def test_commands_print_what_the_page_says(page: Path, aws: sandbox.Sandbox, commands: Path, tmp_path: Path) -> None:
    shop = Shop(aws, ROOT)
    environment = shell_environment(aws, commands)
    for part in parts_of(page):
        if part.excuse:
            continue
        if part.preparation:
            shop.prepare(part.preparation)
            continue
        output = run(part, tmp_path, environment)
        if comparable(output) == comparable(part.output or ""):
            continue
        if UPDATE:
            shown = f"```sh\n{part.script}```\n\n{fenced(output)}"
            page.write_text(page.read_text(encoding="utf-8").replace(part.markdown, shown), encoding="utf-8")
        else:
            assert output == part.output, f"{page.name}, line {part.line}: {part.script}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_shows_its_output(page: Path) -> None:
    silent = [part.line for part in parts_of(page) if part.script and part.output is None]
    assert not silent, f"{page.name}: command blocks without an output block at lines {silent}"


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder with the shell's ``aws``, which is a stand-in, and with the command line."""
    programs = {"aws": "tests.scenario.docs.aws_cli", "dynamodb-backup": "dynamodb_backup_cli.__main__"}
    path = (ROOT, ROOT / "cli/src", ROOT / "lambda_src")
    with warm_commands(tmp_path_factory.mktemp("bin"), programs, path) as folder:
        yield folder


def shell_environment(aws: sandbox.Sandbox, commands: Path) -> dict[str, str]:
    """Return an environment with the commands, pointed at the sandbox."""
    variables = os.environ | aws.environment | {"PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"}
    return {name: value for name, value in variables.items() if value}  # boto3 takes an empty AWS_PROFILE for a name


def run(part: Part, folder: Path, environment: dict[str, str]) -> str:
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    script = part.script.replace(DOCUMENTED_DATE, today)
    done = subprocess.run(
        ["sh", "-eu"], input=script, cwd=folder, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"line {part.line} failed:\n{script}\n{done.stdout}"
    for form in ("-", ""):
        done.stdout = done.stdout.replace(today.replace("-", form), DOCUMENTED_DATE.replace("-", form))
    return done.stdout


def fenced(output: str) -> str:
    language = "json" if output[:1] in {"{", "["} else "text"
    return f"```{language}\n{output.rstrip()}\n```"
