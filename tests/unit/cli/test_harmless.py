"""What was read from AWS moves no cursor, clears no screen and forges no line of a terminal."""

from __future__ import annotations

import json

import pytest

from dynamodb_backup_cli.failures import CliError, Exit
from dynamodb_backup_cli.harmless import harmless, harmless_json
from dynamodb_backup_cli.screen import Screen

OBEYED = (
    "\x1b[2J",
    "\x1b]52;c;aGk=\x07",
    "\x9b2J",
    "\x08\x08",
    "a\rok",
    "\x00",
    "\x7f",
    "\u202etxt.exe",
    "\u2066",
    "\ud800",
)


@pytest.mark.parametrize("text", OBEYED)
def test_every_way_to_the_terminal_is_shut(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    screen.say(text)
    screen.note(text)
    screen.warn([text])
    screen.table(["a"], [[text]])
    screen.failed(CliError(text))
    written = capsys.readouterr()
    assert (written.out + written.err).replace("\n", "").isprintable()


def test_what_is_written_stays_as_it_is() -> None:
    assert harmless("Zürich 東京 🙂\n\ttab") == "Zürich 東京 🙂\n\ttab"
    assert harmless("\x1b[31m\x9b") == "\\x1b[31m\\x9b"


@pytest.mark.parametrize("text", OBEYED)
def test_json_means_the_same(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    Screen(as_json=True).envelope("list", Exit.GOOD, {"error": text})
    written = capsys.readouterr().out
    assert written.replace("\n", "").isprintable()
    assert json.loads(written)["result"]["error"] == text
    assert json.loads(harmless_json(json.dumps(text, ensure_ascii=False))) == text


def test_brackets_in_a_warning_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().warn(["[/red] [bold]x[/bold] [link=https://example.com]y[/link]"])
    assert "[/red] [bold]x[/bold] [link=https://example.com]y[/link]" in capsys.readouterr().err
