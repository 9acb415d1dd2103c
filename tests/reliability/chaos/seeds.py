"""One integer is one run: the plan that hypothesis draws under it, and, on demand, the smallest that still fails."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

from tests.reliability.chaos.plan import Plan, plans
from tests.scenario.restore.kit import BUCKET

__all__ = ["fingerprint", "plan_of", "shrink"]


def plan_of(seed: int) -> Plan:
    """Return the plan of a seed: the same one on every machine with the locked version of hypothesis."""
    drawn: list[Plan] = []
    _explore(seed, drawn.append, (Phase.generate,))
    return drawn[0]


def fingerprint(seeds: Iterable[int]) -> str:
    """Return what is equal for equal plans, items and all: who gets another one has other runs under these seeds."""
    plans = [plan_of(seed) for seed in seeds]
    return hashlib.sha256("".join(f"{plan.content} {plan}" for plan in plans).encode()).hexdigest()


def shrink(seed: int, play: Callable[[Plan], None]) -> None:
    """Play a seed's plan and, while it fails, ever smaller ones. Raises what the smallest of them raises."""
    _explore(seed, play, (Phase.generate, Phase.shrink))


def _explore(seed: int, play: Callable[[Plan], None], phases: tuple[Phase, ...]) -> None:
    # Hypothesis mixes in constants of whatever modules are loaded: the plan would depend on who asks, and on our code.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(providers, "_get_local_constants", Constants)
        providers.CONSTANTS_CACHE.cache.clear()
        _run(seed, play, phases)
    providers.CONSTANTS_CACHE.cache.clear()


def _run(seed: int, play: Callable[[Plan], None], phases: tuple[Phase, ...]) -> None:
    first = True

    @hypothesis.seed(seed)
    @settings(
        max_examples=1,
        phases=phases,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(plans(BUCKET))
    def example(plan: Plan) -> None:
        nonlocal first
        if first:  # hypothesis begins with the simplest example of all, whatever the seed
            first = False
            reject()
        play(plan)

    example()
