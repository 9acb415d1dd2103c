"""`report`: one page that needs nothing but itself, and looks in a browser as it should."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from dynamodb_backup_cli.report.page import Report, page
from tests.cli.browser import CHROMIUM, colours_of, screenshot
from tests.cli.conftest import Ended

pytestmark = pytest.mark.xdist_group("cli")

SVG = "{http://www.w3.org/2000/svg}"
GOOD, BAD, DATA = (0x1A, 0x7F, 0x37), (0xCF, 0x22, 0x2E), (0x09, 0x69, 0xDA)
NOW = datetime(2026, 8, 1, 9, tzinfo=UTC)
ODD = '<script>alert("&")</script>'


def point(day: date, number: int, **fields: Any) -> dict[str, Any]:
    return {
        "backup_date": day.isoformat(), "status": "COMPLETED", "verified": True, "export_time": f"{day}T03:00:00.000Z",
        "item_count": 1000 + 40 * number, "billed_size_bytes": 5_000_000 + 200_000 * number,
        "compressed_bytes": 900_000, "run_id": f"{day}-0001", "export_type": "FULL_EXPORT",
        "export_manifest": None, "retention_class": None,
        "expires_at": "2026-09-01T00:00:00Z", "legal_hold": None, "error": None,
        "backup_type": "DYNAMODB_NATIVE_EXPORT", "backup_arn": None,
    } | fields  # fmt: skip


def a_month() -> Report:
    """Return the report of a month of four tables: a failure, backups of another tool, a table that is late."""
    tables, rows = [], []
    for number, name in enumerate(("shop-orders", "shop-users", "shop-carts", "shop-a-rather-long-name-of-a-table")):
        days = [date(2026, 8, 1) - timedelta(days=back) for back in range(0, 30, number + 1)]
        points = [point(day, (len(days) - at) * (number + 1)) for at, day in enumerate(days)]
        if number == 1:
            points[3] = point(days[3], 0, status="FAILED", verified=False, item_count=None, billed_size_bytes=None,
                              error=f"AccessDenied {ODD}")  # fmt: skip
        if number == 2:
            points[-1]["verified"] = False
        tables.append({"table_name": name, "newest_verified": points[0], "chains": [], "recovery_points": points})
        proven = {"table_name": name, "tested_at": "2026-07-26T05:04:00Z", "backup_date": "2026-07-26",
                  "items_restored": 1200, "restore_seconds": 321.0, "restore_id": "20260726T050000Z-aa"}  # fmt: skip
        row = {"table_name": name, "newest_verified": points[0], "restorable_to": points[0]["export_time"],
               "hours_since": 6.0, "within_rpo": number != 3}  # fmt: skip
        rows.append(row | {"last_proven": proven if number < 2 else None})
    body = {"s3_bucket": "shop-backups", "tables": tables,
            "unreadable_dates": [{"backup_date": "2026-07-20", "status": "DAMAGED", "error": "not JSON"}]}  # fmt: skip
    return Report("shop-production", NOW, 26, body, rows, ["something to know"])


def charts_of(html: str) -> list[ET.Element]:
    return [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL)]


def test_every_recovery_point_has_its_mark_and_its_row() -> None:
    html = page(a_month())
    over_time, *small = charts_of(html)
    marks = [one.get("class") for one in over_time.iter() if one.get("class") in {"verified", "unverified", "failed"}]
    points = a_month().all_points
    assert len(marks) == len(points) == 30 + 15 + 10 + 8
    assert (marks.count("failed"), marks.count("unverified")) == (1, 1)
    assert len(small) == 2 * 4, "sizes and items of four tables"
    everything = html.partition("All recovery points")[2]
    assert everything.count("<tr>") == len(points) + 1


def test_what_was_read_never_becomes_markup() -> None:
    html = page(a_month())
    assert ODD not in html
    assert "&lt;script&gt;" in html


def test_the_page_loads_nothing() -> None:
    html = page(a_month())
    assert re.findall(r"\b(?:src|href)=|url\(|@import", html) == []
    assert "default-src 'none'" in html
    assert set(re.findall(r'https?://[^"\s<]+', html)) == {"http://www.w3.org/2000/svg"}


def test_a_deployment_without_backups_has_a_report_too() -> None:
    body = {"s3_bucket": "b", "tables": [{"table_name": "t", "recovery_points": []}], "unreadable_dates": []}
    row = {"table_name": "t", "newest_verified": None, "restorable_to": None, "within_rpo": False, "last_proven": None}
    html = page(Report("shop-production", NOW, 26, body, [row]))
    assert "LATE" in html
    assert charts_of(html) == []


def test_the_command_writes_the_report_of_the_deployment(call: Callable[..., Ended], tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    ended = call("report", "--output", str(file), "--json")
    assert ended.code == 0
    result = ended.document["result"]
    assert (result["tables"], result["failures"], result["late_tables"]) == (2, 0, 0)
    html = file.read_text(encoding="utf-8")
    assert "Backups of shop-production" in html
    assert charts_of(html)
    assert call("report", "--output", "-", "shop-users").out.startswith("<!doctype html>")


def test_a_place_that_cannot_be_written_is_told(call: Callable[..., Ended], tmp_path: Path) -> None:
    ended = call("report", "--output", str(tmp_path / "no" / "folder.html"))
    assert ended.code == 1
    assert "cannot be written" in ended.err
    assert call("report", "--output", "-", "--json").code == 2


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")
def test_a_browser_shows_it_in_its_colours_without_complaint(tmp_path: Path) -> None:
    file, picture = tmp_path / "report.html", tmp_path / "report.png"
    file.write_text(page(a_month()), encoding="utf-8")
    assert screenshot(file, picture, width=1000, height=900) == ""
    assert {GOOD, BAD, DATA, (255, 255, 255)} <= colours_of(picture)
