"""Beginning a restore: its tables planned, each with its backup and its target."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from dynamodb_backup.archive.catalog import Catalog
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.errors import RequestRefused, TargetUnusable
from dynamodb_backup.restore.on_demand import plan_on_demand
from dynamodb_backup.restore.plan import Planner
from dynamodb_backup.restore.state import RestoreState, TableState
from dynamodb_backup.restore.target_account import means_in_target_account
from dynamodb_backup.restore.transform import refuse_rules_for_keys
from dynamodb_backup.table.definition import target_key_schema
from dynamodb_backup.telemetry import logger
from dynamodb_backup.turns.means import Means
from dynamodb_backup.turns.state import new_id
from dynamodb_backup.verify.lookup import refuse_other_keys

__all__ = ["begin"]


def begin(request: RestoreRequest, means: Means, scratch_definitions: Mapping[str, str] | None = None) -> RestoreState:
    """Plan a restore: what can be refused before any data is read is refused here. Nothing is kept yet.

    Raises
    ------
    RequestRefused
        The request contradicts the naming convention, the backup, or the present time.
    BackupNotFound, BackupDamaged, UnsupportedExport
        The request as a whole cannot be planned.
    """
    means = means_in_target_account(request, means)
    warnings: list[str] = []
    if request.restore_to and datetime.fromisoformat(request.restore_to) > means.clock():
        raise RequestRefused("restore_to", f"is {request.restore_to}, which lies in the future")
    if request.on_demand_backup:
        tables = plan_on_demand(means.clients.dynamodb, means.settings, request)
    else:
        catalog = Catalog(means.store, means.layout)
        tables = Planner(means.settings, means.store, catalog, scratch_definitions).plan(request, warnings)
    restore_id = new_id(means.clock())
    for table in tables:
        if table.captured_keys:
            refuse_rules_for_keys(table.source, request.transform.get(table.source, ()), table.captured_keys)
    if request.selected_keys:
        _begin_selection(request, tables, means)
    logger.info("restore began", restore_id=restore_id, tables=len(tables), dry_run=request.dry_run)
    return RestoreState(restore_id, request.to_dict(), tables, warnings)


def _begin_selection(request: RestoreRequest, tables: list[TableState], means: Means) -> None:
    """Compare the request's keys with the table's before anything is written."""
    (table,) = tables
    if not table.open:
        return
    table.phase = "select"
    try:
        keys = table.captured_keys or target_key_schema(means.clients.dynamodb, table.target)
    except TargetUnusable as error:
        table.fail(str(error))
        return
    refuse_other_keys(keys, request.keys, request.partition_keys)
