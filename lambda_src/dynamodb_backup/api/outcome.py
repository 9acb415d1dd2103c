"""How far an execution is, and how it ended, with what its use case keeps in S3."""

from __future__ import annotations

import json
from typing import Any

from dynamodb_backup.api.executions import Execution
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.contract.distributed import ExecutionName
from dynamodb_backup.restore.followed import FollowedRestore
from dynamodb_backup.timing import iso

__all__ = ["of_backup", "of_restore", "of_verification"]

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
    restore = FollowedRestore(store, layout, ExecutionName(execution.name, iso(execution.started_at)))
    body = execution.to_dict() | {"restore_id": restore.id, "progress": None, "result": None}
    if restore.id is None:
        return body  # not planned yet, or refused: then the cause says why
    body["progress"] = restore.progress()
    if not execution.running:
        # Where the report cannot be answered, what the execution tells is shortened, with the report's place in S3.
        body["result"] = restore.result() or execution.answer.get("body")
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
