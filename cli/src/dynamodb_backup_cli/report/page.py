"""The page: what an auditor asks, in the order in which it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from typing import Any

from dynamodb_backup_cli.report.charts import Span, points_over_time, sizes_over_time
from dynamodb_backup_cli.report.markup import Markup, element, table
from dynamodb_backup_cli.texts import NOTHING, age, count, moment, size, span

__all__ = ["Report", "page"]

Row = dict[str, Any]


@dataclass(frozen=True)
class Report:
    """What is reported. ``points`` is the body of a list; ``tables`` is that of a status."""

    name: str
    made_at: datetime
    rpo_hours: float
    points: Row
    tables: Sequence[Row]
    warnings: Sequence[str] = field(default=())

    @property
    def all_points(self) -> list[Row]:
        """Every recovery point with its table, newest first."""
        found = [
            {"table_name": one["table_name"], **point}
            for one in self.points["tables"]
            for point in one["recovery_points"]
        ]
        return sorted(found, key=lambda point: (point["backup_date"], point["export_time"] or ""), reverse=True)

    @property
    def failures(self) -> list[Row]:
        return [point for point in self.all_points if point["status"] == "FAILED"]


def page(report: Report) -> str:
    """Return the whole HTML document."""
    style = files("dynamodb_backup_cli.report").joinpath("style.css").read_text(encoding="utf-8")
    title = f"Backups of {report.name}"
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = element(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", title),
        element("style", Markup(style)),
    )
    body = element("body", element("main", _heading(report, title), *_sections(report)))
    return f'<!doctype html>\n<html lang="en">{head}{body}</html>\n'


def _heading(report: Report, title: str) -> Markup:
    about = f"Made on {report.made_at:%Y-%m-%d %H:%M:%S} UTC from the recovery points in {report.points['s3_bucket']}."
    points = report.all_points
    verified = sum(point["verified"] for point in points)
    late = [row for row in report.tables if not row["within_rpo"]]
    proven = sum(row["last_proven"] is not None for row in report.tables)
    cards = (
        ("Tables", count(len(report.tables)), ""),
        ("Recovery points", count(len(points)), ""),
        ("Verified", count(verified), ""),
        ("Failed", count(len(report.failures)), "bad" if report.failures else "good"),
        (f"Later than {report.rpo_hours:g} h", count(len(late)), "bad" if late else "good"),
        ("Proven restorable", f"{proven} of {len(report.tables)}", ""),
    )
    shown = (
        element("div", element("b", value), element("span", name), class_=f"card {kind}") for name, value, kind in cards
    )
    return element("header", element("h1", title), element("p", about), element("div", *shown, class_="cards"))


def _sections(report: Report) -> list[Markup]:
    points = report.all_points
    sections = [_now(report)]
    if points:
        span_of_days = Span.of(points)
        by_table = [(one["table_name"], one["recovery_points"]) for one in report.points["tables"]]
        marks = element("p", "● verified   ◆ not verified   ✕ failed", class_="legend")
        sections.append(_section("Recovery points over time", marks, points_over_time(by_table, span_of_days)))
        for heading, what, shown in (
            ("Size over time", "billed_size_bytes", size),
            ("Items over time", "item_count", count),
        ):
            charts = (sizes_over_time(name, ones, span_of_days, what, shown) for name, ones in by_table)
            sections.append(_section(heading, element("div", *charts, class_="small")))
    sections += [_failures(report), _proofs(report), _everything(points)]
    return sections


def _section(heading: str, *content: Markup) -> Markup:
    return element("section", element("h2", heading), *content)


def _now(report: Report) -> Markup:
    rows = []
    for row in report.tables:
        newest, proven = row["newest_verified"] or {}, row["last_proven"]
        rows.append(
            (
                row["table_name"],
                newest.get("backup_date", "none"),
                age(row["restorable_to"], report.made_at),
                _verdict(good=row["within_rpo"], yes="in time", no="LATE"),
                count(newest.get("item_count")),
                size(newest.get("billed_size_bytes")),
                moment(proven["tested_at"]) if proven else "never",
            )
        )
    columns = (
        "Table",
        "Newest verified",
        "Loss now",
        f"Within {report.rpo_hours:g} h",
        "Items",
        "Size",
        "Last proven restore",
    )
    caption = "What could be restored when this report was made"
    return _section("Now", table(caption, columns, rows))


def _verdict(*, good: bool, yes: str, no: str) -> Markup:
    return element("span", yes if good else no, class_="good" if good else "bad")


def _failures(report: Report) -> Markup:
    rows = [(one["backup_date"], one["table_name"], one["error"] or NOTHING) for one in report.failures]
    rows += [
        (one["backup_date"], "the whole date", f"{one['status']}: {one['error']}")
        for one in report.points["unreadable_dates"]
    ]
    found = table("Attempts that failed, and dates that cannot be read", ("Date", "Table", "Cause"), rows)
    nothing = element("p", "None among these recovery points.")
    warnings = element("ul", *(element("li", one) for one in report.warnings)) if report.warnings else Markup("")
    return _section("Failures", found if rows else nothing, warnings)


def _proofs(report: Report) -> Markup:
    proven = [row["last_proven"] for row in report.tables if row["last_proven"]]
    if not proven:
        return _section("Proofs", element("p", "No restore test has proven a table yet, or the module has none."))
    rows = (
        (
            one["table_name"],
            moment(one["tested_at"]),
            one["backup_date"] or NOTHING,
            count(one["items_restored"]),
            NOTHING if one["restore_seconds"] is None else span(one["restore_seconds"]),
            one["restore_id"] or NOTHING,
        )
        for one in proven
    )
    columns = ("Table", "Proven at", "Backup", "Items", "Restored in", "Restore")
    return _section("Proofs", table("The last proven restore of each table", columns, rows))


def _everything(points: Sequence[Row]) -> Markup:
    rows = (
        (
            one["backup_date"],
            one["table_name"],
            one["status"],
            "yes" if one["verified"] else "no",
            moment(one["export_time"]),
            count(one["item_count"]),
            size(one["billed_size_bytes"]),
            one["expires_at"][:10] if one["expires_at"] else "never",
            one["legal_hold"] or NOTHING,
        )
        for one in points
    )
    columns = ("Date", "Table", "Status", "Verified", "Instant of the data", "Items", "Size", "Expires", "Legal hold")
    return _section("All recovery points", table("Newest first", columns, rows))
