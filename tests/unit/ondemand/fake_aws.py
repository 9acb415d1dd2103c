"""DynamoDB's backups, a FIFO queue and a topic in memory, in virtual time: every order of events in milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from botocore.exceptions import ClientError

from dynamodb_backup.aws import OnDemandClients
from dynamodb_backup.timing import Deadline

ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/"


class Killed(BaseException):
    """The invocation is gone, as when Lambda ends it: no handler may catch this."""


def client_error(code: str, operation: str = "Operation") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "as the test wants it"}}, operation)


class VirtualDeadline(Deadline):
    """A deadline that sleeps in virtual time."""

    def __init__(self, aws: FakeAws, seconds: float) -> None:
        super().__init__(seconds, monotonic=aws.monotonic)
        self._aws = aws

    def sleep(self, seconds: float) -> None:
        self._aws.now += timedelta(seconds=min(seconds, self.remaining()))


@dataclass
class Backup:
    """One on-demand backup."""

    arn: str
    name: str
    created: datetime
    status: str = "AVAILABLE"
    type: str = "USER"

    def details(self) -> dict[str, Any]:
        return {
            "BackupArn": self.arn,
            "BackupName": self.name,
            "BackupStatus": self.status,
            "BackupType": self.type,
            "BackupCreationDateTime": self.created,
            "TableName": self.arn.partition(":table/")[2].partition("/")[0],
        }


@dataclass
class FakeAws:
    """``before`` and ``after`` are called with every operation and its parameters; what they raise, the caller gets."""

    tables: tuple[str, ...] = ("orders", "users")
    now: datetime = datetime(2026, 8, 1, 3, 0, tzinfo=UTC)
    backups: list[Backup] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    published: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    page_size: int = 100
    before: Callable[[str, dict[str, Any]], None] = lambda *_: None
    after: Callable[[str, dict[str, Any]], None] = lambda *_: None

    def clients(self) -> OnDemandClients:
        fake = cast("Any", self)
        return OnDemandClients(dynamodb=fake, sqs=fake, sns=fake)

    def utc(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.now.timestamp()

    def add(self, table: str, name: str, *, days_ago: float = 0, status: str = "AVAILABLE", type: str = "USER") -> str:  # noqa: A002
        arn = f"{ARN}{table}/backup/{len(self.backups):08d}-{len(self.calls):08x}"
        self.backups.append(Backup(arn, name, self.now - timedelta(days=days_ago), status, type))
        return arn

    def of(self, table: str) -> list[Backup]:
        return [backup for backup in self.backups if backup.arn.startswith(f"{ARN}{table}/")]

    def records(self) -> Iterator[dict[str, Any]]:
        """Take all messages out of the queue, as the event source mapping hands them over."""
        taken, self.messages = self.messages, []
        for number, message in enumerate(taken):
            yield {"messageId": f"m{number}", "body": message["MessageBody"]}

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        carry_out: Callable[..., Any] = object.__getattribute__(self, f"do_{operation}")

        def call(**parameters: Any) -> Any:
            self.before(operation, parameters)
            self.calls.append(operation)
            answer = carry_out(**parameters)
            self.after(operation, parameters)
            return answer

        return call

    def do_create_backup(self, TableName: str, BackupName: str) -> dict[str, Any]:  # noqa: N803
        if TableName not in self.tables:
            raise client_error("TableNotFoundException", "CreateBackup")
        self.add(TableName, BackupName, status="CREATING")
        return {"BackupDetails": self.backups[-1].details()}

    def do_describe_backup(self, BackupArn: str) -> dict[str, Any]:  # noqa: N803
        for backup in self.backups:
            if backup.arn == BackupArn:
                return {"BackupDescription": {"BackupDetails": backup.details()}}
        raise client_error("BackupNotFoundException", "DescribeBackup")

    def do_delete_backup(self, BackupArn: str) -> dict[str, Any]:  # noqa: N803
        self.do_describe_backup(BackupArn)
        self.backups = [backup for backup in self.backups if backup.arn != BackupArn]
        return {}

    def do_list_backups(
        self,
        BackupType: str,  # noqa: N803
        Limit: int,  # noqa: N803
        TableName: str | None = None,  # noqa: N803
        TimeRangeLowerBound: datetime | None = None,  # noqa: N803
        ExclusiveStartBackupArn: str | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        # The type is not looked at: the function must not rely on it.
        found = self.of(TableName) if TableName else self.backups
        found = [backup for backup in found if TimeRangeLowerBound is None or backup.created >= TimeRangeLowerBound]
        arns = [backup.arn for backup in found]
        start = arns.index(ExclusiveStartBackupArn) + 1 if ExclusiveStartBackupArn else 0
        page = found[start : start + min(Limit, self.page_size)]
        answer: dict[str, Any] = {"BackupSummaries": [backup.details() for backup in page]}
        if start + len(page) < len(found):
            answer["LastEvaluatedBackupArn"] = page[-1].arn
        return answer

    def do_send_message(self, **message: Any) -> dict[str, Any]:
        known = [(one["MessageGroupId"], one["MessageDeduplicationId"]) for one in self.messages]
        if (message["MessageGroupId"], message["MessageDeduplicationId"]) not in known:
            self.messages.append(message)
        return {"MessageId": "1"}

    def do_publish(self, **message: Any) -> dict[str, Any]:
        self.published.append(message)
        return {"MessageId": "1"}
