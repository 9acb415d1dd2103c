"""What one invocation works with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws import Clients
from dynamodb_backup.settings import Settings
from dynamodb_backup.timing import Clock, Deadline, utc_now

__all__ = ["Means"]


@dataclass(frozen=True)
class Means:
    """The environment of one turn. ``store`` is our own bucket, ``layout`` says where in it everything lies."""

    settings: Settings
    clients: Clients
    deadline: Deadline
    clock: Clock = utc_now
    monotonic: Callable[[], float] = time.monotonic

    @cached_property
    def store(self) -> ObjectStore:
        return ObjectStore(self.clients.s3, self.settings.bucket)

    @cached_property
    def layout(self) -> Layout:
        return Layout(self.settings.exports_prefix)
