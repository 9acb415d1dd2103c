"""How far an execution is, and how it ended, with what its use case keeps in S3."""

from __future__ import annotations

import json
from typing import Any

from dynamodb_backup.api.executions import Execution
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.contract.distributed import ExecutionName
from dynamodb_backup.errors import BackupDamaged
from dynamodb_backup.restore.distributed.execution_record import ExecutionRecord
from dynamodb_backup.timing import iso

__all__ = ["of_backup", "of_restore", "of_verification"]

MOST_REPORT_BYTES = 4_000_000
"""Lambda answers with at most 6 MB."""

Body = dict[str, Any]


def of_backup(execution: Execution) -> Body:
    """Return a backup's execution with the run's result once it succeeded."""
    return execution.to_dict() | {"result": execution.answer.get("body")}


def of_restore(execution: Execution, store: ObjectStore, layout: Layout) -> Body:
    """Return a restore's execution with its progress while it runs and its report when it has ended.

    Raises
    ------
    BackupDamaged
        One of the restore's objects is malformed.
    """
    restore_id = _restore_id(execution, store, layout)
    body = execution.to_dict() | {"restore_id": restore_id, "progress": None, "result": None}
    if restore_id is None:
        return body  # not planned yet, or refused: then the cause says why
    progress = store.find(layout.progress(restore_id))
    if progress:
        body["progress"] = _parsed(layout.progress(restore_id), progress.body)
    if not execution.running:
        body["result"] = _report(execution, store, layout.restore_report(restore_id))
    return body


def of_verification(execution: Execution) -> Body:
    """Return a verification's execution with its result. One that found a difference has failed, with its result."""
    return execution.to_dict() | {"cause": None} | _verification(execution)


def _verification(execution: Execution) -> Body:
    if execution.cause is None:
        return {"result": execution.answer.get("body")}
    try:
        cause = json.loads(execution.cause)
    except ValueError:
        return {"cause": execution.cause, "result": None}
    result = cause if isinstance(cause, dict) else {}
    return {"cause": result.get("error"), "result": result}


def _restore_id(execution: Execution, store: ObjectStore, layout: Layout) -> str | None:
    carried = ExecutionRecord(store, layout, ExecutionName(execution.name, iso(execution.started_at))).find()
    return carried.restore_id if carried else None


def _report(execution: Execution, store: ObjectStore, key: str) -> Any:
    report = store.find(key)
    if report is None or len(report.body) > MOST_REPORT_BYTES:
        return execution.answer.get("body")  # shortened, with the report's place in S3
    return _parsed(key, report.body).get("body")


def _parsed(key: str, body: bytes) -> Body:
    try:
        document = json.loads(body)
    except ValueError as error:
        raise BackupDamaged(f"object {key} of a restore is malformed: {error}") from error
    if not isinstance(document, dict):
        raise BackupDamaged(f"object {key} of a restore is malformed: it is not a JSON object")
    return document
