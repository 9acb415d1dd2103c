"""A session of the command line as a picture: what a real terminal showed, as SVG that needs nothing but itself."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from html import unescape

from rich.console import Console
from rich.text import Text

__all__ = ["picture", "settled", "text_of"]

_TOKENS = re.compile(r"\x1b\[([0-9;?]*)([a-zA-Z])|(\r)|(\n)|([^\x1b\r\n]+)")
_DRAWN = re.compile(r'<text class="session-r\d+" x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>', re.DOTALL)
_FROM_ELSEWHERE = re.compile(r"@font-face \{.*?\}\s*|<!--.*?-->\s*", re.DOTALL)


def settled(raw: str) -> str:
    """Return what stands on a terminal in the end: lines that were drawn over are gone, colours stay."""
    lines, row, at_start = [""], 0, True
    for found in _TOKENS.finditer(raw):
        argument, control, carriage, newline, text = found.groups()
        if carriage:
            at_start = True
        elif newline:
            row, at_start = row + 1, True
            lines += [""] * (row + 1 - len(lines))
        elif control == "A":
            row -= int(argument or 1)
        elif control == "K":
            lines[row] = ""
        elif control == "m" or text:
            lines[row] = found[0] if at_start else lines[row] + found[0]
            at_start = False
    return "\n".join(lines)


def picture(session: str, *, title: str, width: int) -> str:
    """Return the picture of a session: text with colours, as terminals take it."""
    console = Console(record=True, width=width, force_terminal=True, color_system="truecolor", file=io.StringIO())
    console.print(Text.from_ansi(session), soft_wrap=True)
    drawn = console.export_svg(title=title, unique_id="session")
    return _FROM_ELSEWHERE.sub("", drawn).replace("Fira Code", "ui-monospace, DejaVu Sans Mono")


def text_of(svg: str) -> str:
    """Return the lines of a picture, without colours."""
    lines: dict[float, list[tuple[float, str]]] = defaultdict(list)
    for x, y, text in _DRAWN.findall(svg):
        lines[float(y)].append((float(x), unescape(text).replace("\xa0", " ")))
    return "\n".join("".join(part for _, part in sorted(parts)).rstrip() for _, parts in sorted(lines.items()))
