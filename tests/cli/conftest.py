"""One account with the documentation's functions and state machines, for all tests of the command line."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema_rs
import pexpect
import pytest

import sandbox
from dynamodb_backup_cli.__main__ import main
from tests.conftest import ROOT
from tests.scenario.docs.shop import Shop

NAME = "shop-production"
PROGRAM = ["-m", "dynamodb_backup_cli"]
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
SECONDS = 240
"""How long a terminal is waited for: long, because a busy machine is no failure."""


@dataclass
class Account:
    """A sandbox, and what a process needs to reach it."""

    aws: sandbox.Sandbox
    shop: Shop
    environment: dict[str, str] = field(default_factory=dict)

    def items(self, table: str) -> int:
        return int(self.aws.client("dynamodb").scan(TableName=table, Select="COUNT")["Count"])


@pytest.fixture(scope="session")
def account() -> Iterator[Account]:
    """Deploy once, and back both tables up."""
    if not (ROOT / "dist/layer.zip").exists():
        pytest.skip("dist/layer.zip is not built: make dist")
    with sandbox.start() as aws:
        shop = Shop(aws, ROOT)
        shop.prepare("backup")
        variables = os.environ | aws.environment | {"DYNAMODB_BACKUP_NAME": NAME, "TERM": "xterm-256color"}
        for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
            variables.pop(name, None)
        variables["PYTHONPATH"] = os.pathsep.join(str(ROOT / one) for one in ("cli/src", "lambda_src"))
        yield Account(aws, shop, {name: value for name, value in variables.items() if value})


class Terminal:
    """The program in a real terminal."""

    def __init__(self, account: Account, *words: str, columns: int = 160) -> None:
        self.seen = io.StringIO()
        self._child = pexpect.spawn(
            sys.executable,
            [*PROGRAM, *words],
            # Said twice: on a busy machine the program may look at its terminal before that has its size.
            env=account.environment | {"COLUMNS": str(columns), "LINES": "50"},
            dimensions=(50, columns),
            encoding="utf-8",
            timeout=SECONDS,
        )
        self._child.logfile_read = self.seen

    def sees(self, pattern: str) -> Terminal:
        self._child.expect(pattern)
        return self

    def types(self, line: str) -> Terminal:
        self._child.sendline(line)
        return self

    def presses_ctrl_c(self) -> Terminal:
        self._child.sendintr()
        return self

    def ends(self) -> int:
        self._child.expect(pexpect.EOF)
        self._child.close()
        assert self._child.exitstatus is not None, self.text
        return int(self._child.exitstatus)

    @property
    def text(self) -> str:
        """What was seen, without colours and movements."""
        return ESCAPES.sub("", self.seen.getvalue())


@pytest.fixture
def terminal(account: Account) -> Callable[..., Terminal]:
    def start(*words: str) -> Terminal:
        return Terminal(account, *words)

    return start


@dataclass(frozen=True)
class Ended:
    """How a call in this process ended; its output went to no terminal."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Return what ``--json`` printed, once it is of the form that is promised."""
        document: dict[str, Any] = json.loads(self.out)
        schema = json.loads(Path(ROOT, "cli/output.schema.json").read_text(encoding="utf-8"))
        jsonschema_rs.validate(schema, document)
        assert document["exit_code"] == self.code
        return document


@pytest.fixture
def call(account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Call the program in this process, with the account's environment; an empty value unsets a variable."""

    def ended(*words: str, environment: Mapping[str, str] = {}) -> Ended:
        with monkeypatch.context() as process:
            for name, value in (account.environment | dict(environment)).items():
                process.setenv(name, value) if value else process.delenv(name, raising=False)
            capsys.readouterr()
            code = main(words)
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return ended
