"""The example of incremental backups, applied: one schedule makes full exports, the other increments."""

from __future__ import annotations

import json

from tests.apply.conftest import AppliedExample
from tests.apply.test_examples import examples


@examples("incremental")
def test_the_schedule_of_increments_asks_for_them(example: AppliedExample) -> None:
    scheduler = example.aws.client("scheduler")
    found = {one["Name"]: one["GroupName"] for one in scheduler.list_schedules()["Schedules"]}
    assert sorted(found) == ["changes", "daily"]
    inputs = {
        name: json.loads(scheduler.get_schedule(Name=name, GroupName=group)["Target"]["Input"])
        for name, group in found.items()
    }
    assert inputs["changes"].pop("export_type") == "INCREMENTAL_EXPORT"
    assert inputs["changes"] == inputs["daily"]
