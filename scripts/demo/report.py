"""What the demo shows of manifests, answers and differences: the essential, in aligned rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scripts.demo.compare import Difference
from scripts.demo.damage import Damage
from scripts.demo.functions import Answer
from scripts.demo.screen import Screen

__all__ = ["Report"]

MOST_SHOWN_DIFFERENCES = 10
MANIFEST_MEMBERS = (
    "backup_date",
    "environment",
    "backup_type",
    "successful_exports",
    "failed_exports",
    "total_items_exported",
)


class Report:
    """Writes to a screen."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def answer(self, answer: Answer, *names: str) -> None:
        """Show the status code and some members of an answer's body."""
        members = [f"{name} {answer.body.get(name)}" for name in names]
        self._screen.labelled("answer", ", ".join([f"statusCode {answer.status}", *members]))

    def manifest(self, bucket: str, key: str, manifest: Mapping[str, Any]) -> None:
        """Show a backup's manifest: its head, and a row per table."""
        self._screen.labelled("bucket", bucket)
        self._screen.labelled("manifest", key)
        self._screen.json("", {name: manifest.get(name) for name in MANIFEST_MEMBERS})
        for export in manifest["exports"]:
            counts = _count(export["item_count"], "items"), _count(_verified(export).get("files"), "files")
            self._screen.row(export["table_name"], export["status"], *counts)
        checked = {str(_verified(export).get("checked", "nothing")) for export in manifest["exports"]}
        self._screen.say(f"Checked against DynamoDB's manifests: {', '.join(sorted(checked))}.")

    def restored(self, answer: Answer) -> None:
        """Show a row per table of a restore's answer."""
        for table in answer.body["restore_results"]:
            counts = [_count(table["items_written"], "written"), _count(table["items_deleted"], "deleted")]
            if answer.body["dry_run"]:
                counts = [_count(table["items_expected"], "in the backup")]
            self._screen.row(table["table_name"], table["status"], *counts)

    def damage(self, table: str, done: Damage) -> None:
        """Show what was done to a table."""
        counts = _count(done.deleted, "deleted"), _count(done.changed, "overwritten"), _count(done.added, "added")
        self._screen.row(table, *counts)

    def differences(self, table: str, items: int, found: Sequence[Difference]) -> None:
        """Show whether a table is what it was, and where it is not."""
        self._screen.row(table, _count(items, "items"), f"{len(found)} DIFFER" if found else "identical")
        for difference in found[:MOST_SHOWN_DIFFERENCES]:
            self._screen.say(f"- {difference}")
        if len(found) > MOST_SHOWN_DIFFERENCES:
            self._screen.say(f"- and {len(found) - MOST_SHOWN_DIFFERENCES} more")


def _count(number: int | None, what: str) -> str:
    return f"{'?' if number is None else number} {what}"


def _verified(export: Mapping[str, Any]) -> Mapping[str, Any]:
    return export.get("verification") or {}
