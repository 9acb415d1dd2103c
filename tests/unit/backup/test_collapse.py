"""A table that loses most of its items: who is told, that nothing of it is given to expiry, and how that ends."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from dynamodb_backup.backup import collapse
from dynamodb_backup.backup.accept_collapse import AcceptCollapse
from dynamodb_backup.backup.item_counts import Count, Standing
from dynamodb_backup.collapse_terms import CollapseTerms
from dynamodb_backup.contract.backup import BackupResult
from dynamodb_backup.contract.collapse import AcceptCollapseRequest, AcceptCollapseResult
from dynamodb_backup.errors import ConfigurationError, RequestRefused
from tests.unit.backup.conftest import Runner
from tests.unit.backup.fake_aws import FakeAws, Killed, client_error
from tests.unit.backup.test_retention import DAYS, next_day, tagged

COUNTS = "native-exports/retention/item-counts.json"
HALF = CollapseTerms(50, minimum_items=10)


@pytest.fixture
def runner() -> Runner:
    """Daily backups from Saturday, 2026-01-31."""
    aws = FakeAws(items={"orders": 100, "customers": 20})
    return Runner(aws, ("orders", "customers"), DAYS, item_count_collapse=HALF)


@pytest.fixture
def emitted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The values of the metric, one after the other."""
    values: list[int] = []
    monkeypatch.setattr(collapse, "emit_item_count_alerts", lambda tables, _: values.append(tables))
    return values


def alert(result: BackupResult, table: str = "orders") -> str | None:
    return next(one.item_count_alert for one in result.tables if one.table_name == table)


def accept(runner: Runner, *tables: str) -> AcceptCollapseResult:
    request = AcceptCollapseRequest.from_event({"action": "accept_collapse", "tables": list(tables)})
    return AcceptCollapse(runner.settings, runner.aws.clients()).execute(request)


@pytest.mark.parametrize(
    ("before", "now", "collapsed"),
    [
        (100, 50, False),
        (100, 49, True),
        (100, 0, True),
        (10, 4, True),
        (9, 1, False),  # a small table: single items are a large share
        (9, 0, True),
        (1, 0, True),
        (0, 0, False),
        (0, 100, False),
        (100, 1000, False),
    ],
)
def test_what_counts_as_a_collapse(before: int, now: int, collapsed: bool) -> None:
    assert HALF.collapsed("orders", before, now) is collapsed
    assert not replace(HALF, except_tables=frozenset({"orders"})).collapsed("orders", before, now)


def test_a_collapse_is_told_and_nothing_older_is_given_to_expiry(runner: Runner, emitted: list[int]) -> None:
    assert alert(runner.invoke()) is None
    runner.aws.items["orders"] = 49

    result = next_day(runner)

    assert result.status_code == 200
    said = str(alert(result))
    assert "table orders has 49 items in the backup of run 2026-02-01-0001, and had 100 in that of run" in said
    assert said.endswith('{"action": "accept_collapse", "tables": ["orders"]}')
    assert alert(result, "customers") is None
    body = result.to_response()["body"]
    assert body["warnings"] == [said]
    assert [table.get("item_count_alert") for table in body["export_results"]] == [said, None]
    assert runner.recorded("orders", "2026-02-01")["status"] == "COMPLETED"
    assert runner.recorded("orders", "2026-02-01")["warnings"] == [said]
    assert tagged(runner, "orders") == {"2026-01-31": {"-"}, "2026-02-01": {"-"}}
    assert tagged(runner, "customers") == {"2026-01-31": {"monthly"}, "2026-02-01": {"-"}}
    assert emitted == [0, 1]


def test_it_stays_so_day_by_day_until_somebody_accepts_it(runner: Runner, emitted: list[int]) -> None:
    runner.invoke()
    runner.aws.items["orders"] = 3
    for _ in range(3):
        assert "had 100 in that of run 2026-01-31-0001" in str(alert(next_day(runner)))
    assert set().union(*tagged(runner, "orders").values()) == {"-"}

    (accepted,) = accept(runner, "orders").tables

    assert (accepted.status, accepted.item_count, accepted.items_before) == ("ACCEPTED", 3, 100)
    assert alert(next_day(runner)) is None
    assert tagged(runner, "orders") == {
        "2026-01-31": {"monthly"},
        "2026-02-01": {"weekly"},
        "2026-02-02": {"daily"},
        "2026-02-03": {"daily"},
        "2026-02-04": {"-"},
    }
    assert emitted == [0, 1, 1, 1, 0]


