"""Playing the runs of seeds."""

from __future__ import annotations

from sandbox import Sandbox
from tests.reliability.chaos.invoking import Tally
from tests.reliability.chaos.plan import Plan
from tests.reliability.chaos.seeds import plan_of
from tests.reliability.chaos.story import PromiseBroken, Story

__all__ = ["play", "play_plan", "said_beforehand"]


def play(aws: Sandbox, seed: int) -> Tally:
    """Play one seed's run and return what happened in it.

    Raises
    ------
    PromiseBroken
        The product broke a promise; the message has everything that happened, and how to see it again.
    """
    plan = plan_of(seed)
    try:
        return play_plan(aws, plan, f"chaos-{seed}")
    except PromiseBroken as error:
        raise PromiseBroken(f"{error}\nreplay: make chaos SEED={seed} RUNS=1") from None


def play_plan(aws: Sandbox, plan: Plan, name: str) -> Tally:
    """Play a plan under a name of its own."""
    tally = said_beforehand(plan)
    Story(aws, plan, tally, name).play()
    return tally


def said_beforehand(plan: Plan) -> Tally:
    """Return what a run counts whatever happens in it."""
    tally = Tally()
    tally.counts.update([*plan.content.features, f"mode {plan.write_mode}", f"method {plan.method}"])
    tally.counts.update([f"driver {plan.driver}", *(["restore to a time"] if plan.increment else [])])
    tally.counts.update([*(["paced"] if plan.write_units else []), *(["export fails"] if plan.export_fails else [])])
    return tally
