"""The fields ``transform`` and ``transform_salt``."""

from __future__ import annotations

from typing import Any

import pytest

from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.contract.transform import Rule
from dynamodb_backup.errors import RequestRefused

SALT = "0123456789abcdef"
RULES = [{"attribute": "email", "action": "hash"}, {"attribute": "profile.phone", "action": "mask"}]
GOOD: dict[str, Any] = {"target_tables": {"users": "copy"}, "transform": {"users": RULES}, "transform_salt": SALT}


def test_rules_are_read_and_survive_a_checkpoint() -> None:
    request = RestoreRequest.from_event(GOOD)
    assert request.transform == {"users": (Rule(("email",), "hash"), Rule(("profile", "phone"), "mask"))}
    kept = {name: value for name, value in request.to_dict().items() if value is not None}
    assert RestoreRequest.from_event(kept) == request
    assert SALT not in repr(request)


def test_names_with_dots_are_given_as_arrays() -> None:
    rules = [{"attribute": ["a.b", "c"], "action": "drop"}]
    request = RestoreRequest.from_event({"target_tables": {"users": "copy"}, "transform": {"users": rules}})
    assert request.transform == {"users": (Rule(("a.b", "c"), "drop"),)}


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"transform": []}, "transform", "an object of rules"),
        ({"transform": {}}, "transform", "an object of rules"),
        ({"transform": {"users": []}}, "transform", "1 to 100 rules"),
        ({"transform": {"users": RULES[0]}}, "transform", "1 to 100 rules"),
        ({"transform": {"u": RULES}}, "transform", "cannot be a DynamoDB table name"),
        ({"transform": {"users": [{"attribute": "email"}]}}, "transform", "exactly 'attribute' and 'action'"),
        ({"transform": {"users": [{**RULES[0], "salt": "x"}]}}, "transform", "exactly 'attribute' and 'action'"),
        ({"transform": {"users": [{"attribute": "a", "action": "encrypt"}]}}, "transform", "drop, mask, hash"),
        ({"transform": {"users": [{"attribute": "a", "action": ["hash"]}]}}, "transform", "drop, mask, hash"),
        ({"transform": {"users": [{"attribute": "a..b", "action": "drop"}]}}, "transform", "a path such as"),
        ({"transform": {"users": [{"attribute": "", "action": "drop"}]}}, "transform", "a path such as"),
        ({"transform": {"users": [{"attribute": [], "action": "drop"}]}}, "transform", "a path such as"),
        ({"transform": {"users": [{"attribute": 3, "action": "drop"}]}}, "transform", "a path such as"),
        ({"transform": {"users": [RULES[1], {"attribute": "profile", "action": "drop"}]}}, "transform", "that meet"),
        ({"transform": {"users": [RULES[0], RULES[0]]}}, "transform", "that meet"),
        ({"transform_salt": None}, "transform_salt", "is missing"),
        ({"transform_salt": "short"}, "transform_salt", "16 to 256 characters"),
        ({"transform_salt": 1234567890123456}, "transform_salt", "16 to 256 characters"),
        ({"transform": None}, "transform", "an object of rules"),
        ({"target_tables": {}, "tables": ["users"]}, "transform", "would overwrite table 'users' itself"),
        ({"target_tables": {"users": "users"}}, "transform", "would overwrite table 'users' itself"),
        ({"method": "import"}, "transform", "imports the backup's own files"),
        ({"prove": True}, "transform", "compare a table with the backup as it is"),
        ({"write_mode": "diff"}, "transform", "compare a table with the backup as it is"),
        ({"restore_to": "2026-01-31T12:00:00Z"}, "transform", "applies the changes of incremental exports as they are"),
    ],
)
def test_refused_by_name(change: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(RequestRefused, match=f"(?s)field '{field}'.*{says}") as raised:
        RestoreRequest.from_event({**GOOD, **change})
    assert raised.value.field == field
    assert "short" not in str(raised.value)
    assert "1234567890123456" not in str(raised.value)


def test_a_table_of_the_same_name_in_another_account_is_another_table() -> None:
    role = "arn:aws:iam::222222222222:role/copies"
    event = {name: value for name, value in GOOD.items() if name != "target_tables"}
    assert RestoreRequest.from_event({**event, "tables": ["users"], "target_role_arn": role}).transform


def test_a_salt_alone_is_refused() -> None:
    with pytest.raises(RequestRefused, match="is not given"):
        RestoreRequest.from_event({"transform_salt": SALT})


def test_without_hashes_no_salt_is_needed() -> None:
    rules = [{"attribute": "email", "action": "drop"}]
    assert RestoreRequest.from_event({"target_tables": {"users": "copy"}, "transform": {"users": rules}}).transform
