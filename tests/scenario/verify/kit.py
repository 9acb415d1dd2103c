"""Calling verify as Lambda would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dynamodb_backup.handlers.verify import lambda_handler
from tests.scenario.restore.kit import LambdaContext


@dataclass
class Answer:
    """The handler's response."""

    code: int
    body: dict[str, Any]

    @property
    def result(self) -> dict[str, Any]:
        """The result of the only table."""
        (result,) = self.body["verify_results"]
        return dict(result)

    def of(self, table: str) -> dict[str, Any]:
        (result,) = (one for one in self.body["verify_results"] if one["table_name"] == table)
        return dict(result)


def verify(event: Mapping[str, Any] | None = None, *, seconds: float = 60.0) -> Answer:
    response = lambda_handler(json.loads(json.dumps(event or {})), LambdaContext(seconds))
    json.dumps(response)
    return Answer(response["statusCode"], response["body"])


def verify_in_turns(event: Mapping[str, Any], *, seconds: float, most: int = 100) -> list[Answer]:
    """Repeat the event with the first answer's ``verify_id`` until it is no longer 202; return all answers."""
    answers = [verify(event, seconds=seconds)]
    while answers[-1].code == 202 and len(answers) < most:
        answers.append(verify({**event, "verify_id": answers[0].body["verify_id"]}, seconds=seconds))
    return answers
