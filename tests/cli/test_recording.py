"""The picture in the README is a session that took place, and still looks the same.

``UPDATE_DOCS=1 pytest tests/cli/test_recording.py`` records it again.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime

import pytest

from tests.cli.conftest import Account, Terminal
from tests.cli.recording import picture, settled, text_of
from tests.conftest import ROOT
from tests.scenario.docs.pages import DOCUMENTED_DATE, comparable

pytestmark = pytest.mark.xdist_group("cli")

PICTURE = ROOT / "docs/images/cli.svg"
WIDTH = 104
PROMPT = "\x1b[1;32m$\x1b[0m "


def test_a_restore_that_is_agreed_to_ends_proven_and_looks_as_in_the_readme(account: Account) -> None:
    account.shop.prepare("damage")
    session = "\n".join([_played(account, "status"), _played_restore(account)])
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    for form in ("-", ""):
        session = session.replace(today.replace("-", form), DOCUMENTED_DATE.replace("-", form))
    drawn = picture(session, title="dynamodb-backup", width=WIDTH)

    if os.environ.get("UPDATE_DOCS"):
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_text(drawn, encoding="utf-8")
    assert re.search(r"shop-orders\s+\S+\s+COMPLETED\s+600\s+600\s+1\s+0\s+yes", text_of(drawn))
    assert account.items("shop-orders") == 600
    recorded = PICTURE.read_text(encoding="utf-8")
    assert comparable(text_of(recorded)) == comparable(text_of(drawn))
    assert "://" not in recorded.replace("http://www.w3.org/", "")


def test_what_was_drawn_over_is_not_in_the_picture() -> None:
    raw = "a\r\n50 %\r\x1b[2K60 %\r\x1b[2Kb\r\n\x1b[31mc\x1b[0m\r\nd\x1b[1A\r\x1b[2Ke"
    assert settled(raw).splitlines() == ["a", "b", "e", "d"]


def _played(account: Account, *words: str) -> str:
    terminal = Terminal(account, *words, columns=WIDTH)
    assert terminal.ends() == 0
    return _shown(words, terminal)


def _played_restore(account: Account) -> str:
    words = ("restore", "shop-orders", "--write-mode", "mirror", "--poll-seconds", "0.3")
    terminal = Terminal(account, *words, columns=WIDTH)
    terminal.sees("to go on").types("shop-orders")
    assert terminal.ends() == 0
    return _shown(words[:-2], terminal)


def _shown(words: tuple[str, ...], terminal: Terminal) -> str:
    return f"{PROMPT}dynamodb-backup {' '.join(words)}\n{settled(terminal.seen.getvalue()).rstrip()}\n"
