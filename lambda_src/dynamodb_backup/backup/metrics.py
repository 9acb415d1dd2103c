"""The metrics of a run that ended: of each of its tables, of the whole; and how fresh each table's backup is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from dynamodb_backup.backup.record import RunRecord, TableRun
from dynamodb_backup.telemetry import emit

__all__ = ["emit_ages", "emit_item_count_alerts", "emit_run"]


def emit_run(run: RunRecord, environment: str) -> None:
    """Emit how a run that ended went: for each table of which it tried to make a backup, and on the whole."""
    for name, table in run.tables.items():
        values = _of_table(run, table)
        if values:
            emit(values, environment=environment, table=name)
    emit(_of_run(run), environment=environment)


def emit_ages(newest_verified: Mapping[str, datetime], environment: str, now: datetime) -> None:
    """Emit how many hours old each table's newest verified backup is, from the moment whose data it holds."""
    for name, moment in newest_verified.items():
        hours = max(0.0, (now - moment).total_seconds() / 3600)
        emit({"NewestBackupAgeHours": round(hours, 3)}, environment=environment, table=name)


def emit_item_count_alerts(tables: int, environment: str) -> None:
    """Emit of how many tables it stands open whether they lost most of their items."""
    emit({"ItemCountAlerts": tables}, environment=environment)


def _of_run(run: RunRecord) -> dict[str, float]:
    completed = sum(table.status == "COMPLETED" for table in run.tables.values())
    duration = _seconds(run.started_at, run.finished_at)
    return {
        "TablesProcessed": len(run.tables),
        "BackupSuccessRate": 100 * completed / len(run.tables),
        **({} if duration is None else {"BackupDuration": duration}),
    }


def _of_table(run: RunRecord, table: TableRun) -> dict[str, float]:
    completed = table.status == "COMPLETED"
    if completed and not run.makes_full(table) and not table.windows:
        return {}  # nothing was backed up
    values: dict[str, float] = {"BackupSucceeded": completed, "BackupFailed": not completed}
    if completed:
        values |= {"ItemsBackedUp": table.item_count or 0, "BytesBackedUp": table.billed_size_bytes or 0}
    duration = _seconds(table.start_time, table.end_time)
    if completed and duration is not None:
        values["BackupDuration"] = duration
    return values


def _seconds(start: str | None, end: str | None) -> float | None:
    """Return the seconds from one moment to another; ``None`` where one of them is not known."""
    try:
        return max(0.0, (datetime.fromisoformat(end or "") - datetime.fromisoformat(start or "")).total_seconds())
    except (ValueError, TypeError):
        return None
