"""One plan of everything for all tests here, which share a worker for it."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.permissions.planned import PlannedRole, plan_everything, planned_roles


@pytest.fixture(scope="session")
def plan() -> dict[str, Any]:
    """The plan of everything.tf."""
    return plan_everything()


@pytest.fixture(scope="session")
def roles(plan: dict[str, Any]) -> list[PlannedRole]:
    """Every role of that plan."""
    return planned_roles(plan)
