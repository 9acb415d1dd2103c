"""Write the reference of inputs and outputs into README.md, out of variables.tf and outputs.tf.

``python -m scripts.tf_docs`` writes it between the two markers; with ``--check`` it only says whether it is up to date.
The parser knows the form that ``terraform fmt`` and the house rules give these two files, and no more of HCL than that.
"""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BEGIN = "<!-- BEGIN_TF_DOCS -->"
END = "<!-- END_TF_DOCS -->"
# A heading is a comment of one line with an empty line around it; blocks begin and end at the first column.
PART = re.compile(
    r'^(?:# (?P<heading>[^\n]+)\n(?=\n)|(?P<kind>variable|output) "(?P<name>\w+)" \{\n(?P<body>.*?)^\})',
    re.MULTILINE | re.DOTALL,
)
QUOTED = re.compile(r'^  description = "(?P<text>(?:[^"\\]|\\.)*)"$', re.MULTILINE)
HEREDOC = re.compile(r"^  description = <<-EOT\n(?P<text>.*?)^  EOT$", re.MULTILINE | re.DOTALL)
TYPE = re.compile(r"^  type += (?P<type>\w+(?:\(\w+\))?)", re.MULTILINE)
DEFAULT = re.compile(r"^  default += ", re.MULTILINE)


class DocsError(RuntimeError):
    """A block or the README does not have the form that this script reads; the message says where."""


@dataclass(frozen=True)
class Block:
    """A variable or an output; a heading stands before the first block of its section."""

    heading: str
    kind: str
    name: str
    type: str
    required: bool
    description: str


def blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of a file in its order.

    Raises
    ------
    DocsError
        a block has no description.
    """
    heading = ""
    for part in PART.finditer(text):
        if part["heading"]:
            heading = part["heading"]
            continue
        body = part["body"]
        found = HEREDOC.search(body) or QUOTED.search(body)
        if found is None:
            raise DocsError(f"{part['kind']} {part['name']} has no description of a form that is read here.")
        kind = TYPE.search(body)
        yield Block(
            heading=heading,
            kind=part["kind"],
            name=part["name"],
            type=kind["type"] if kind else "",
            required=DEFAULT.search(body) is None,
            description=textwrap.dedent(found["text"]).strip().replace('\\"', '"'),
        )
        heading = ""


def reference(variables: str, outputs: str) -> str:
    """Return the reference as Markdown."""
    lines = ["### Inputs", ""]
    for block in blocks(variables):
        if block.heading:
            lines += [f"#### {block.heading}", ""]
        need = ", required" if block.required else ""
        lines += [f"**`{block.name}`** ({block.type}{need})", "", *_markdown(block.description), ""]
    lines += ["### Outputs", "", "| name | what it is |", "| --- | --- |"]
    lines += [f"| `{block.name}` | {_literal(block.description)} |" for block in blocks(outputs)]
    return "\n".join(lines)


def _markdown(description: str) -> Iterator[str]:
    """Yield the lines of a description; a list of attributes gets the empty line before it that Markdown wants."""
    before = ""
    for line in description.splitlines():
        is_attribute = line.startswith("- ")
        if is_attribute and not before.startswith("- ") and before:
            yield ""
        yield re.sub(r"^- ([\w., ]+):", r"- `\1`:", _literal(line)) if is_attribute else _literal(line)
        before = line


def _literal(text: str) -> str:
    """Keep Markdown from taking <placeholders> for HTML and | for a new cell."""
    return text.replace("<", "&lt;").replace("|", "\\|")


def documented(readme: str, text: str) -> str:
    """Return the README with the reference between its markers.

    Raises
    ------
    DocsError
        the README does not hold each marker once, in order.
    """
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if readme.count(BEGIN) != 1 or readme.count(END) != 1 or not pattern.search(readme):
        raise DocsError(f"The README must hold {BEGIN} and {END}, each once and in this order.")
    return pattern.sub(lambda _: f"{BEGIN}\n\n{text}\n\n{END}", readme)


def main(arguments: list[str] | None = None) -> int:
    """Write or check the reference; return the exit status."""
    parser = argparse.ArgumentParser(description="Write the reference of inputs and outputs into README.md.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the reference is out of date")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    root: Path = options.root
    path = root / "README.md"
    try:
        readme = path.read_text(encoding="utf-8")
        text = reference(*((root / name).read_text(encoding="utf-8") for name in ("variables.tf", "outputs.tf")))
        written = documented(readme, text)
    except (DocsError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    if written == readme:
        return 0
    if options.check:
        print("The reference in README.md is out of date: run `make docs`.", file=sys.stderr)
        return 1
    path.write_text(written, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
