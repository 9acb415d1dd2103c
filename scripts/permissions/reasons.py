"""The comments of policy statements in the .tf files: why a role may do something."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from scripts.permissions.planned import Document

__all__ = ["comments", "reason"]

# The form that `terraform fmt` gives: blocks begin and end at their own column.
DOCUMENT = re.compile(r'^data "aws_iam_policy_document" "(?P<name>\w+)" \{\n(?P<body>.*?)^\}', re.MULTILINE | re.DOTALL)
STATEMENT = re.compile(
    r'(?P<above>(?:^  #[^\n]*\n)*)^  (?:statement|dynamic "statement") \{\n(?P<body>.*?)^  \}', re.MULTILINE | re.DOTALL
)
SID = re.compile(r'^ +sid += "(\w+)"$', re.MULTILINE)
COMMENT = re.compile(r"^ *# (.*)$", re.MULTILINE)
OF_AN_ACTION = re.compile(r'^ *"([\w:*]+)", +# (.*)$', re.MULTILINE)


def comments(text: str) -> dict[tuple[str, str], str]:
    """Return the comments of a .tf file's statements by document and Sid; "" where there is none."""
    found = {}
    for document in DOCUMENT.finditer(text):
        for statement in STATEMENT.finditer(document["body"]):
            sid = SID.search(statement["body"])
            if sid:
                lines = COMMENT.findall(statement["above"] + statement["body"])
                actions = [f"`{action}`: {why}." for action, why in OF_AN_ACTION.findall(statement["body"])]
                found[document["name"], sid[1]] = " ".join([*lines, *actions])
    return found


def reason(root: Path, documents: Iterable[Document], sid: str) -> str:
    """Return why a statement of these documents is there.

    Raises
    ------
    ValueError
        none of the documents has such a statement, or it has no comment.
    """
    documents = tuple(documents)
    for document in documents:
        for path in sorted((root / document.directory).glob("*.tf")):
            said = comments(path.read_text(encoding="utf-8")).get((document.name, sid))
            if said:
                return said
            if said is not None:
                raise ValueError(
                    f"{path.relative_to(root)}: statement {sid} of the policy document {document.name} has no comment. "
                    "Write above it what needs it."
                )
    raise ValueError(
        f"no statement {sid} is written in {', '.join(f'{one.directory}:{one.name}' for one in documents)}"
    )
