"""Giving a table that was created from a captured definition the settings that a creation does not take.

They come last, when the items are there: a stream would hand every restored item to its consumers, and TTL would delete
while the restore still counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from dynamodb_backup.aws_errors import AWS_ERRORS, error_code, explain, is_transient
from dynamodb_backup.errors import TimeIsUp
from dynamodb_backup.table.creation import RESTORING_TAG, key_left_behind
from dynamodb_backup.table.definition import describe
from dynamodb_backup.timing import Deadline, backoff_seconds

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

__all__ = ["SettingsAgain", "wait_until_active"]

_TAGS_PER_CALL = 50
_BUSY = {"ContinuousBackupsUnavailableException", "LimitExceededException", "ResourceInUseException"}
"""Another change of the table is going on, or its backups are still being enabled; it ends."""


def wait_until_active(client: DynamoDBClient, table: str, deadline: Deadline) -> dict[str, Any]:
    """Return the description of a table once it is ACTIVE, indexes included.

    Raises
    ------
    TimeIsUp
        It is not yet ACTIVE at the deadline.
    ClientError
        The table does not exist, for example.
    """
    for pause in backoff_seconds(first=0.5, longest=10.0):
        description = describe(client, table)
        indexes = description.get("GlobalSecondaryIndexes") or ()
        states = [description.get("TableStatus", "ACTIVE"), *(one.get("IndexStatus", "ACTIVE") for one in indexes)]
        if set(states) == {"ACTIVE"}:
            return description
        if deadline.passed():
            raise TimeIsUp(f"table {table} is {states[0]}; the restore goes on when it is ACTIVE")
        deadline.sleep(pause)
    raise AssertionError("backoff_seconds() never ends")


@dataclass(frozen=True)
class SettingsAgain:
    """The settings of a captured definition, put on a new table one after the other.

    ``done`` names those that an earlier turn has put on already, ``warnings`` what could not be; both are kept current.
    """

    client: DynamoDBClient
    definition: Mapping[str, Any]
    table: str
    done: list[str]
    warnings: list[str]
    deadline: Deadline

    def apply(self) -> None:
        """Put on what is missing, with a warning for each setting that could not be: the items are there anyway.

        Raises
        ------
        TimeIsUp
            The deadline came first, or another change of the table must end first.
        ClientError
            Something that passes by itself kept a setting from being put on.
        """
        for name, put_on in self._steps().items():
            if name in self.done:
                continue
            description = wait_until_active(self.client, self.table, self.deadline)
            try:
                put_on(description)
            except AWS_ERRORS as error:
                if error_code(error) in _BUSY:
                    raise TimeIsUp(f"{name} of table {self.table} cannot be set again yet: {explain(error)}") from error
                if is_transient(error):
                    raise
                if not _is_set_already(error):
                    self.warnings.append(
                        f"{name} of table {self.table} was not set again, set it by hand: {explain(error)}"
                    )
            self.done.append(name)

    def not_set_again(self) -> list[str]:
        """Return a warning for what the definition tells of the source but no restore creates."""
        warnings = []
        key = key_left_behind(self._source, self.client.meta.region_name)
        if key:
            warnings.append(
                f"table {self.table} is encrypted under the key that AWS manages for DynamoDB, because {key} of the "
                "source is in another region: give it a key of this region by hand"
            )
        replicas = ", ".join(str(one.get("RegionName")) for one in self._source.get("Replicas") or ())
        if replicas:
            warnings.append(
                f"the source of table {self.table} has replicas in {replicas}, which were not created: add them by hand"
            )
        return warnings

    @property
    def _source(self) -> Mapping[str, Any]:
        source: Mapping[str, Any] = self.definition["Table"]
        return source

    def _steps(self) -> dict[str, Callable[[Mapping[str, Any]], object]]:
        """Return what the definition asks for. The tag that marks a table as being restored goes last of all."""
        steps: dict[str, Callable[[Mapping[str, Any]], object]] = {}
        if (self._source.get("TableClassSummary") or {}).get("TableClass"):
            steps["the table class"] = self._table_class
        if self._recovery:
            steps["point-in-time recovery"] = self._point_in_time_recovery
        if (self._source.get("StreamSpecification") or {}).get("StreamEnabled"):
            steps["the stream"] = self._stream
        if self._time_to_live:
            steps["TTL"] = self._ttl
        if self._tags:
            steps["the tags"] = self._tag
        if self._source.get("DeletionProtectionEnabled"):
            steps["deletion protection"] = self._deletion_protection
        steps["the end of the restore (a tag)"] = self._untag
        return steps

    @property
    def _recovery(self) -> Mapping[str, Any] | None:
        recovery = (self.definition.get("ContinuousBackupsDescription") or {}).get("PointInTimeRecoveryDescription")
        if not recovery or recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
            return None
        days = recovery.get("RecoveryPeriodInDays")
        return {"PointInTimeRecoveryEnabled": True, **({"RecoveryPeriodInDays": days} if days else {})}

    @property
    def _time_to_live(self) -> str | None:
        described = self.definition.get("TimeToLiveDescription") or {}
        enabled = described.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}
        return described.get("AttributeName") if enabled else None

    @property
    def _tags(self) -> list[Mapping[str, str]]:
        # AWS sets tags with this prefix itself and refuses them from anybody else.
        return [tag for tag in self.definition.get("Tags") or () if not tag["Key"].startswith("aws:")]

    def _table_class(self, description: Mapping[str, Any]) -> None:
        wanted = self._source["TableClassSummary"]["TableClass"]
        if (description.get("TableClassSummary") or {}).get("TableClass", "STANDARD") != wanted:
            self.client.update_table(TableName=self.table, TableClass=wanted)

    def _point_in_time_recovery(self, _: Mapping[str, Any]) -> None:
        recovery: Any = self._recovery
        self.client.update_continuous_backups(TableName=self.table, PointInTimeRecoverySpecification=recovery)

    def _stream(self, description: Mapping[str, Any]) -> None:
        if not (description.get("StreamSpecification") or {}).get("StreamEnabled"):
            self.client.update_table(TableName=self.table, StreamSpecification=self._source["StreamSpecification"])

    def _ttl(self, _: Mapping[str, Any]) -> None:
        self.client.update_time_to_live(
            TableName=self.table,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": self._time_to_live or ""},
        )

    def _tag(self, description: Mapping[str, Any]) -> None:
        tags: Any = self._tags
        for start in range(0, len(tags), _TAGS_PER_CALL):
            self.client.tag_resource(ResourceArn=description["TableArn"], Tags=tags[start : start + _TAGS_PER_CALL])

    def _deletion_protection(self, description: Mapping[str, Any]) -> None:
        if not description.get("DeletionProtectionEnabled"):
            self.client.update_table(TableName=self.table, DeletionProtectionEnabled=True)

    def _untag(self, description: Mapping[str, Any]) -> None:
        self.client.untag_resource(ResourceArn=description["TableArn"], TagKeys=[RESTORING_TAG])


def _is_set_already(error: BaseException) -> bool:
    message = error.response.get("Error", {}).get("Message", "") if isinstance(error, ClientError) else ""
    return "already enabled" in message
