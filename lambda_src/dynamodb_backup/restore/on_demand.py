"""Restoring one of DynamoDB's own on-demand backups: DynamoDB makes a new table of it, and this follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from dynamodb_backup.aws_errors import AWS_ERRORS, error_code, explain
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.errors import BackupNotFound, RequestRefused, TargetUnusable, ToolError
from dynamodb_backup.restore.state import TableState
from dynamodb_backup.settings import Settings
from dynamodb_backup.table.definition import describe
from dynamodb_backup.table.on_demand_backup import describe_backup, list_backups, table_of_backup
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import Deadline, backoff_seconds
from dynamodb_backup.turns.outcome import told_by

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

__all__ = ["OnDemandRestorer", "plan_on_demand"]

PASSING_STATES = frozenset({"BackupInUseException", "TableInUseException"})
"""Another restore of the same backup is going on, or the target's name is not free yet."""

COUNT_IS_OLD = (
    "items_expected of table {table} is DynamoDB's own figure for the source table, up to six hours old when the "
    "backup was made; DynamoDB restores the items itself and counts none"
)
NOT_RESTORED = (
    "DynamoDB does not restore auto scaling, IAM policies, CloudWatch alarms, tags, stream settings, time to live, "
    "point-in-time recovery and deletion protection: set on table {table} what it needs"
)
"""docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_RestoreTableFromBackup.html"""


def plan_on_demand(client: DynamoDBClient, settings: Settings, request: RestoreRequest) -> list[TableState]:
    """Return one state per table of a request with ``on_demand_backup``, each planned or already FAILED.

    Raises
    ------
    RequestRefused
        A target is outside the naming convention, or two tables would go into one.
    """
    asked_for = str(request.on_demand_backup)
    sources = request.tables or tuple(request.target_tables) or (table_of_backup(asked_for),)
    request.refuse_shared_targets(set(sources))
    states = []
    for source in sources:
        state = TableState(source=source, target=request.target_of(source))
        if not settings.convention.allows(state.target):
            raise RequestRefused(
                "on_demand_backup", f"would make a forbidden table: {settings.convention.refusal(state.target)}"
            )
        try:
            state.on_demand_backup = _newest_available(client, source) if asked_for == "latest" else asked_for
        except (ToolError, *AWS_ERRORS) as error:
            state.fail(explain(error))
        states.append(state)
    return states


def _newest_available(client: DynamoDBClient, table: str) -> str:
    for backup in list_backups(client, table):
        if backup.available:
            return backup.arn
    raise BackupNotFound(f"there is no AVAILABLE on-demand backup of table {table}")


class OnDemandRestorer:
    """Carries one table as far as time allows. Its state tells the outcome; nothing about it alone is raised."""

    def __init__(self, client: DynamoDBClient, request: RestoreRequest, state: TableState, deadline: Deadline) -> None:
        self._client = client
        self._request = request
        self._state = state
        self._deadline = deadline
        self._arn = str(state.on_demand_backup)

    @property
    def open(self) -> bool:
        return self._state.open

    def save(self) -> None:
        """Everything that a later turn needs is in the checkpoint."""

    def execute(self) -> None:
        """Go on with this table until it is there, has failed, must wait, or time is up."""
        state = self._state
        with told_by(state, "restore", passing=PASSING_STATES, table=state.source, target=state.target):
            if state.phase == "verify":
                self._check()
                if self._request.dry_run:
                    state.status = "READY"
                    return
                self._start()
                state.phase = "restore"
            self._follow()

    def _check(self) -> None:
        """Refuse what can be refused before anything is made."""
        state = self._state
        description = describe_backup(self._client, self._arn)
        status = description["BackupDetails"]["BackupStatus"] if description else "gone"
        if description is None or status == "DELETED":
            raise BackupNotFound(f"there is no on-demand backup {self._arn} (it is {status})")
        if status != "AVAILABLE":
            raise BackupNotFound(f"on-demand backup {self._arn} is {status}; restore it when it is AVAILABLE")
        state.backup_date = f"{description['BackupDetails']['BackupCreationDateTime']:%Y-%m-%d}"
        state.items_expected = description["SourceTableDetails"].get("ItemCount") or 0
        self._refuse_existing_target(self._target())
        state.creates_target = True
        state.warnings = _warnings(description, state.target)

    def _refuse_existing_target(self, target: dict[str, Any] | None) -> None:
        """Refuse a table that is there, unless DynamoDB is making it of this very backup: nobody can write to that."""
        if target is None or (self._is_of_backup(target) and target["TableStatus"] == "CREATING"):
            return
        if not self._is_of_backup(target):
            raise TargetUnusable(
                f"target table {self._state.target} exists already, and an on-demand backup is restored into a new "
                "table alone; name another one in 'target_tables'"
            )
        raise TargetUnusable(
            f"target table {self._state.target} exists already: it was made of this very backup at "
            f"{target['RestoreSummary']['RestoreDateTime']:%Y-%m-%dT%H:%M:%SZ}, and may have been written to since; "
            "use it as it is, or name another one in 'target_tables'"
        )

    def _start(self) -> None:
        if self._target() is None:
            self._client.restore_table_from_backup(TargetTableName=self._state.target, BackupArn=self._arn)
            logger.info("restore of an on-demand backup began", target=self._state.target, backup_arn=self._arn)

    def _follow(self) -> None:
        state = self._state
        pauses = backoff_seconds(first=0.5, longest=15.0)
        while True:
            target = self._target()
            if target is None or not self._is_of_backup(target):
                raise TargetUnusable(
                    f"target table {state.target} is no longer the one that DynamoDB was making of {self._arn}: "
                    "somebody deleted it, or DynamoDB gave up; restore again"
                )
            if target["TableStatus"] in {"ACTIVE", "UPDATING"}:
                state.phase, state.status = "done", "COMPLETED"
                return
            if self._deadline.passed():
                state.error = f"DynamoDB is making table {state.target}, which takes minutes to hours"
                return
            self._deadline.sleep(next(pauses))

    def _target(self) -> dict[str, Any] | None:
        try:
            return describe(self._client, self._state.target)
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return None
            raise

    def _is_of_backup(self, target: dict[str, Any]) -> bool:
        return bool(target.get("RestoreSummary", {}).get("SourceBackupArn") == self._arn)


def _warnings(description: dict[str, Any], target: str) -> list[str]:
    """Say what DynamoDB leaves to the user, and what of it the source table had."""
    features = description.get("SourceTableFeatureDetails") or {}
    warnings = [
        COUNT_IS_OLD.format(table=target),
        NOT_RESTORED.format(table=target),
    ]
    ttl = features.get("TimeToLiveDescription") or {}
    if ttl.get("TimeToLiveStatus") == "ENABLED":
        warnings.append(
            f"the source table had time to live on attribute {ttl.get('AttributeName')}; it is off on {target}"
        )
    stream = features.get("StreamDescription") or {}
    if stream.get("StreamEnabled"):
        warnings.append(f"the source table had a stream ({stream.get('StreamViewType')}); {target} has none")
    return warnings
