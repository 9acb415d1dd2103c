"""Executions of the deployed state machines: started, followed, listed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from dynamodb_backup_cli.aws import Aws, explained
from dynamodb_backup_cli.deployment import Deployment
from dynamodb_backup_cli.failures import CliError, Exit, NotFound

__all__ = ["Execution", "Executions"]

MOST_LISTED = 100
NEWEST_EVENTS = 20


@dataclass(frozen=True)
class Execution:
    """What Step Functions tells of one execution. ``verb`` is what its state machine does."""

    verb: str
    name: str
    arn: str
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
    def exit_code(self) -> Exit:
        """Good only for SUCCEEDED. The state machines fail for 207 too, and say so: that is partial."""
        if self.state == "SUCCEEDED":
            return Exit.GOOD
        return Exit.PARTIAL if self.running or (self.error or "").endswith(".Status207") else Exit.FAILED

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.name,
            "kind": self.verb,
            "status": self.state,
            "started_at": _iso(self.started_at),
            "ended_at": _iso(self.ended_at) if self.ended_at else None,
            "error": self.error,
            "cause": self.cause,
        }


class Executions:
    """The executions of one deployment's state machines."""

    def __init__(self, aws: Aws, deployment: Deployment) -> None:
        self._aws = aws
        self._deployment = deployment

    def start(self, verb: str, event: Mapping[str, Any]) -> Execution:
        """Start an execution.

        Raises
        ------
        CliError
            It could not be started.
        """
        name = f"{verb}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid4().hex[:8]}"
        machine = self._machine(verb)
        with explained(f"state machine {_name_of(machine)}", "states:StartExecution"):
            started = self._aws.executions.start_execution(
                stateMachineArn=machine, name=name, input=json.dumps(event, separators=(",", ":"))
            )
        return Execution(verb, name, started["executionArn"], "RUNNING", started["startDate"])

    def look(self, execution: Execution) -> Execution:
        """Return the execution as it is now."""
        with explained(f"execution {execution.name}", "states:DescribeExecution"):
            return _described(execution.verb, self._aws.executions.describe_execution(executionArn=execution.arn))

    def find(self, name: str) -> Execution:
        """Return an execution by its name, whichever state machine it is of.

        Raises
        ------
        NotFound
            No state machine of the deployment has it.
        """
        for verb in sorted(self._deployment.state_machines, key=lambda verb: not name.startswith(f"{verb}-")):
            arn = f"{self._machine(verb).replace(':stateMachine:', ':execution:')}:{name}"
            try:
                with explained(f"execution {name}", "states:DescribeExecution"):
                    return _described(verb, self._aws.executions.describe_execution(executionArn=arn))
            except NotFound:
                continue
        raise NotFound(
            f"No state machine of {self._deployment.label} has an execution '{name}'.",
            "Running ones are in `status`; Step Functions forgets one 90 days after its end.",
        )

    def running(self) -> list[Execution]:
        """Return what is going on, newest first, of every state machine that is there."""
        found: list[Execution] = []
        for verb in self._deployment.state_machines:
            machine = self._machine(verb)
            try:
                with explained(f"state machine {_name_of(machine)}", "states:ListExecutions"):
                    listed = self._aws.executions.list_executions(
                        stateMachineArn=machine, statusFilter="RUNNING", maxResults=MOST_LISTED
                    )
            except NotFound:
                continue  # restore tests and the HTTP API's verifications are optional
            found += [
                Execution(verb, one["name"], one["executionArn"], one["status"], one["startDate"])
                for one in listed["executions"]
            ]
        return sorted(found, key=lambda one: one.started_at, reverse=True)

    def last_answer(self, execution: Execution) -> dict[str, Any]:
        """Return the last answer that the execution had of its function; empty if that cannot be told.

        It only adds detail to what is shown, so who may not read the history does without.
        """
        try:
            history = self._aws.executions.get_execution_history(
                executionArn=execution.arn, reverseOrder=True, maxResults=NEWEST_EVENTS, includeExecutionData=True
            )
        except (ClientError, CliError):
            return {}
        return next(_answers(history["events"]), {})

    def _machine(self, verb: str) -> str:
        named = self._deployment.state_machines.get(verb)
        if named is None:
            raise NotFound(f"The output of Terraform names no {verb} state machine.", "Give --name instead.")
        return named if named.startswith("arn:") else self._aws.state_machine_arn_prefix + named


def _answers(events: Any) -> Iterator[dict[str, Any]]:
    """Yield the answers in a history: outputs of tasks, in which Lambda's payload is a member."""
    for event in events:
        details = event.get("taskSucceededEventDetails") or event.get("stateExitedEventDetails") or {}
        try:
            output = json.loads(details.get("output", "null"))
        except ValueError:
            continue
        answer = output.get("Payload", output) if isinstance(output, dict) else None
        if isinstance(answer, dict) and isinstance(answer.get("body"), dict):
            yield dict(answer["body"])


def _described(verb: str, described: Mapping[str, Any]) -> Execution:
    return Execution(
        verb=verb,
        name=described["name"],
        arn=described["executionArn"],
        state=described["status"],
        started_at=described["startDate"],
        ended_at=described.get("stopDate"),
        output=json.loads(described["output"]) if described.get("output") else None,
        error=described.get("error"),
        cause=described.get("cause"),
    )


def _name_of(arn: str) -> str:
    return arn.rpartition(":")[2]


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
