"""Executions of one state machine: started once for each name, and looked at."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from dynamodb_backup.aws_errors import error_code, patiently
from dynamodb_backup.errors import BackupNotFound, HttpRefused
from dynamodb_backup.timing import iso

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.client import SFNClient

__all__ = ["Execution", "Executions"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")


@dataclass(frozen=True)
class Execution:
    """What Step Functions tells of one execution; ``output`` is parsed JSON, ``None`` before it succeeded."""

    name: str
    state: str
    started_at: datetime
    ended_at: datetime | None = None
    output: Any = None
    error: str | None = None
    cause: str | None = None

    @property
    def running(self) -> bool:
        return self.state in {"RUNNING", "PENDING_REDRIVE"}

    @property
    def status(self) -> str:
        """IN_PROGRESS, COMPLETED or FAILED. The state machines fail for whatever is not a 200."""
        if self.running:
            return "IN_PROGRESS"
        return "COMPLETED" if self.state == "SUCCEEDED" else "FAILED"

    @property
    def answer(self) -> Mapping[str, Any]:
        """Return the answer of the function that the execution ended with; empty if there is none."""
        return self.output if isinstance(self.output, Mapping) else {}

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.name,
            "status": self.status,
            "execution_status": self.state,
            "started_at": iso(self.started_at),
            "ended_at": iso(self.ended_at) if self.ended_at else None,
            "error": self.error,
            "cause": self.cause,
        }


class Executions:
    """The executions of one state machine."""

    def __init__(self, client: SFNClient, machine_arn: str) -> None:
        self._client = client
        self._machine_arn = machine_arn

    def start(self, name: str, event: Mapping[str, Any]) -> Execution:
        """Start an execution, or find the one that was started by the same request before.

        Step Functions keeps names apart for 90 days:
        https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html

        Raises
        ------
        HttpRefused
            There is an execution of that name that was started with another event.
        """
        given = json.dumps(event, sort_keys=True, separators=(",", ":"))
        try:
            started = patiently(
                lambda: self._client.start_execution(stateMachineArn=self._machine_arn, name=name, input=given)
            )
        except ClientError as error:
            if error_code(error) != "ExecutionAlreadyExists":
                raise
            described = self._describe(name)
            if described.get("input") != given:
                raise HttpRefused(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    "the header Idempotency-Key was used for another request before; use a new key",
                ) from error
            return _execution(described)
        return Execution(name, "RUNNING", started["startDate"])

    def find(self, name: str) -> Execution:
        """Return an execution.

        Raises
        ------
        BackupNotFound
            There is none of that name.
        """
        return _execution(self._describe(name))

    def _describe(self, name: str) -> dict[str, Any]:
        missing = f"there is no execution '{name[:80]}'; Step Functions forgets one 90 days after it ended"
        if _NAME.fullmatch(name) is None:
            raise BackupNotFound(missing)
        arn = f"{self._machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
        try:
            return dict(patiently(lambda: self._client.describe_execution(executionArn=arn)))
        except ClientError as error:
            if error_code(error) == "ExecutionDoesNotExist":
                raise BackupNotFound(missing) from error
            raise


def _execution(described: Mapping[str, Any]) -> Execution:
    return Execution(
        name=described["name"],
        state=described["status"],
        started_at=described["startDate"],
        ended_at=described.get("stopDate"),
        output=json.loads(described["output"]) if described.get("output") else None,
        error=described.get("error"),
        cause=described.get("cause"),
    )
