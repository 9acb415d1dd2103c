"""Asking the deployed functions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dynamodb_backup_cli.aws import Aws, explained
from dynamodb_backup_cli.deployment import Deployment
from dynamodb_backup_cli.failures import CallFailed, CliError, NotFound, Refused

__all__ = ["Answer", "Event", "Functions"]

Event = dict[str, Any]
Body = dict[str, Any]
MOST_SHOWN = 600
SHORTEST_TURN_SECONDS = 5.0


@dataclass(frozen=True)
class Answer:
    """A function's answer; ``status`` is 200, 202, 207 or 500, as the contract defines it."""

    status: int
    body: Body

    def or_error(self) -> Answer:
        """Return the answer, unless it says that nothing was done at all.

        Raises
        ------
        CliError
            The answer has an ``error``; ``Refused`` where it is the request that is wrong.
        """
        error = self.body.get("error")
        if not error:
            return self
        if self.body.get("error_type") == "RequestRefused":
            raise Refused(f"The function refuses this: {error}.", "Nothing was read or written.")
        raise CliError(f"The function answers {self.status}: {error}.", "docs/troubleshooting.md has the messages.")


class Functions:
    """The functions of one deployment."""

    def __init__(self, aws: Aws, deployment: Deployment) -> None:
        self._aws = aws
        self._deployment = deployment

    def has(self, verb: str) -> bool:
        """Tell whether the deployment names such a function; it may still not be there."""
        return verb in self._deployment.functions

    def ask(self, verb: str, event: Mapping[str, Any], *, quick: bool = False) -> Answer:
        """Invoke a function once; a ``quick`` question is given up early, and asked again.

        Raises
        ------
        CliError
            There is no answer, or not one of the contract's form.
        """
        name = self._deployment.functions.get(verb)
        if name is None:
            raise NotFound(f"The output of Terraform names no {verb} function.", "Give --name instead.")
        payload = json.dumps(event).encode()
        with explained(f"function {name}", "lambda:InvokeFunction"):
            client = self._aws.quick_functions if quick else self._aws.functions
            answered = client.invoke(FunctionName=name, Payload=payload)
            said = answered["Payload"].read()
        if answered.get("FunctionError"):
            raise _died(name, said)
        try:
            document = json.loads(said)
            return Answer(int(document["statusCode"]), dict(document["body"]))
        except (ValueError, TypeError, KeyError) as error:
            raise CallFailed(
                f"The function {name} answered without statusCode and body: {_shown(said)}",
                "Is it a function of this module, in a version that this command line knows?",
            ) from error

    def carry(self, verb: str, event: Event, id_field: str, heard: Callable[[Answer], None] = lambda _: None) -> Answer:
        """Invoke a function until its work has ended: after a 202 again, with the id of the answer.

        ``heard`` is told each answer that is not the last.
        """
        while True:
            began = time.monotonic()
            answer = self.ask(verb, event)
            if answer.status != 202 or answer.body.get("error"):
                return answer
            heard(answer)
            event = {name: value for name, value in event.items() if name == "action"}
            event[id_field] = answer.body[id_field]
            # A function that ran out of time is asked again at once; one that waits for an export is not.
            time.sleep(max(0.0, SHORTEST_TURN_SECONDS - (time.monotonic() - began)))


def _died(name: str, said: bytes) -> CallFailed:
    """Say what Lambda tells of a function that ended without an answer."""
    try:
        document = json.loads(said)
    except ValueError:
        document = None
    told = document if isinstance(document, dict) else {}
    reason = f"{told.get('errorType', 'error')}: {told.get('errorMessage', _shown(said))}"
    return CallFailed(
        f"The function {name} died without an answer: {reason}",
        f"Its log group, /aws/lambda/{name.rpartition(':')[2]}, says more. The same command may be given again.",
    )


def _shown(said: bytes) -> str:
    return said.decode(errors="replace")[:MOST_SHOWN]
