"""Asking the deployed backup and restore, from outside, as a schedule, a pipeline or a person does."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from scripts.demo.failure import DemoFailed

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_scheduler.client import EventBridgeSchedulerClient
    from mypy_boto3_stepfunctions.client import SFNClient

__all__ = ["Answer", "Event", "restore", "run_state_machine", "scheduled_event"]

Event = dict[str, Any]
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Answer:
    """A function's answer."""

    status: int
    body: dict[str, Any]

    @classmethod
    def of(cls, payload: str | bytes) -> Answer:
        """Read an answer. Raises DemoFailed where it is not of the form that the contract promises."""
        try:
            document = json.loads(payload)
            return cls(document["statusCode"], dict(document["body"]))
        except (ValueError, TypeError, KeyError) as error:
            raise DemoFailed(f"The function answered without statusCode and body: {payload!r}") from error

    @property
    def complaints(self) -> list[str]:
        """Return every error in the answer, with the table that it concerns."""
        results = [*self.body.get("export_results", []), *self.body.get("restore_results", [])]
        found = [f"{result['table_name']}: {result['error']}" for result in results if result.get("error")]
        return [*filter(None, [self.body.get("error")]), *found]


def scheduled_event(scheduler: EventBridgeSchedulerClient, state_machine_arn: str) -> Event:
    """Return the event with which the deployed schedule starts a state machine, as EventBridge Scheduler fills it in.

    Raises
    ------
    DemoFailed
        No schedule starts it.
    """
    for listed in scheduler.list_schedules()["Schedules"]:
        schedule = scheduler.get_schedule(Name=listed["Name"], GroupName=listed["GroupName"])
        target = schedule["Target"]
        if target["Arn"] == state_machine_arn:
            event = target["Input"].replace("<aws.scheduler.execution-id>", str(uuid.uuid4()))
            event = event.replace("<aws.scheduler.scheduled-time>", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
            return dict(json.loads(event))
    raise DemoFailed(f"No schedule starts the state machine {state_machine_arn}.")


def run_state_machine(step_functions: SFNClient, arn: str, event: Event) -> Answer:
    """Start a state machine, wait for its end and return its output.

    Raises
    ------
    DemoFailed
        The execution did not succeed.
    """
    execution = step_functions.start_execution(stateMachineArn=arn, input=json.dumps(event))["executionArn"]
    while True:
        described = step_functions.describe_execution(executionArn=execution)
        if described["status"] == "SUCCEEDED":
            return Answer.of(described["output"])
        if described["status"] != "RUNNING":
            cause = described.get("cause", "no cause given")
            raise DemoFailed(f"The execution of the backup state machine is {described['status']}: {cause}")
        time.sleep(POLL_SECONDS)


def restore(
    functions: LambdaClient, name: str, event: Event, again: Callable[[Event], None] = lambda _: None
) -> Answer:
    """Invoke the restore function until it is done; ``again`` hears of each further event.

    Raises
    ------
    DemoFailed
        The function ended with an error instead of an answer.
    """
    while True:
        response = functions.invoke(FunctionName=name, Payload=json.dumps(event))
        payload = response["Payload"].read()
        if response.get("FunctionError"):
            raise DemoFailed(f"The function {name} failed: {payload.decode()}")
        answer = Answer.of(payload)
        if answer.status != 202:
            return answer
        event = event | {"restore_id": answer.body["restore_id"]}
        again(event)
