"""Carrying one table's restore through a turn whose workers are other invocations."""

from __future__ import annotations

from typing import Any

from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.restore.carrier import own_restorer
from dynamodb_backup.restore.distributed.jobs import JobStates
from dynamodb_backup.restore.distributed.shared_progress import SharedProgress
from dynamodb_backup.restore.distributed.tables import SharedOutRestorer
from dynamodb_backup.restore.progress import Publisher
from dynamodb_backup.restore.state import RestoreState
from dynamodb_backup.restore.target_account import means_in_target_account
from dynamodb_backup.turns.carry import TableWork
from dynamodb_backup.turns.means import Means

__all__ = ["SharedOutCarrier"]


class SharedOutCarrier:
    """Goes on until the workers have something to do, and then says what: waiting for them costs nothing elsewhere."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._turn = 0
        self._sharing: SharedOutRestorer | None = None

    def carry(self, request: RestoreRequest, state: RestoreState) -> list[TableWork]:
        (table,) = state.tables
        self._turn = state.turns
        means = means_in_target_account(request, self._means)
        restorer: TableWork
        if table.on_demand_backup or table.windows:
            # DynamoDB does the one by itself; of the other the full export alone could be shared out.
            restorer = own_restorer(means, request, state.id, table)
        else:
            states = JobStates(means.store, means.layout, state.id)
            slice_lines = means.settings.slice_lines
            restorer = self._sharing = SharedOutRestorer(states, slice_lines, means, request, state.id, table)
        restorer.execute()
        return [restorer] if restorer.open else []

    def publisher(self, _: RestoreRequest, state: RestoreState) -> Publisher:
        return SharedProgress(self._means, state.id)

    def hand_out(self, part_id: str) -> dict[str, Any]:
        """Write the list of jobs that have to be done first, and say where it lies."""
        sharing = self._sharing
        if sharing is None or not sharing.jobs:
            return {"count": 0}
        states = JobStates(self._means.store, self._means.layout, part_id)
        return {
            "bucket": self._means.store.bucket,
            "key": states.list_for_workers(sharing.jobs, self._turn),
            "count": len(sharing.jobs),
            "concurrency": sharing.workers,
        }
