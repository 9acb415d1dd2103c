"""More data files than one page of any listing holds, in an AWS that answers over HTTP: for ``make long``.

A restore finds its files in the manifest, not in a listing, and goes from one to the next as with a dozen. In ``make
test``, listings of more than a page are read in tests/reliability/scale/test_scale.py, and over HTTP, of recovery
points, in test_choosing.py; the former also rehearses how a restore grows with its files.
"""

from __future__ import annotations

import pytest

from sandbox import Sandbox
from tests.scenario.restore.kit import Stage, canonicals, restore, strings


@pytest.mark.long
def test_more_than_a_thousand_data_files_are_verified(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", strings(1010), file_count=1010)

    answer = restore({"dry_run": True, "max_workers": 8}, seconds=300)

    assert (answer.code, answer.result["files_total"], answer.result["files_done"]) == (200, 1010, 1010)
    assert answer.result["items_processed"] == 1010


@pytest.mark.long
def test_more_than_a_thousand_data_files_are_written(aws: Sandbox, stage: Stage) -> None:
    stage.create_table("orders")
    stage.fill("orders", [{"id": {"S": "extra"}}])
    stage.back_up("orders", strings(1010), file_count=1010)

    answer = restore({"clear_existing_data": True, "max_workers": 16}, seconds=300)

    assert (answer.code, answer.result["files_total"], answer.result["files_done"]) == (200, 1010, 1010)
    assert (answer.result["items_written"], answer.result["items_deleted"]) == (1010, 1)
    assert stage.items("orders") == canonicals(strings(1010))
