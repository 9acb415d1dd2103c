"""What a backup method is: it begins a table's backup, and carries it on until everything is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws import Clients
from dynamodb_backup.backup.record import RunRecord, TableRun
from dynamodb_backup.settings import Settings
from dynamodb_backup.timing import Clock, Deadline

__all__ = ["BackupMethod", "Resources", "Standing"]


@dataclass(frozen=True)
class Resources:
    """What every method works with during one invocation."""

    settings: Settings
    clients: Clients
    store: ObjectStore
    layout: Layout
    deadline: Deadline
    clock: Clock


@dataclass(frozen=True)
class Standing:
    """A table as a method has found or brought it. ``written``: manifests and data files are all in S3."""

    table: TableRun
    written: bool


class BackupMethod(Protocol):
    """One way of making a backup of one table.

    Both methods may be called again after a crash at any point, and by two invocations at the same time, and must then
    go on with the same backup. What they write is verified by the caller: only then the table is COMPLETED. They raise
    a ``ToolError`` for what ends the backup of this table, and errors of AWS as they are; passing ones are tried again
    in a later turn.
    """

    def start(self, run: RunRecord, table: TableRun) -> TableRun:
        """Begin the backup of a table whose definition is captured, and return it with its ``export_arn``."""

    def advance(self, run: RunRecord, table: TableRun) -> Standing:
        """Carry the backup on as far as there is something to do now, or look how it stands."""
