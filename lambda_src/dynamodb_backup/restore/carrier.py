"""Who carries the tables of a restore through one turn: this invocation alone, here, or workers (``distributed``)."""

from __future__ import annotations

from typing import Protocol

from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.restore.on_demand import OnDemandRestorer
from dynamodb_backup.restore.progress import OwnProgress, Publisher
from dynamodb_backup.restore.state import RestoreState, TableState
from dynamodb_backup.restore.table import TableRestorer
from dynamodb_backup.restore.target_account import means_in_target_account
from dynamodb_backup.telemetry import logger
from dynamodb_backup.turns.carry import TableWork, carry
from dynamodb_backup.turns.means import Means

__all__ = ["Carrier", "OwnCarrier", "own_restorer"]


class Carrier(Protocol):
    """One way of carrying a restore through a turn."""

    def carry(self, request: RestoreRequest, state: RestoreState) -> list[TableWork]:
        """Go on with the open tables, and return those that are not done."""

    def publisher(self, request: RestoreRequest, state: RestoreState) -> Publisher:
        """Return where this way of restoring publishes its progress."""


class OwnCarrier:
    """Restores every table within this invocation, as far as its time allows."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def carry(self, request: RestoreRequest, state: RestoreState) -> list[TableWork]:
        waiting = [table for table in state.tables if table.open]
        try:
            means = means_in_target_account(request, self._means)
        except AWS_ERRORS as error:
            # It passes by itself, or the role would have been refused; what is done already is kept, as in any turn.
            for table in waiting:
                table.error = f"waiting for STS after {explain(error)}"
            logger.warning("restore has to wait for STS", restore_id=state.id, error=explain(error))
            return [own_restorer(self._means, request, state.id, table) for table in waiting]
        return carry([own_restorer(means, request, state.id, table) for table in waiting], means.deadline)

    def publisher(self, request: RestoreRequest, state: RestoreState) -> Publisher:
        return OwnProgress(self._means, state, dry_run=request.dry_run)


def own_restorer(means: Means, request: RestoreRequest, restore_id: str, table: TableState) -> TableWork:
    """Return what restores a table within one invocation."""
    if table.on_demand_backup:
        return OnDemandRestorer(means.clients.dynamodb, request, table, means.deadline)
    return TableRestorer(means, request, restore_id, table)
