"""The list shows each table's chains of increments, and what is wrong with one that cannot be read."""

from __future__ import annotations

import json
from typing import Any

from tests.scenario.backup.conftest import Configure
from tests.scenario.backup.kit import PREFIX, Stage, back_up

BASE = {"backup_date": "2026-01-31", "run_id": "r", "export_manifest": "m", "export_time": "2026-01-31T02:00:00.000Z"}


def window(start: str, end: str, status: str = "COMPLETED", **others: Any) -> dict[str, Any]:
    day = "2026-01-31T"
    times = {"from": f"{day}{start}:00.000Z", "to": f"{day}{end}:00.000Z", "reserved_at": f"{day}{end}:00.000Z"}
    return {**times, "run_id": "r", "s3_prefix": "p", "status": status, "item_count": 3, **others}


def record(stage: Stage, chain_id: str, **fields: Any) -> None:
    document = {"table_name": "orders", "chain_id": chain_id, "base": BASE, "windows": [], "closed": None, **fields}
    stage.write(f"{PREFIX}/chains/orders/{chain_id}.json", json.dumps(document).encode())


def test_chains_are_listed_newest_first_with_what_they_cover(stage: Stage, configure: Configure) -> None:
    configure("orders", "users")
    record(stage, "2026-01-30-0001", closed="superseded by the full backup 2026-01-31-0001")
    failed = window("03:00", "04:00", "FAILED", error="denied")
    record(stage, "2026-01-31-0001", windows=[window("02:00", "03:00"), failed, window("05:00", "06:00")])
    stage.write(f"{PREFIX}/chains/gone/2026-01-31-0001.json", b"another table's")
    answer = back_up({"action": "list"})
    assert answer.code == 200
    orders, users = answer.body["tables"]
    assert users["chains"] == []
    newer, older = orders["chains"]
    assert (newer["covered_until"], newer["windows"], newer["changes"]) == ("2026-01-31T03:00:00.000Z", 2, 6)
    assert newer["gaps"] == [{"from": "2026-01-31T03:00:00.000Z", "to": "2026-01-31T05:00:00.000Z"}]
    assert (newer["closed"], newer["error"]) == (None, "denied")
    assert older["covered_until"] == BASE["export_time"]
    assert older["closed"] == "superseded by the full backup 2026-01-31-0001"
    earlier = back_up({"action": "list", "to": "2026-01-30"}).body["tables"][0]["chains"]
    assert [chain["chain_id"] for chain in earlier] == ["2026-01-30-0001"]


def test_a_chain_that_cannot_be_read_is_named_and_hides_no_other(stage: Stage, configure: Configure) -> None:
    configure("orders")
    record(stage, "2026-01-30-0001")
    stage.write(f"{PREFIX}/chains/orders/2026-01-31-0001.json", b"{}")
    answer = back_up({"action": "list"})
    assert answer.code == 207
    assert "chains/orders/2026-01-31-0001.json is malformed" in answer.body["warnings"][0]
    assert len(answer.body["tables"][0]["chains"]) == 1
