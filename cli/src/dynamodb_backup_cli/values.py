"""Values on the command line: JSON or a file of it, keys of items, pairs of tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from dynamodb_backup.strict_json import read_json

__all__ = ["KEYS", "TABLE_PAIR", "TEXT_OR_FILE", "JsonOrFile", "key_of_words"]

Key = dict[str, dict[str, str]]

_PART = re.compile(r"(?P<name>[^=:]+)(?::(?P<type>[SNB]))?=(?P<value>.+)", re.DOTALL)
KEY_HELP = "name=VALUE for a string, name:N=VALUE for a number, name:B=BASE64 for bytes, or DynamoDB's JSON"


class TextOrFile(click.ParamType[Any]):
    """A text, or with ``@FILE`` the text in a file: what should not stand in the shell's history."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        if not text.startswith("@"):
            return text
        try:
            return Path(text[1:]).read_text(encoding="utf-8").rstrip("\n")
        except (OSError, UnicodeDecodeError) as error:
            self.fail(f"the file {text[1:]} cannot be read: {error}", param, ctx)


TEXT_OR_FILE = TextOrFile()


class JsonOrFile(TextOrFile):
    """JSON, or with ``@FILE`` the JSON in a file."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        text = super().convert(value, param, ctx)
        try:
            return read_json(text)
        except ValueError as error:
            self.fail(f"is not JSON, and not @FILE: {error}", param, ctx)


class Keys(JsonOrFile):
    """Typed keys: an array, one object, or the short form of a key with one attribute."""

    name = "keys"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and value[:1] not in {"[", "{", "@"}:
            try:
                return [key_of_words([value])]
            except ValueError as error:
                self.fail(str(error), param, ctx)
        document = super().convert(value, param, ctx)
        return [document] if isinstance(document, dict) else document


KEYS = Keys()


class TablePair(click.ParamType[Any]):
    """``SOURCE=TARGET``."""

    name = "pair"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        source, separator, target = str(value).partition("=")
        if not (source and separator and target):
            self.fail(f"'{value}' must be SOURCE=TARGET, two table names", param, ctx)
        return source, target


TABLE_PAIR = TablePair()


def key_of_words(words: Sequence[str]) -> Key:
    """Read a primary key: one JSON object, or an attribute a word.

    Raises
    ------
    ValueError
        It is neither.

    Examples
    --------
    >>> key_of_words(["customer=c-1", "line:N=3"])
    {'customer': {'S': 'c-1'}, 'line': {'N': '3'}}
    """
    if len(words) == 1 and words[0].lstrip().startswith("{"):
        try:
            return dict(read_json(words[0]))
        except ValueError as error:
            raise ValueError(f"the key is not JSON: {error}") from error
    key: Key = {}
    for word in words:
        part = _PART.fullmatch(word)
        if part is None:
            raise ValueError(f"'{word}' is no part of a key: write {KEY_HELP}")
        key[part["name"]] = {part["type"] or "S": part["value"]}
    return key
