"""The state machine's steps, called one by one in this process, so that a test can lose, repeat and reorder them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dynamodb_backup.handlers.restore import lambda_handler
from tests.scenario.restore.kit import Answer, LambdaContext, Stage

__all__ = ["Execution", "step"]

JobEvent = dict[str, Any]


def step(action: str, *, seconds: float = 60.0, **event: Any) -> dict[str, Any]:
    """Call one step as the state machine does."""
    given = json.loads(json.dumps({"action": action, **event}))
    response = lambda_handler(given, LambdaContext(seconds))
    json.dumps(response)
    return response


@dataclass
class Execution:
    """One execution of the state machine."""

    stage: Stage
    event: Mapping[str, Any]
    seconds: float = 60.0
    hand_out: Callable[[Sequence[JobEvent]], Sequence[JobEvent]] = lambda jobs: jobs
    work: Callable[..., dict[str, Any]] = step
    rounds: list[list[JobEvent]] = field(default_factory=list)
    restore_id: str = ""

    def run(self, most_turns: int = 60) -> Answer:
        """Go through all states to the end and return what Finish, or a refused plan, answered."""
        planned = step("plan", event=self.event)
        if planned["statusCode"] != 200:
            return Answer(planned["statusCode"], planned["body"] | {"restore_results": []})
        self.restore_id = planned["body"]["restore_id"]
        ended = [self._table(part["restore_id"], most_turns) for part in planned["body"]["parts"]]
        answer = step("finish", restore_id=self.restore_id, ended=[one for one in ended if one])
        return Answer(answer["statusCode"], answer["body"])

    def _table(self, part: str, most_turns: int) -> dict[str, Any]:
        """Carry a table to its end, and return the error of the answer if it was not one of the table's."""
        for _ in range(most_turns):
            answer = step("advance", restore_id=part, seconds=self.seconds)
            if answer["statusCode"] != 202:
                error = answer["body"].get("error")
                return {"restore_id": part, "error": error} if error else {}
            jobs = answer["body"]["jobs"]
            if jobs["count"]:
                listed = [json.loads(line) for line in self.stage.get(jobs["key"]).splitlines()]
                assert len(listed) == jobs["count"]
                self.rounds.append(listed)
                for job in self.hand_out(listed):
                    self._job(job, most_turns)
        raise AssertionError(f"{part} did not end in {most_turns} turns")

    def _job(self, job: JobEvent, most_turns: int) -> None:
        for _ in range(most_turns):
            if self.work("work", **job, seconds=self.seconds)["statusCode"] != 202:
                return
        raise AssertionError(f"{job} did not end in {most_turns} turns")


def shuffled_and_doubled(jobs: Sequence[JobEvent]) -> list[JobEvent]:
    """Return every job twice, in any order."""
    twice = [*jobs, *jobs]
    random.Random(7).shuffle(twice)
    return twice
