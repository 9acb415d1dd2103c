"""A real export, written by AWS in 2024 and copied without its ``.md5`` companions, is restored as it stands."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.scenario.restore.kit import Stage, canonicals, restore

REAL = Path(__file__).parents[4] / "shared" / "real-exports" / "scylla-migrator"


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real export at {REAL}")
def test_a_real_export_is_restored(stage: Stage) -> None:
    (summary,) = REAL.glob("**/manifest-summary.json")
    for file in REAL.glob("**/*.json*"):
        stage.put(f"copied/{file.relative_to(REAL)}", file.read_bytes())
    (data,) = REAL.glob("**/*.json.gz")
    items = [json.loads(line)["Item"] for line in gzip.decompress(data.read_bytes()).splitlines()]
    table = json.loads(summary.read_text())["tableArn"].rpartition("/")[2]
    stage.create_table("copy", [("id", "S")])
    place = f"s3://backups/copied/{summary.parent.relative_to(REAL)}/"

    answer = restore({"export": place, "target_tables": {table: "copy"}, "clear_existing_data": True})

    assert (answer.code, answer.result["items_written"]) == (200, len(items))
    assert len(answer.result["warnings"]) == 2
    assert stage.items("copy") == canonicals(items)
