"""A manifest of which some tables' backups are not in the copy."""

from __future__ import annotations

import json

from dynamodb_backup.archive.manifest import BackupManifest
from dynamodb_backup.offsite.day import without


def test_a_table_that_is_not_copied_counts_as_failed() -> None:
    entries = [
        {"table_name": "orders", "status": "COMPLETED", "item_count": 5, "billed_size_bytes": 50},
        {"table_name": "users", "status": "COMPLETED", "item_count": 7, "billed_size_bytes": 70},
        {"table_name": "clicks", "status": "FAILED"},
    ]
    whole = {"backup_date": "2026-01-31", "successful_exports": 2, "total_items_exported": 12, "exports": entries}
    written = without(json.dumps(whole).encode(), {"users": "it is altered"})
    manifest = BackupManifest.parse("p/2026-01-31/manifest.json", "2026-01-31", written)
    assert {name: entry.status for name, entry in manifest.entries.items()} == {
        "orders": "COMPLETED",
        "users": "FAILED",
        "clicks": "FAILED",
    }
    document = json.loads(written)
    assert (document["successful_exports"], document["total_items_exported"]) == (1, 5)
    assert "failed_exports" not in document
    assert "not copied here: it is altered" in document["exports"][1]["error"]


def test_what_another_tool_wrote_need_not_be_numbers() -> None:
    whole = {"total_items_exported": "?", "exports": [{"table_name": "a", "status": "COMPLETED", "item_count": "many"}]}
    assert json.loads(without(json.dumps(whole).encode(), {}))["total_items_exported"] == 0
