"""HTML and SVG as text, in which nothing that was read can become markup."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

__all__ = ["Markup", "element", "table", "text"]

NUMBERS = frozenset({"Age", "Items", "Loss now", "Restored in", "Size"})
LONG = frozenset({"Cause", "Restore", "Table"})


class Markup(str):
    """Text that is markup already; anything else is escaped when it gets into an element."""

    __slots__ = ()


def text(content: object) -> Markup:
    """Return a text as it stands in markup."""
    return content if isinstance(content, Markup) else Markup(escape(str(content)))


def element(name: str, *content: object, **attributes: object) -> Markup:
    """Return an element. ``class_`` is class, and ``_`` in a name is ``-``.

    Examples
    --------
    >>> element("p", "a < b", class_="note")
    '<p class="note">a &lt; b</p>'
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value != ""
    )
    return Markup(f"<{name}{given}>{''.join(text(part) for part in content)}</{name}>")


def table(caption: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Markup:
    """Return a table with a caption. Its columns' names say how they are set: numbers, short words, or long texts."""
    names = list(columns)
    kinds = ["number" if name in NUMBERS else "" if name in LONG else "short" for name in names]

    def row(kind: str, cells: Iterable[object], **more: str) -> Markup:
        return element("tr", *(element(kind, cell, class_=of, **more) for cell, of in zip(cells, kinds, strict=True)))

    body = element("tbody", *(row("td", cells) for cells in rows))
    return element("table", element("caption", caption), element("thead", row("th", names, scope="col")), body)
