"""What the log and the metrics say of tables whose restore has ended."""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime

from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.restore.state import RestoreState
from dynamodb_backup.telemetry import emit, logger
from dynamodb_backup.turns.state import began_at

__all__ = ["report_ended"]


def report_ended(
    request: RestoreRequest, state: RestoreState, environment: str, now: datetime, scratch: Container[str] = ()
) -> None:
    """Log and count how tables ended; dry runs count for nothing, nor do tables whose target is one of ``scratch``."""
    began = began_at(state.id)
    duration = {"RestoreDuration": max(0.0, (now - began).total_seconds())} if began else {}
    for table in state.tables:
        logger.info(
            "restore of a table ended",
            restore_id=state.id,
            table=table.source,
            target=table.target,
            status=table.status,
            written=table.items_written,
            failed=table.items_failed,
            deleted=table.items_deleted,
        )
        if request.dry_run or table.source in scratch:
            continue
        completed = table.status == "COMPLETED"
        emit(
            {
                "RestoreSucceeded": completed,
                "RestoreFailed": not completed,
                "ItemsWritten": table.items_written,
                "ItemsFailed": table.items_failed,
                "ItemsDeleted": table.items_deleted,
                **duration,
                **({} if table.proven is None else {"RestoreProven": table.proven}),
            },
            environment=environment,
            table=table.target,
        )
