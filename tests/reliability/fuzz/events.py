"""Events: every contract reads whatever JSON it is given, and what it accepts means the same when it is read again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from botocore.exceptions import ClientError

from dynamodb_backup.api.routes import ROUTES, Api
from dynamodb_backup.api.settings import ApiSettings
from dynamodb_backup.aws import ApiClients
from dynamodb_backup.contract.api import HttpRequest
from dynamodb_backup.contract.audited import execution_of, shown_event
from dynamodb_backup.contract.backup import BackupRequest
from dynamodb_backup.contract.catalog import ListRequest
from dynamodb_backup.contract.collapse import AcceptCollapseRequest
from dynamodb_backup.contract.distributed import causes_of_event, execution_of_event, part_of_event, restore_event
from dynamodb_backup.contract.history import HistoryRequest
from dynamodb_backup.contract.legal_hold import LegalHoldRequest
from dynamodb_backup.contract.offsite import OffsiteRequest
from dynamodb_backup.contract.on_demand import OnDemandRequest
from dynamodb_backup.contract.progress import ProgressRequest
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.contract.restore_test import RestoreTestRequest
from dynamodb_backup.contract.undo import UndoRequest
from dynamodb_backup.contract.verify import VerifyRequest
from dynamodb_backup.restore.distributed.jobs import Job
from dynamodb_backup.restore.state import RestoreState
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.timing import Deadline
from dynamodb_backup.undo.state import UndoState
from dynamodb_backup.verify.lookup import WantedKeys, refuse_other_keys
from dynamodb_backup.verify.state import VerifyState
from tests.reliability.fuzz.oracle import Target, documented

__all__ = ["EVENTS", "HTTP"]

TABLES = ("orders", "users")
SCHEMAS = (KeySchema((("id", "S"),)), KeySchema((("id", "N"),)), KeySchema((("id", "S"), ("at", "N"))))


def check_event(data: bytes) -> None:
    """Give one event to every contract."""
    try:
        event = json.loads(data)  # as Lambda's runtime does it
    except (ValueError, RecursionError):
        return
    for read in READERS:
        with documented():
            read(event)
    execution_of(event)


def check_request(data: bytes) -> None:
    """Give one event of API Gateway to the HTTP API, whose executions are all new and whose bucket is empty."""
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        return
    with documented():
        request = HttpRequest.from_event(event)
        answer = API.answer(request).to_response()
        json.loads(answer["body"])
        request.execution_name()


def _restore(event: Any) -> None:
    request = RestoreRequest.from_event(event)
    _look_up(request.keys, request.partition_keys)
    stored = RestoreState.parse("checkpoint", RestoreState("id", request.to_dict(), []).to_json(), "etag")
    # Of an ended restore the secret is not kept; it has no tables, so this one has ended.
    again = stored.original_request().to_dict() | {"transform_salt": request.transform_salt}
    assert again == request.to_dict()
    shown_event(request.to_dict())


def _look_up(keys: Any, partition_keys: Any) -> None:
    for schema in SCHEMAS:
        if keys or partition_keys:
            with documented():
                refuse_other_keys(schema, keys, partition_keys)
                WantedKeys(schema, keys or partition_keys, partitions=bool(partition_keys)).match({})


def _verify(event: Any) -> None:
    request = VerifyRequest.from_event(event)
    stored = VerifyState.parse("checkpoint", VerifyState("id", request.to_dict(), []).to_json(), "etag")
    assert stored.original_request().to_dict() == request.to_dict()


def _undo(event: Any) -> None:
    request = UndoRequest.from_event(event)
    _look_up(request.keys, request.partition_keys)
    stored = UndoState.parse("undo", UndoState("id", request.to_dict(), []).to_json(), "etag")
    assert stored.original_request().to_dict() == request.to_dict()
    shown_event(request.to_dict())


def _history(event: Any) -> None:
    request = HistoryRequest.from_event(event)
    _look_up(request.keys, None)
    request.covers("2026-01-31")


def _list(event: Any) -> None:
    request = ListRequest.from_event(event)
    assert request.start is None or request.start[1] >= 0
    request.covers("2026-01-31")


def _job(event: Any) -> None:
    _, name = part_of_event(event)
    if name:
        job = Job.parse(name)
        assert Job.parse(job.name) == job


READERS: tuple[Callable[[Any], Any], ...] = (
    _restore,
    _verify,
    _undo,
    _history,
    _list,
    _job,
    lambda event: BackupRequest.from_event(event, TABLES),
    lambda event: BackupRequest.from_event(event, TABLES, ("users",)),
    lambda event: OnDemandRequest.from_event(event, TABLES),
    AcceptCollapseRequest.from_event,
    LegalHoldRequest.from_event,
    OffsiteRequest.from_event,
    ProgressRequest.from_event,
    RestoreTestRequest.from_event,
    causes_of_event,
    execution_of_event,
    restore_event,
)


def _started(**_: object) -> dict[str, object]:
    return {"startDate": datetime(2026, 1, 31, tzinfo=UTC)}


def _none_there(**_: object) -> None:
    raise ClientError({"Error": {"Code": "ExecutionDoesNotExist"}}, "DescribeExecution")


def _empty_bucket() -> Any:
    def missing(**_: object) -> None:
        raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")

    pages = SimpleNamespace(paginate=lambda **_: iter(()))
    return SimpleNamespace(get_paginator=lambda _: pages, get_object=missing, list_objects_v2=lambda **_: {})


API = Api(
    ApiSettings.from_environment(
        {
            "BACKUP_BUCKET": "backups",
            "ENVIRONMENT": "test",
            "DYNAMODB_TABLES": json.dumps(TABLES),
            "API_AUTHORIZATION": "iam",
            **{
                f"{name}_STATE_MACHINE_ARN": f"arn:aws:states:eu-west-1:123456789012:stateMachine:{name}"
                for name in ("BACKUP", "RESTORE", "VERIFY")
            },
        }
    ),
    cast(
        "ApiClients",
        SimpleNamespace(
            s3=_empty_bucket(),
            dynamodb=None,
            stepfunctions=SimpleNamespace(start_execution=_started, describe_execution=_none_there),
        ),
    ),
    Deadline(900),
)
assert ROUTES

EVENTS = Target("events", check_event, "json")
HTTP = Target("http", check_request, "json")
