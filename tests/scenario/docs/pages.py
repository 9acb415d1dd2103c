"""The command blocks of the documentation, and what is compared of their outputs.

A ``sh`` block is one script; the ``text`` or ``json`` block right after it is its output. A comment above a block tells
the test what a reader need not see:

    <!-- prepare: NAME -->      change the account first (the scenario's preparations have these names)
    <!-- not run: REASON -->    this block is not for the sandbox
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DOCUMENTED_DATE = "2026-08-01"
"""The day on which the documentation plays; the test plays today."""

_PART = re.compile(
    r"<!-- prepare: (?P<preparation>[^>]+?) -->"
    r"|(?:<!-- not run: (?P<excuse>[^>]+?) -->\n+)?"
    r"```sh\n(?P<script>.*?)```(?:\n+```(?:text|json)\n(?P<output>.*?)```)?",
    re.DOTALL,
)
_VOLATILE = (
    (re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}"), "<restore_id>"),
    (re.compile(r"\d{14}-[0-9a-f]{8}"), "<ExportId>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|\+00:?00)?"), "<time>"),
    (re.compile(r'"duration_seconds": ?[\d.]+'), '"duration_seconds": <seconds>'),
    (re.compile(r'"compressed_bytes": ?\d+'), '"compressed_bytes": <bytes>'),
    (re.compile(r'"location": ?"[^"]+"'), '"location": <line>'),
    (re.compile(r'sha256": ?"[0-9a-f]{64}"'), 'sha256": <digest>'),
    (re.compile(r"<time> +\d+ "), "<time> <bytes> "),
    (re.compile(r"(<time>|data)(.*/)[a-z2-7]{26}\.json\.gz"), r"\1\2<file>.json.gz"),
    (re.compile(r":[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), ":<uuid>"),
)

_AGE = re.compile(r"\d+ (?:s|min(?: \d\d s)?|h \d\d min)(?![a-z])")


@dataclass(frozen=True)
class Part:
    """One step of a page: a preparation, or a script with its output, if it is to be run."""

    line: int
    preparation: str | None = None
    script: str = ""
    output: str | None = None
    excuse: str | None = None
    markdown: str = ""


def parts_of(page: Path) -> list[Part]:
    """Return a page's steps in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Part(
            line=text.count("\n", 0, found.start()) + 1,
            preparation=found["preparation"],
            script=found["script"] or "",
            output=found["output"],
            excuse=found["excuse"],
            markdown=found[0],
        )
        for found in _PART.finditer(text)
    ]


def comparable(output: str) -> str:
    """Return an output without what differs from run to run: ids, times, durations."""
    for pattern, name in _VOLATILE:
        output = pattern.sub(name, output)
    if "───" in output:  # a table of the command line, whose columns are as wide as ages are long
        output = _AGE.sub("<age>", output)
        output = re.sub("─+", "─", re.sub(" +", "", output))
    return output.strip()