def test_a_later_backup_with_the_items_settles_it(runner: Runner, emitted: list[int]) -> None:
    runner.invoke()
    runner.aws.items["orders"] = 0
    assert alert(next_day(runner))
    runner.aws.items["orders"] = 50

    assert alert(next_day(runner)) is None
    assert tagged(runner, "orders") == {"2026-01-31": {"monthly"}, "2026-02-01": {"weekly"}, "2026-02-02": {"-"}}
    assert emitted == [0, 1, 0]


def test_half_a_recovery_is_compared_with_the_count_before_the_collapse(runner: Runner) -> None:
    runner.invoke()
    for items in (10, 20, 40, 49):
        runner.aws.items["orders"] = items
        assert alert(next_day(runner)), items
    assert set().union(*tagged(runner, "orders").values()) == {"-"}


def test_a_metric_counts_tables_of_other_runs_too(runner: Runner, emitted: list[int]) -> None:
    runner.invoke()
    runner.aws.items["orders"] = 0
    next_day(runner)
    next_day(runner, {"tables": ["customers"]})
    assert emitted == [0, 1, 1]


def test_increments_count_changes_and_are_not_compared(runner: Runner) -> None:
    runner.invoke()
    assert next_day(runner, {"export_type": "INCREMENTAL_EXPORT"}).status_code == 200
    assert json.loads(runner.aws.objects[COUNTS])["tables"]["orders"]["newest"]["run_id"] == "2026-01-31-0001"


def test_a_failed_backup_is_not_compared(runner: Runner, emitted: list[int]) -> None:
    runner.invoke()
    runner.aws.items["orders"] = 0
    runner.aws.before = _damage_orders
    assert next_day(runner).status_code == 207
    assert emitted == [0, 0]
    assert json.loads(runner.aws.objects[COUNTS])["tables"]["orders"]["newest"]["item_count"] == 100


def _damage_orders(operation: str, parameters: dict[str, Any]) -> None:
    if operation == "get_object" and "/orders/" in parameters["Key"]:
        raise client_error("AccessDenied", operation)


def test_a_run_that_dies_after_judging_says_the_same_again(runner: Runner) -> None:
    runner.invoke()
    runner.aws.items["orders"] = 0

    intact = runner.aws.after

    def die(operation: str, parameters: dict[str, Any]) -> None:
        if operation == "put_object" and parameters["Key"] == COUNTS:
            runner.aws.after = intact
            raise Killed

    runner.aws.after = die
    with pytest.raises(Killed):
        next_day(runner)

    result = runner.invoke()
    assert "had 100 in that of run 2026-01-31-0001" in str(alert(result))
    assert tagged(runner, "orders") == {"2026-01-31": {"-"}, "2026-02-01": {"-"}}


def test_an_invocation_that_is_overtaken_by_another_one_of_its_run_keeps_the_older_backups(runner: Runner) -> None:
    runner.invoke()
    runner.aws.items["orders"] = 0
    intact, others = runner.aws.before, []

    def overtake(operation: str, parameters: dict[str, Any]) -> None:
        """When the run is settled and about to be saved, somebody else ends it."""
        if operation == "put_object" and parameters["Key"].endswith("2026-02-01-0001/run.json"):
            tables = json.loads(parameters["Body"])["tables"].values()
            if all(table["status"] == "COMPLETED" for table in tables):
                runner.aws.before = intact
                others.append(runner.invoke())

    runner.aws.before = overtake
    result = next_day(runner)

    assert [alert(other) for other in others] == [alert(result)]
    assert alert(result)
    assert tagged(runner, "orders") == {"2026-01-31": {"-"}, "2026-02-01": {"-"}}


