"""What the state machine of the restore and the restore function say to each other. Internal: it may change."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from dynamodb_backup.contract.fields import Fields
from dynamodb_backup.errors import RequestRefused

__all__ = [
    "ACTIONS",
    "Answered",
    "ExecutionName",
    "PlanResult",
    "WorkResult",
    "causes_of_event",
    "execution_of_event",
    "part_of_event",
    "restore_event",
]

ACTIONS = ("advance", "finish", "plan", "work")

UNPROVEN = frozenset({"keys", "partition_keys", "on_demand_backup", "transform"})
"""Restores with these fields bring back single items, change them, or leave it to DynamoDB: nothing is to be proven."""


def part_of_event(event: object) -> tuple[str, str]:
    """Return ``restore_id`` and ``job`` of an event (an empty job where it has none).

    Raises
    ------
    RequestRefused
        The state machine did not send this event.
    """
    fields = Fields(event, ("action", "restore_id", "job", "ended"))
    restore_id = fields.text("restore_id", pattern=r"[A-Za-z0-9-]{1,64}", meaning="the restore_id of a plan")
    if restore_id is None:
        raise RequestRefused("restore_id", "is missing")
    return restore_id, fields.text("job", pattern=r"[a-z0-9-]{1,64}", meaning="the name of a job") or ""


def causes_of_event(event: object) -> dict[str, str]:
    """Return why tables were not carried to their end, by the ``restore_id`` of their parts; only known from outside.

    Raises
    ------
    RequestRefused
        The state machine did not send this event.
    """
    ended = Fields(event, ("action", "restore_id", "ended")).raw("ended") or []
    try:
        return {str(part["restore_id"]): str(part["error"]) for part in ended}
    except (KeyError, TypeError) as error:
        raise RequestRefused("ended", "must be an array of objects with restore_id and error") from error


@dataclass(frozen=True)
class ExecutionName:
    """An execution's name and when it was started: ninety days after its end another may have the same name."""

    name: str
    started_at: str


def execution_of_event(event: object) -> ExecutionName | None:
    """Return the execution that planning belongs to; ``None`` if its definition is an older one that told none.

    Raises
    ------
    RequestRefused
        The state machine did not send this event.
    """
    given = Fields(event, ("action", "event", "execution")).raw("execution")
    if given is None:
        return None
    fields = Fields(given, ("name", "started_at"))
    # Step Functions allows more in a name; such an execution has no record, and its restore is found by restore_id.
    name, started_at = fields.raw("name"), fields.moment("started_at")
    is_plain = isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,80}", name)
    return ExecutionName(str(name), started_at) if is_plain and started_at else None


def restore_event(event: object) -> dict[str, Any]:
    """Return the restore event that an execution was started with, with the defaults of the state machine.

    Raises
    ------
    RequestRefused
        It is not an object, would continue a restore, or asks for something else than a restore.
    """
    given = Fields(event, ("action", "event", "execution")).raw("event")
    if not isinstance(given, dict):
        raise RequestRefused("event", "must be a JSON object: start the execution with a restore event")
    if given.get("action") not in (None, "restore"):
        # Read as a restore, a verification would overwrite the table that it was to be compared with.
        raise RequestRefused(
            "action", "is not restore, and the state machine does nothing else: invoke the restore function with it"
        )
    if "restore_id" in given:
        raise RequestRefused(
            "restore_id", "continues a restore of the function; an execution begins one of its own: redrive it to go on"
        )
    unproven = given.get("dry_run") or UNPROVEN & given.keys()
    return given if unproven else {"prove": True} | given


@dataclass(frozen=True)
class PlanResult:
    """The restore's id and, table by table, the restores that it consists of."""

    environment: str | None = None
    s3_bucket: str | None = None
    restore_id: str | None = None
    parts: tuple[str, ...] = ()
    error: str | None = None
    error_type: str | None = None

    def to_response(self) -> dict[str, Any]:
        body = asdict(self) | {"parts": [{"restore_id": part} for part in self.parts]}
        return {"statusCode": 500 if self.error else 200, "body": body}


@dataclass(frozen=True)
class Answered:
    """An answer that is a response already."""

    response: dict[str, Any]

    def to_response(self) -> dict[str, Any]:
        return self.response


@dataclass(frozen=True)
class WorkResult:
    """How a worker's turn ended: its job is ``COMPLETED``, ``FAILED``, ``IN_PROGRESS``, or ``ENDED`` before."""

    job: str = ""
    status: str = "FAILED"
    items_written: int = 0
    error: str | None = None

    def to_response(self) -> dict[str, Any]:
        codes = {"IN_PROGRESS": 202, "FAILED": 500}
        return {"statusCode": codes.get(self.status, 200), "body": asdict(self)}
