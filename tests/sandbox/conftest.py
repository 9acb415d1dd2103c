"""One sandbox for all tests of this folder, emptied before each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import sandbox
from sandbox import Sandbox


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    with sandbox.start() as aws:
        yield aws


@pytest.fixture
def aws(running_sandbox: Sandbox) -> Sandbox:
    running_sandbox.reset()
    return running_sandbox
