"""Charts as inline SVG: recovery points over time, and how large they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from dynamodb_backup_cli.report.markup import Markup, element
from dynamodb_backup_cli.texts import count, size

__all__ = ["Span", "points_over_time", "sizes_over_time"]

Point = dict[str, Any]

WIDTH = 960
LABELS = 210
ROW = 30
RIGHT = 20
MOST_TICKS = 8
SMALL_WIDTH, SMALL_HEIGHT = 460, 150


@dataclass(frozen=True)
class Span:
    """The days that a chart is about, both included."""

    first: date
    last: date

    @classmethod
    def of(cls, points: Sequence[Point]) -> Span:
        days = [date.fromisoformat(point["backup_date"]) for point in points]
        return cls(min(days), max(days))

    @property
    def days(self) -> int:
        return (self.last - self.first).days

    def share(self, day: str) -> float:
        """Return where a day lies, 0 to 1; a single day in the middle."""
        return (date.fromisoformat(day) - self.first).days / self.days if self.days else 0.5

    def ticks(self) -> list[date]:
        """Return the days to name on the axis."""
        step = max(1, -(-self.days // (MOST_TICKS - 1)))
        return [self.first + timedelta(days=days) for days in range(0, self.days + 1, step)]


def points_over_time(tables: Sequence[tuple[str, Sequence[Point]]], span: Span) -> Markup:
    """Return one row for each table, with a mark for each recovery point, whose shape tells what its colour tells."""
    height = ROW * len(tables) + 34

    def across(day: str) -> float:
        return LABELS + span.share(day) * (WIDTH - LABELS - RIGHT)

    parts: list[Markup] = []
    for tick in span.ticks():
        x = across(tick.isoformat())
        parts.append(element("line", x1=_at(x), x2=_at(x), y1=0, y2=height - 30, class_="grid"))
        parts.append(element("text", tick.isoformat(), x=_at(x), y=height - 10, text_anchor="middle", class_="axis"))
    for number, (name, points) in enumerate(tables):
        y = ROW * number + ROW / 2
        parts.append(element("line", x1=LABELS, x2=WIDTH - RIGHT, y1=_at(y), y2=_at(y), class_="grid"))
        parts.append(element("text", _cut(name, 28), element("title", name), x=0, y=_at(y + 4), class_="label"))
        parts += [_mark(point, across(point["backup_date"]), y) for point in reversed(points)]
    return _svg(parts, WIDTH, height, "Recovery points of each table by date")


def _mark(point: Point, x: float, y: float) -> Markup:
    told = f"{point['backup_date']}: {point['status']}, {'verified' if point['verified'] else 'not verified'}"
    title = element("title", f"{told}, {count(point['item_count'])} items, {size(point['billed_size_bytes'])}")
    if point["status"] == "FAILED":
        path = (
            f"M{_at(x - 6)} {_at(y - 6)}L{_at(x + 6)} {_at(y + 6)}M{_at(x + 6)} {_at(y - 6)}L{_at(x - 6)} {_at(y + 6)}"
        )
        return element("path", title, d=path, class_="failed")
    if point["verified"]:
        return element("circle", title, cx=_at(x), cy=_at(y), r=6, class_="verified")
    path = f"M{_at(x)} {_at(y - 7)}L{_at(x + 7)} {_at(y)}L{_at(x)} {_at(y + 7)}L{_at(x - 7)} {_at(y)}Z"
    return element("path", title, d=path, class_="unverified")


def sizes_over_time(
    name: str, points: Sequence[Point], span: Span, field: str, shown: Callable[[float], str]
) -> Markup:
    """Return how a number of a table's completed recovery points changed, from nothing upwards."""
    known = sorted(
        (point["backup_date"], point[field]) for point in points if point["status"] != "FAILED" and point[field]
    )
    if not known:
        return Markup("")
    most = max(value for _, value in known)
    left, top, bottom = 78, 30, SMALL_HEIGHT - 26

    def place(day: str, value: float) -> str:
        x = left + span.share(day) * (SMALL_WIDTH - left - RIGHT)
        return f"{_at(x)} {_at(bottom - value / most * (bottom - top))}"

    line = "L".join(place(day, value) for day, value in known)
    first, last = place(known[0][0], 0), place(known[-1][0], 0)
    x, y = place(*known[-1]).split()
    parts = [
        element("text", _cut(name, 46), element("title", name), x=0, y=14, class_="label"),
        element("line", x1=left, x2=SMALL_WIDTH - RIGHT, y1=bottom, y2=bottom, class_="grid"),
        element("line", x1=left, x2=SMALL_WIDTH - RIGHT, y1=top, y2=top, class_="grid"),
        element("text", shown(most), x=left - 8, y=top + 4, text_anchor="end", class_="axis"),
        element("text", "0", x=left - 8, y=bottom + 4, text_anchor="end", class_="axis"),
        element("text", span.first.isoformat(), x=left, y=SMALL_HEIGHT - 8, class_="axis"),
        element(
            "text", span.last.isoformat(), x=SMALL_WIDTH - RIGHT, y=SMALL_HEIGHT - 8, text_anchor="end", class_="axis"
        ),
        element("path", d=f"M{first}L{line}L{last}Z", class_="area"),
        element("path", d=f"M{line}", class_="line"),
        element("circle", element("title", f"{known[-1][0]}: {shown(known[-1][1])}"), cx=x, cy=y, r=4, class_="last"),
    ]
    return _svg(parts, SMALL_WIDTH, SMALL_HEIGHT, f"{name}: {shown(known[-1][1])} on {known[-1][0]}")


def _svg(parts: Sequence[Markup], width: int, height: int, label: str) -> Markup:
    return element(
        "svg", *parts, xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width} {height}", role="img", aria_label=label
    )


def _cut(name: str, most: int) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _at(place: float) -> str:
    return f"{place:.1f}"
