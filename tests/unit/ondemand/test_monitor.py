"""The monitor follows each backup, tells of a lost one, and deletes only what a complete run has superseded."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.ondemand.conftest import Runner
from tests.unit.ondemand.fake_aws import FakeAws, client_error
from tests.unit.ondemand.test_create import SCHEDULED

OWN = "shop-prod-20260701T030000Z"


def arns(runner: Runner) -> set[str]:
    return {backup.arn for backup in runner.aws.backups}


def test_a_backup_that_is_creating_is_looked_at_again(runner: Runner) -> None:
    runner.create(SCHEDULED)

    assert runner.monitor() == []
    assert len(runner.aws.messages) == 2

    runner.all_available()
    assert runner.monitor() == []
    assert runner.aws.messages == []
    assert runner.aws.published == []


def test_a_complete_run_expires_what_is_older_than_the_retention(runner: Runner) -> None:
    old = {runner.aws.add(table, OWN, days_ago=4) for table in ("orders", "users")}
    young = {runner.aws.add(table, "shop-prod-20260730T030000Z", days_ago=2) for table in ("orders", "users")}
    runner.create(SCHEDULED)
    runner.all_available()

    runner.monitor()

    assert not old & arns(runner)
    assert young <= arns(runner)
    assert len(arns(runner)) == 4


def test_nothing_is_deleted_before_every_table_is_available(runner: Runner) -> None:
    old = runner.aws.add("orders", OWN, days_ago=40)
    runner.create(SCHEDULED)
    runner.aws.of("orders")[-1].status = "AVAILABLE"

    runner.monitor()
    assert old in arns(runner)

    runner.all_available()
    runner.monitor()
    assert old not in arns(runner)


def test_a_run_that_lacks_a_table_deletes_nothing(runner: Runner) -> None:
    old = runner.aws.add("users", OWN, days_ago=40)
    runner.aws.tables = ("users",)
    runner.create(SCHEDULED)
    runner.all_available()

    runner.monitor()

    assert old in arns(runner)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("before-migration", "USER"),
        ("shop-prod-eu-20260701T030000Z", "USER"),
        ("shop-prod-20260701T030000Z-mine", "USER"),
        ("my-shop-prod-20260701T030000Z", "USER"),
        ("shop-production-20260701T030000Z", "USER"),
        (OWN, "SYSTEM"),
        (OWN, "AWS_BACKUP"),
    ],
)
def test_somebody_else_s_backup_is_never_deleted(runner: Runner, name: str, kind: str) -> None:
    theirs = runner.aws.add("orders", name, days_ago=400, type=kind)
    runner.create(SCHEDULED)
    runner.all_available()

    runner.monitor()

    assert theirs in arns(runner)


def test_a_backup_of_another_table_is_never_deleted(runner: Runner) -> None:
    theirs = runner.aws.add("orders-archive", OWN, days_ago=400)
    runner.create(SCHEDULED)
    runner.all_available()

    runner.monitor()

    assert theirs in arns(runner)


def test_the_last_good_backup_stays_however_old(runner: Runner) -> None:
    runner.create(SCHEDULED)
    runner.all_available()
    records = list(runner.aws.records())
    runner.aws.now += timedelta(days=30)

    runner.monitor(records)

    assert len(arns(runner)) == 2


def test_a_late_message_of_an_old_run_deletes_nothing_newer_than_that_run(runner: Runner) -> None:
    runner.create(SCHEDULED)
    runner.all_available()
    late = list(runner.aws.records())
    runner.aws.now += timedelta(days=1)
    second = {runner.aws.add(table, "shop-prod-20260802T030000Z") for table in ("orders", "users")}
    runner.aws.now += timedelta(days=1)
    third = {runner.aws.add(table, "shop-prod-20260803T030000Z") for table in ("orders", "users")}
    runner.aws.now += timedelta(days=30)

    runner.monitor(late)

    assert second | third <= arns(runner)


def test_messages_that_come_twice_and_in_another_order_change_nothing(runner: Runner) -> None:
    old = {runner.aws.add(table, OWN, days_ago=4) for table in ("orders", "users")}
    runner.create(SCHEDULED)
    runner.all_available()
    records = list(runner.aws.records())

    for batch in ([records[1]], [records[0], records[0]], records):
        assert runner.monitor(batch) == []

    assert not old & arns(runner)
    assert len(arns(runner)) == 2


@pytest.mark.parametrize("status", ["DELETED", None])
def test_a_lost_backup_is_told(runner: Runner, status: str | None) -> None:
    old = runner.aws.add("users", OWN, days_ago=40)
    runner.create(SCHEDULED)
    runner.all_available()
    lost = runner.aws.of("orders")[-1]
    if status:
        lost.status = status
    else:
        runner.aws.backups.remove(lost)

    assert runner.monitor() == []

    (message,) = runner.aws.published
    assert "orders" in message["Message"]
    assert lost.arn in message["Message"]
    assert old in arns(runner)


def test_a_backup_that_never_ends_is_told_and_let_go(runner: Runner) -> None:
    runner.create(SCHEDULED)
    runner.aws.now += timedelta(hours=6, minutes=1)

    runner.monitor()

    assert len(runner.aws.published) == 2
    assert "still CREATING after 6 hours" in runner.aws.published[0]["Message"]
    assert runner.aws.messages == []


def test_a_topic_that_is_down_brings_the_message_again(runner: Runner) -> None:
    runner.create(SCHEDULED)
    runner.aws.backups.clear()

    def refuse(called: str, _: dict[str, Any]) -> None:
        if called == "publish":
            raise client_error("AuthorizationErrorException", "Publish")

    runner.aws.before = refuse

    assert runner.monitor() == ["m0", "m1"]


def test_what_cannot_be_looked_at_comes_again_and_stops_no_other(runner: Runner) -> None:
    runner.create(SCHEDULED)
    runner.all_available()

    def refuse(called: str, parameters: dict[str, Any]) -> None:
        if called == "describe_backup" and "/orders/" in parameters["BackupArn"]:
            raise client_error("ThrottlingException", "DescribeBackup")

    runner.aws.before = refuse

    assert runner.monitor() == ["m0"]


def test_a_deletion_that_fails_is_tried_again_by_the_same_message(runner: Runner) -> None:
    old = runner.aws.add("orders", OWN, days_ago=4)
    runner.create(SCHEDULED)
    runner.all_available()
    records = list(runner.aws.records())

    def refuse(called: str, _: dict[str, Any]) -> None:
        if called == "delete_backup":
            raise client_error("AccessDeniedException", "DeleteBackup")

    runner.aws.before = refuse
    assert runner.monitor(records) == ["m0", "m1"]
    assert old in arns(runner)

    runner.aws.before = lambda *_: None
    assert runner.monitor(records) == []
    assert old not in arns(runner)


def test_a_backup_in_use_stays_and_fails_nothing(runner: Runner) -> None:
    old = runner.aws.add("orders", OWN, days_ago=4)
    runner.create(SCHEDULED)
    runner.all_available()

    def refuse(called: str, _: dict[str, Any]) -> None:
        if called == "delete_backup":
            raise client_error("BackupInUseException", "DeleteBackup")

    runner.aws.before = refuse

    assert runner.monitor() == []
    assert old in arns(runner)


def test_time_that_runs_out_while_deleting_brings_the_message_again(runner: Runner) -> None:
    runner.aws.add("orders", OWN, days_ago=4)
    runner.create(SCHEDULED)
    runner.all_available()

    assert runner.monitor(seconds=0) == ["m0", "m1"]


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"table": 1}', "not json"])
def test_a_foreign_message_goes_to_the_dead_letter_queue(runner: Runner, body: str) -> None:
    assert runner.monitor([{"messageId": "theirs", "body": body}]) == ["theirs"]


def test_a_table_that_left_the_selection_is_left_alone(runner: Runner) -> None:
    old = runner.aws.add("orders", OWN, days_ago=40)
    runner.create(SCHEDULED)
    runner.all_available()
    runner.tables = ("users",)

    assert runner.monitor() == []

    assert old in arns(runner)


def test_a_run_of_many_tables_lists_once_per_batch(runner: Runner) -> None:
    names = tuple(f"table-{number:02}" for number in range(40))
    runner.aws.tables, runner.tables = names, names
    runner.create(SCHEDULED)
    runner.aws.of("table-00")[0].status = "AVAILABLE"
    runner.aws.calls.clear()

    runner.monitor()

    assert runner.aws.calls.count("list_backups") == 1


def test_all_backups_are_listed_at_once_however_many_tables_have_expired_ones() -> None:
    tables = tuple(f"table-{number}" for number in range(40))
    runner = Runner(FakeAws(tables=tables), tables)
    for table in tables:
        runner.aws.add(table, "shop-prod-20260720T030000Z", days_ago=12)
    runner.create()
    runner.all_available()
    runner.aws.calls.clear()
    assert runner.monitor() == []
    assert runner.aws.calls.count("delete_backup") == 40
    # DynamoDB takes five ListBackups a second.
    assert runner.aws.calls.count("list_backups") == 2