def test_the_manifest_tells_it_also_of_a_table_that_was_done_in_an_earlier_turn(runner: Runner) -> None:
    runner.invoke()
    runner.aws.items["orders"] = 0
    runner.aws.time.advance(86_400)

    def slow_customers(operation: str, parameters: dict[str, Any]) -> None:
        if operation == "export_table_to_point_in_time":
            runner.aws.export_seconds = 3600 if parameters["TableArn"].endswith("customers") else 0

    runner.aws.before = slow_customers
    assert runner.invoke(seconds=20.0).status_code == 202
    assert runner.recorded("orders", "2026-02-01")["status"] == "COMPLETED"
    runner.aws.time.advance(3600)

    result = runner.invoke()

    assert alert(result)
    assert runner.recorded("orders", "2026-02-01")["warnings"] == [alert(result)]


@pytest.mark.parametrize("trouble", ["malformed", "denied"])
def test_what_cannot_be_compared_is_told_and_kept(runner: Runner, emitted: list[int], trouble: str) -> None:
    runner.invoke()
    good, intact = runner.aws.objects[COUNTS], runner.aws.before
    if trouble == "malformed":
        runner.aws.objects[COUNTS] = b'{"tables": {"orders": {}}}'
    else:
        runner.aws.before = _deny_counts

    result = next_day(runner)

    assert result.status_code == 200
    assert "it could not be seen whether its item count collapsed" in str(alert(result))
    assert ("item-counts.json is malformed" if trouble == "malformed" else "AccessDenied") in str(alert(result))
    assert set().union(*tagged(runner).values()) == {"-"}
    assert emitted == [0, 2]
    runner.aws.objects[COUNTS], runner.aws.before = good, intact
    assert alert(next_day(runner)) is None
    assert tagged(runner, "orders")["2026-01-31"] == {"monthly"}


def _deny_counts(operation: str, parameters: dict[str, Any]) -> None:
    if operation == "get_object" and parameters["Key"] == COUNTS:
        raise client_error("AccessDenied", operation)


def test_a_table_that_was_never_counted_is_compared_with_the_manifests(runner: Runner) -> None:
    runner.item_count_collapse = None
    runner.invoke()
    next_day(runner, {"tables": ["customers"]})
    assert COUNTS not in runner.aws.objects
    runner.item_count_collapse = HALF
    runner.aws.items |= {"orders": 1, "customers": 20}

    result = next_day(runner)

    assert "had 100 in that of run 2026-01-31-0001" in str(alert(result))
    assert alert(result, "customers") is None


def test_switched_off_everything_expires_as_before(runner: Runner) -> None:
    runner.invoke()
    runner.aws.items["orders"] = 0
    assert alert(next_day(runner))
    runner.item_count_collapse = None
    assert alert(next_day(runner)) is None
    assert tagged(runner, "orders")["2026-01-31"] == {"monthly"}


def test_without_retention_it_is_told_all_the_same(runner: Runner) -> None:
    runner.retention_days = {}
    runner.invoke()
    runner.aws.items["orders"] = 0
    assert alert(next_day(runner))


def test_an_older_run_that_ends_late_changes_nothing() -> None:
    standing = Standing.of_first(Count("2026-01-31-0002", 100))
    assert standing.after(Count("2026-01-31-0001", 0), lambda _before, _now: True) == standing


def test_only_what_was_counted_can_be_accepted(runner: Runner) -> None:
    runner.invoke()
    with pytest.raises(RequestRefused, match=r"names 'order', of which no backup was counted; .*collapsed: none"):
        accept(runner, "order")
    assert [one.status for one in accept(runner, "orders").tables] == ["NOT_COLLAPSED"]
    runner.item_count_collapse = None
    with pytest.raises(ConfigurationError, match="ITEM_COUNT_COLLAPSE is not set"):
        accept(runner, "orders")


@pytest.mark.parametrize("event", [{}, {"tables": []}, {"tables": "orders"}, {"tables": ["orders"], "all": True}])
def test_accepting_names_its_tables(event: dict[str, Any]) -> None:
    with pytest.raises(RequestRefused):
        AcceptCollapseRequest.from_event({"action": "accept_collapse", **event})
