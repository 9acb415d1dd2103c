"""An entry point's act with its audit records: what it began and how it ended."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.audit.log import AuditLog
from dynamodb_backup.audit.trail import Trail
from dynamodb_backup.aws import audit_client, clients
from dynamodb_backup.handlers.door import Response, Result, answer_or_500
from dynamodb_backup.settings import DEFAULT_EXPORTS_PREFIX, audit_log_group

__all__ = ["Began", "answer_and_audit", "trail_of"]

Began = Callable[[str, Mapping[str, Any]], None]
"""What a use case calls with its id and its request, before it changes anything."""


def answer_and_audit(
    act: str,
    context: Any,
    use_case: Callable[[Began], Result],
    failed: Callable[..., Result],
    *,
    ends: bool = True,
    **who: str | None,
) -> Response:
    """Answer as ``answer_or_500`` does, and write audit records where the module is told to.

    Parameters
    ----------
    ends
        Whether an answer that is no error ends the act; that of the state machine's first step does not.
    who
        What is known of who began it, beside the request's id.
    """
    trail = trail_of(act, context, **who)
    if trail is None:
        return answer_or_500(lambda: use_case(_nothing), failed)
    response = answer_or_500(lambda: use_case(trail.began), failed)
    if ends or response["statusCode"] == 500:
        trail.ended(response)
    if trail.warnings:
        response["body"]["warnings"] = [*response["body"].get("warnings", ()), *trail.warnings]
    return response


def trail_of(act: str, context: Any, **who: str | None) -> Trail | None:
    """Return where an act's records are written; ``None`` without an audit log, as by default."""
    group = audit_log_group(os.environ)
    if group is None:
        return None
    function = os.environ.get("POWERTOOLS_SERVICE_NAME", "dynamodb-backup")
    known = {"function": function, "request_id": getattr(context, "aws_request_id", None), **who}
    # Read as they are: a record is also due of an act that was refused because of them.
    bucket, prefix = os.environ.get("BACKUP_BUCKET", ""), os.environ.get("S3_EXPORTS_PREFIX")
    return Trail(
        act=act,
        environment=os.environ.get("ENVIRONMENT", ""),
        who={name: value for name, value in known.items() if value},
        log=AuditLog(audit_client(), group, function),
        store=ObjectStore(clients().s3, bucket),
        layout=Layout((prefix or DEFAULT_EXPORTS_PREFIX).strip("/")),
    )


def _nothing(_work_id: str, _request: Mapping[str, Any]) -> None:
    """Without an audit log nothing is written."""
