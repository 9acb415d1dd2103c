"""What an error makes of one table: it waits, or has failed."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from dynamodb_backup.errors import TargetUnusable
from dynamodb_backup.restore.state import TableState
from dynamodb_backup.turns.outcome import told_by


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Scan")


def met(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        pytest.param(
            refusal("ThrottlingException"),
            "IN_PROGRESS",
            "waiting after Scan failed with ThrottlingException: no",
            id="passes by itself",
        ),
        pytest.param(
            refusal("TableInUseException"),
            "IN_PROGRESS",
            "waiting after Scan failed with TableInUseException: no",
            id="passes here",
        ),
        pytest.param(
            refusal("AccessDeniedException"), "FAILED", "Scan failed with AccessDeniedException: no", id="AWS refuses"
        ),
        pytest.param(TargetUnusable("it is gone"), "FAILED", "it is gone", id="our own"),
    ],
)
def test_the_state_tells_of_the_error(error: Exception, status: str, told: str) -> None:
    state = TableState("orders", "orders")
    with told_by(state, "restore", passing=frozenset({"TableInUseException"}), table="orders"):
        met(error)
    assert (state.status, state.error) == (status, told)


def test_what_a_table_waited_for_is_forgotten_when_it_goes_on() -> None:
    state = TableState("orders", "orders", error="waiting after throttling")
    with told_by(state, "restore", table="orders"):
        pass
    assert state.error is None


def test_a_defect_of_ours_is_not_hidden() -> None:
    state = TableState("orders", "orders")
    with pytest.raises(ZeroDivisionError), told_by(state, "restore", table="orders"):
        raise ZeroDivisionError
    assert state.open
