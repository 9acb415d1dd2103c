"""One plan of everything for all tests here, which share a worker for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

import sandbox
from sandbox.remote import Authorization
from scripts.permissions.planned import PlannedRole, plan_everything, planned_roles
from tests.permissions.scenario import play
from tests.permissions.stage import ACCOUNT, Stage


@pytest.fixture(scope="session")
def account() -> Iterator[sandbox.Sandbox]:
    """An account that no other test empties."""
    with sandbox.start() as aws:
        yield aws


@pytest.fixture(scope="session")
def plan(account: sandbox.Sandbox) -> dict[str, Any]:
    """The plan of everything.tf."""
    return plan_everything(account)


@pytest.fixture(scope="session")
def roles(plan: dict[str, Any]) -> list[PlannedRole]:
    """Every role of that plan."""
    return planned_roles(plan)


@dataclass(frozen=True)
class Played:
    """The account after the scenario, and what IAM was asked in it, by role."""

    stage: Stage
    asked: Mapping[str, Sequence[Authorization]]


@pytest.fixture(scope="session")
def played(plan: dict[str, Any], account: sandbox.Sandbox) -> Played:
    """The scenario, played once."""
    stage = Stage(account, plan)
    account.authorizations.take()  # what the plan asked for
    stage.lay_out()
    play(stage)
    asked: dict[str, list[Authorization]] = {}
    for one in account.authorizations.take():
        if f":{ACCOUNT}:assumed-role/" in one.principal:
            asked.setdefault(one.principal.split("/")[1], []).append(one)
    return Played(stage, asked)
