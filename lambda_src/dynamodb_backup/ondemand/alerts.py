"""Whoever must hear of a failure hears of it: a metric for the alarm, and words for the topic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dynamodb_backup.aws_errors import patiently
from dynamodb_backup.telemetry import emit, logger

if TYPE_CHECKING:
    from mypy_boto3_sns.client import SNSClient

__all__ = ["alert", "tell_result"]

LONGEST_SUBJECT = 99
LONGEST_MESSAGE = 60_000
"""Below SNS's limits: 100 characters, and 262,144 bytes."""

_WHAT_TO_DO = (
    "What to do:\n"
    "1. Read the message above; docs/troubleshooting.md of the module lists the messages.\n"
    "2. Mend the cause, and invoke the function that creates the backups.\n"
    "Nothing was deleted for this run: older on-demand backups stay until all tables of a run are AVAILABLE."
)


def alert(sns: SNSClient, topic_arn: str | None, environment: str, subject: str, lines: list[str]) -> None:
    """Tell of one or more failures. Raises AWS's error if the topic does not take it: the metric is out by then."""
    emit({"OnDemandBackupsFailed": len(lines)}, environment=environment)
    for line in lines:
        logger.error("on-demand backup failed", error=line)
    if topic_arn is None:
        return
    message = "\n".join([*(f"- {line}" for line in lines), "", _WHAT_TO_DO])[:LONGEST_MESSAGE]
    patiently(lambda: sns.publish(TopicArn=topic_arn, Subject=_as_subject(subject), Message=message))


def _as_subject(text: str) -> str:
    """Return a text as SNS takes a subject, ASCII without control characters: part of it came out of a queue."""
    plain = " ".join(text.encode("ascii", "replace").decode().split())
    return "".join(one if one.isprintable() else "?" for one in plain)[:LONGEST_SUBJECT]


def tell_result(sns: SNSClient, topic_arn: str | None, name_prefix: str, body: Mapping[str, Any]) -> None:
    """Tell of an answer that is not 200, since nobody reads the answer to a schedule."""
    failed = [one for one in body["backup_results"] if one["status"] == "FAILED"]
    lines = [f"table {one['table_name']}: {one['error']}" for one in failed] or [str(body.get("error"))]
    subject = f"On-demand backup failed: {body.get('backup_name') or name_prefix}"
    alert(sns, topic_arn, body.get("environment") or "unknown", subject, lines)
