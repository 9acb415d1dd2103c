"""Every message that a function raises is in docs/troubleshooting.md, and every message there is one of a function."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from dynamodb_backup import errors

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "lambda_src" / "dynamodb_backup").rglob("*.py"))
TEXT = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
PAGE = " ".join(TEXT.split())
ERROR_CLASSES = {name for name in errors.__all__ if name != "ToolError"}
FAILING_CALLS = ERROR_CLASSES - {"TimeIsUp"} | {"ToolError", "fail", "_other_keys"}
SECTIONS_OF_MESSAGES = (
    "ConfigurationError",
    "RequestRefused",
    "ExportRefused",
    "HTTP API",
    "BackupNotFound",
    "BackupDamaged",
    "UnsupportedExport",
    "TargetUnusable",
    "Items that were refused",
    "ObjectChanged, ObjectMissing",
    "On-demand backups",
    "Restore tests",
    "Off-site copy",
    "Waiting and conflicts",
    "Warnings",
)
TELLING_LENGTH = 6
"""Shorter pieces of a message (" of ", "s3://") tell nothing."""


def raised_messages() -> Iterator[tuple[str, str]]:
    """Yield each place that makes an error, with the longest constant piece of its message."""
    for source in SOURCES:
        for call in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and called(call) in FAILING_CALLS:
                longest = max((piece.strip() for piece in pieces(call)), key=len, default="")
                if len(longest) >= TELLING_LENGTH:
                    yield f"{source.name}:{call.lineno}", flat(longest)


def flat(text: str) -> str:
    return " ".join(text.split())


def called(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def pieces(node: ast.AST) -> list[str]:
    constants = (one.value for one in ast.walk(node) if isinstance(one, ast.Constant))
    return [piece for text in constants if isinstance(text, str) for piece in text.split("s3://")]


def documented_messages() -> Iterator[tuple[str, str]]:
    """Yield the first column of each table in the sections that list messages."""
    section = ""
    for line in TEXT.splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif line.startswith("| ") and section in SECTIONS_OF_MESSAGES:
            message = line.split(" | ")[0].removeprefix("| ")
            if message not in {"message", "warning"}:
                yield section, message


def test_raised_messages_are_documented() -> None:
    unexplained = [f"{place}: {message}" for place, message in raised_messages() if message not in PAGE]
    assert not unexplained, "docs/troubleshooting.md does not explain these messages"


def test_documented_messages_are_raised() -> None:
    said = flat(" ".join(" ".join(pieces(ast.parse(source.read_text(encoding="utf-8")))) for source in SOURCES))
    missing = [
        f"{section}: {message}"
        for section, message in documented_messages()
        if not all(piece.strip(" /") in said for piece in re.split(r"…|s3://", message))
    ]
    assert not missing, "no function says these messages of docs/troubleshooting.md any more"


def test_error_classes_are_documented() -> None:
    assert not [name for name in sorted(ERROR_CLASSES) if name not in PAGE]
