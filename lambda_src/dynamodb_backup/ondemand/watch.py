"""What the queue holds: one backup that is being watched, and the run that it belongs to."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from dynamodb_backup.aws import QueueClient
from dynamodb_backup.aws_errors import patiently
from dynamodb_backup.errors import QueueMessageMalformed
from dynamodb_backup.strict_json import read_json
from dynamodb_backup.timing import moment_of
from dynamodb_backup.typed_record import record_of

__all__ = ["Watch"]


@dataclass(frozen=True)
class Watch:
    """One message. The run travels with it: which tables it has, under which name, and since when (ISO 8601).

    ``checks`` counts how often the backup was looked at and found CREATING.
    """

    table: str
    backup_arn: str
    backup_name: str
    tables: tuple[str, ...]
    run_began: str
    checks: int = 0

    @property
    def run_began_at(self) -> datetime:
        return moment_of(self.run_began)

    def checked(self) -> Watch:
        return replace(self, checks=self.checks + 1)

    def send(self, sqs: QueueClient, queue_url: str) -> None:
        """Put the message into the FIFO queue, whose delay decides when it is looked at.

        Each backup is a message group of its own, so that none waits for another. A message that is sent twice within
        five minutes arrives once; one that arrives twice nevertheless does no harm.
        """
        message = json.dumps(asdict(self))
        patiently(
            lambda: sqs.send_message(
                QueueUrl=queue_url,
                MessageBody=message,
                MessageGroupId=_digest(self.backup_arn),
                MessageDeduplicationId=_digest(f"{self.backup_arn} {self.checks}"),
            )
        )

    @classmethod
    def parse(cls, body: str) -> Watch:
        """Read a message.

        Raises
        ------
        QueueMessageMalformed
            It is not one of ours.
        """
        try:
            watch = record_of(cls, read_json(body), closed=True)
            moment_of(watch.run_began)
        except ValueError as error:
            raise QueueMessageMalformed(_PROBLEM) from error
        if watch.checks < 0:
            raise QueueMessageMalformed(_PROBLEM)
        return watch


_PROBLEM = (
    "a message in the queue is not one that the on-demand backup function wrote; it goes to the dead-letter queue: "
    "look there for who sent it, and remove it"
)


def _digest(text: str) -> str:
    """Return an id that SQS takes: at most 128 characters, where an ARN may have more."""
    return hashlib.sha256(text.encode()).hexdigest()
