"""What the edge knows: armed faults, the log of requests, and what answers for the emulator."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.edge.http1 import Request, Response
from sandbox.edge.rules import Rules

_REMEMBERED_REQUESTS = 200_000


@dataclass
class EdgeState:
    """Shared by all client connections and the control requests."""

    emulator: Callable[[Request], Awaitable[Response]]
    rules: Rules = field(default_factory=Rules)
    resets: int = 0
    """How often the account was emptied: a request that a fault held back since before is not carried out any more."""
    log: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_REQUESTS))
