"""Scratch tables: found and deleted, and nothing else is.

A table counts as one only if its name begins with the prefix and it holds a tag that this product gave it: the one of a
restore that goes on, or, once its items are there, the restore test's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from dynamodb_backup.aws_errors import error_code, patiently
from dynamodb_backup.errors import ToolError
from dynamodb_backup.table.creation import RESTORING_TAG
from dynamodb_backup.table.definition import describe
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import Deadline, backoff_seconds

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import ListTablesOutputTypeDef

__all__ = ["SCRATCH_TAG", "ScratchTables"]

SCRATCH_TAG = "dynamodb-backup:restore-test"
"""Its value is the test's id."""

_BUSY = {"ResourceInUseException", "LimitExceededException"}
"""The table is being created or changed, or too many others are: it ends."""


class ScratchTables:
    """The tables under one prefix."""

    def __init__(self, client: DynamoDBClient, prefix: str, deadline: Deadline) -> None:
        self._client = client
        self._prefix = prefix
        self._deadline = deadline

    def names(self) -> list[str]:
        """Return every table's name that begins with the prefix, tagged or not."""
        found: list[str] = []
        # Names come in order, and the start itself is left out: it is just before the prefix.
        start = self._prefix[:-1]
        while True:
            page = self._page(start)
            found += [name for name in page["TableNames"] if name.startswith(self._prefix)]
            last = page.get("LastEvaluatedTableName")
            if not last or not last.startswith(self._prefix):
                return found
            start = last

    def _page(self, start: str) -> ListTablesOutputTypeDef:
        return patiently(lambda: self._client.list_tables(ExclusiveStartTableName=start))

    def delete(self, name: str) -> bool:
        """Delete a scratch table and wait until it is gone; ``False`` means that time was up, and to call again.

        Raises
        ------
        ToolError
            It is not one of ours: its name lacks the prefix, or it holds no tag of ours.
        ClientError
            DynamoDB refuses, for example ``AccessDeniedException``.
        """
        if not name.startswith(self._prefix):
            raise ToolError(f"table {name} is no scratch table (prefix {self._prefix}) and was not deleted")
        asked = False
        for pause in backoff_seconds(first=0.2, longest=5.0):
            status, arn = self._look(name)
            if status is None:
                logger.info("scratch table deleted", target=name)
                return True
            if not asked and status not in {"CREATING", "DELETING"}:
                asked = self._ask(name, arn)
            if self._deadline.passed():
                return False
            self._deadline.sleep(pause)
        raise AssertionError("backoff_seconds() never ends")

    def _look(self, name: str) -> tuple[str | None, str]:
        try:
            description = patiently(lambda: describe(self._client, name))
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return None, ""
            raise
        return str(description.get("TableStatus", "ACTIVE")), str(description["TableArn"])

    def _ask(self, name: str, arn: str) -> bool:
        """Ask DynamoDB to delete it; ``False`` if it is busy now."""
        tags = patiently(lambda: self._client.list_tags_of_resource(ResourceArn=arn)).get("Tags", [])
        if not {tag["Key"] for tag in tags} & {RESTORING_TAG, SCRATCH_TAG}:
            raise ToolError(
                f"table {name} holds neither the tag {SCRATCH_TAG} nor {RESTORING_TAG}, so it is not a restore test's "
                "and was not deleted; rename or delete it, or choose another scratch prefix"
            )
        try:
            patiently(lambda: self._client.delete_table(TableName=name))
        except ClientError as error:
            if error_code(error) in _BUSY:
                return False
            if error_code(error) != "ResourceNotFoundException":
                raise
        return True
