"""Lambda entry point of the restore, and of whatever else is done with backups by the same function."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from dynamodb_backup.aws import clients
from dynamodb_backup.catalog.history import History
from dynamodb_backup.contract.audited import execution_of
from dynamodb_backup.contract.distributed import (
    ACTIONS,
    Answered,
    ExecutionName,
    PlanResult,
    WorkResult,
    causes_of_event,
    part_of_event,
)
from dynamodb_backup.contract.history import HistoryRequest, HistoryResult
from dynamodb_backup.contract.progress import ProgressRequest, ProgressResult
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.contract.restore_result import RestoreResult
from dynamodb_backup.contract.undo import UndoRequest, UndoResult
from dynamodb_backup.handlers.audited import Began, answer_and_audit
from dynamodb_backup.handlers.door import answer_or_500
from dynamodb_backup.handlers.verify import lambda_handler as verify_handler
from dynamodb_backup.restore.distributed.coordinator import Coordinator
from dynamodb_backup.restore.distributed.jobs import Job
from dynamodb_backup.restore.distributed.worker import Worker
from dynamodb_backup.restore.followed import FollowedRestore
from dynamodb_backup.restore.run import RestoreRun
from dynamodb_backup.settings import Settings
from dynamodb_backup.timing import Deadline
from dynamodb_backup.turns.means import Means
from dynamodb_backup.undo.run import UndoRun

__all__ = ["lambda_handler"]

Answer = dict[str, Any]
Step = PlanResult | WorkResult | Answered


def lambda_handler(event: Any, context: Any) -> Answer:
    """Do what the event's ``action`` says; without one, restore tables from a backup.

    The same event with the answer's ``restore_id`` goes on where time ran out.
    """
    action = event.get("action") if isinstance(event, Mapping) else None
    # An action that is not in here is refused by name, like any other field with a wrong value.
    return _ACTIONS.get(action if isinstance(action, str) else "restore", _restore)(event, context)


def _restore(event: Any, context: Any) -> Answer:
    def restore(began: Began) -> RestoreResult:
        settings = Settings.from_environment(os.environ)
        request = RestoreRequest.from_event(event)
        return RestoreRun(Means(settings, clients(), Deadline.of(context)), began=began).execute(request)

    return answer_and_audit("restore", context, restore, RestoreResult)


def _undo(event: Any, context: Any) -> Answer:
    def undo(began: Began) -> UndoResult:
        settings = Settings.from_environment(os.environ)
        request = UndoRequest.from_event(event)
        return UndoRun(Means(settings, clients(), Deadline.of(context)), began).execute(request)

    return answer_and_audit("undo", context, undo, UndoResult)


def _history(event: Any, context: Any) -> Answer:
    def history() -> HistoryResult:
        settings = Settings.from_environment(os.environ)
        request = HistoryRequest.from_event(event)
        return History(settings, clients(), Deadline.of(context)).execute(request)

    return answer_or_500(history, HistoryResult)


def _progress(event: Any, context: Any) -> Answer:
    def progress() -> ProgressResult:
        settings = Settings.from_environment(os.environ)
        request = ProgressRequest.from_event(event)
        means = Means(settings, clients(), Deadline.of(context))
        restore = FollowedRestore(means.store, means.layout, ExecutionName(request.execution, request.started_at))
        return ProgressResult(
            environment=settings.environment,
            s3_bucket=settings.bucket,
            restore_id=restore.id,
            progress=restore.progress(),
            result=restore.result(),
        )

    return answer_or_500(progress, ProgressResult)


def _step(event: Any, context: Any) -> Answer:
    """One step of the state machine. Its first and its last are the begin and the end of a restore."""
    action = event["action"]

    def step(began: Began) -> Step:
        settings = Settings.from_environment(os.environ)
        means = Means(settings, clients(), Deadline.of(context))
        if action == "work":
            restore_id, job = part_of_event(event)
            return Worker(means).work(restore_id, Job.parse(job))
        coordinator = Coordinator(means, began)
        if action == "plan":
            return coordinator.plan(event)
        restore_id, _ = part_of_event(event)
        if action == "advance":
            return Answered(coordinator.advance(restore_id))
        return Answered(coordinator.finish(restore_id, causes_of_event(event)))

    if action not in {"plan", "finish"}:
        return answer_or_500(lambda: step(lambda _id, _request: None), PlanResult)
    ends, execution = action == "finish", execution_of(event)
    return answer_and_audit("restore", context, step, PlanResult, ends=ends, execution=execution)


_ACTIONS: dict[str, Callable[[Any, Any], Answer]] = {
    "history": _history,
    "progress": _progress,
    "restore": _restore,
    "undo": _undo,
    "verify": verify_handler,
    **dict.fromkeys(ACTIONS, _step),
}
