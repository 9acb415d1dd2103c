"""Each table's backup is made once per run, whatever happens to the invocation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.ondemand.conftest import Runner
from tests.unit.ondemand.fake_aws import Killed, client_error

SCHEDULED = {"source": "aws.scheduler", "detail-type": "Scheduled Event", "time": "2026-08-01T03:00:00Z"}


def test_every_table_is_backed_up_under_the_run_s_name(runner: Runner) -> None:
    result = runner.create(SCHEDULED)

    assert result.status_code == 200
    assert [backup.name for backup in runner.aws.backups] == ["shop-prod-20260801T030000Z"] * 2
    assert [(table.table_name, table.status) for table in result.tables] == [
        ("orders", "CREATING"),
        ("users", "CREATING"),
    ]
    assert len(runner.aws.messages) == 2


def test_each_backup_is_a_message_group_of_its_own(runner: Runner) -> None:
    runner.create(SCHEDULED)

    assert len({message["MessageGroupId"] for message in runner.aws.messages}) == 2


@pytest.mark.parametrize("event", [SCHEDULED, {}], ids=["scheduled", "by hand"])
@pytest.mark.parametrize("operation", ["create_backup", "send_message"])
def test_killed_after_a_call_the_repeated_event_makes_no_second_backup(
    runner: Runner, event: dict[str, Any], operation: str
) -> None:
    def kill(called: str, _: dict[str, Any]) -> None:
        if called == operation:
            raise Killed

    runner.aws.after = kill
    with pytest.raises(Killed):
        runner.create(event)
    runner.aws.after = lambda *_: None

    assert runner.create(event).status_code == 200
    assert [len(runner.aws.of(table)) for table in ("orders", "users")] == [1, 1]
    assert len(runner.aws.messages) == 2


def test_an_answer_that_was_lost_makes_no_second_backup(runner: Runner) -> None:
    lost = iter([client_error("InternalServerError")])

    def lose(called: str, _: dict[str, Any]) -> None:
        if called == "create_backup" and (error := next(lost, None)):
            raise error

    runner.aws.after = lose

    assert runner.create(SCHEDULED).status_code == 200
    assert len(runner.aws.of("orders")) == 1


def test_the_run_s_backup_is_found_on_a_later_page(runner: Runner) -> None:
    for number in range(7):
        runner.aws.add("orders", f"somebody-{number}")
    runner.create(SCHEDULED)
    runner.aws.page_size = 2

    runner.create(SCHEDULED)

    assert len(runner.aws.of("orders")) == 8


def test_two_requests_by_hand_are_two_runs(runner: Runner) -> None:
    runner.create({}, request_id="r1")
    runner.create({}, request_id="r2")

    assert len(runner.aws.of("orders")) == 2


def test_run_id_continues_a_run(runner: Runner) -> None:
    first = runner.create({}, request_id="r1")

    assert runner.create({"run_id": first.run_id}, request_id="r2").backup_name == first.backup_name
    assert len(runner.aws.of("orders")) == 1


def test_a_missing_table_fails_alone(runner: Runner) -> None:
    runner.aws.tables = ("users",)

    result = runner.create(SCHEDULED)

    assert result.status_code == 207
    assert "does not exist" in (result.tables[0].error or "")
    assert [message["MessageBody"].count('"orders"') for message in runner.aws.messages] == [1], "still of the run"


@pytest.mark.parametrize(
    "code",
    [
        "BackupInUseException",
        "ContinuousBackupsUnavailableException",
        "LimitExceededException",
        "TableInUseException",
        "ThrottlingException",
    ],
)
def test_what_passes_by_itself_is_waited_for(runner: Runner, code: str) -> None:
    errors = iter([client_error(code)] * 3)

    def refuse(called: str, parameters: dict[str, Any]) -> None:
        if called == "create_backup" and parameters["TableName"] == "orders" and (error := next(errors, None)):
            raise error

    runner.aws.before = refuse

    assert runner.create(SCHEDULED).status_code == 200


def test_what_does_not_pass_in_time_is_told_with_what_to_do(runner: Runner) -> None:
    def refuse(called: str, parameters: dict[str, Any]) -> None:
        if called == "create_backup" and parameters["TableName"] == "orders":
            raise client_error("BackupInUseException", "CreateBackup")

    runner.aws.before = refuse
    result = runner.create(SCHEDULED)

    assert result.status_code == 207
    assert "BackupInUseException" in (result.tables[0].error or "")
    assert '{"run_id": "20260801T030000Z"}' in (result.tables[0].error or "")
    assert len(runner.aws.messages) == 1, "the other table did not wait"


def test_a_backup_that_nobody_watches_is_not_called_good(runner: Runner) -> None:
    def refuse(called: str, _: dict[str, Any]) -> None:
        if called == "send_message":
            raise client_error("AccessDeniedException", "SendMessage")

    runner.aws.before = refuse
    result = runner.create(SCHEDULED)

    assert result.status_code == 500
    assert "nobody watches it (SendMessage failed with AccessDeniedException" in (result.tables[0].error or "")
    assert result.tables[0].backup_arn
