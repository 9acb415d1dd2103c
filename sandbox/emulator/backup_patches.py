"""On-demand backups in MiniStack are AVAILABLE at once and listed without a filter; here they take time, as on AWS."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

from sandbox.emulator import patch_points as at
from sandbox.emulator.settings import BackupSettings

Response = tuple[int, dict[str, str], Any]
Handler = Callable[[dict[str, Any]], Response]

_NAME = re.compile(r"[a-zA-Z0-9_.-]{3,255}")


class BackupService:
    """The life of backups and of tables that are restored from them."""

    def __init__(self) -> None:
        self.settings = BackupSettings()

    def apply(self) -> None:
        """Install the patches."""
        at.CREATE_BACKUP.wrap(self._create)
        at.DESCRIBE_BACKUP.wrap(self._describe)
        at.DELETE_BACKUP.wrap(self._delete)
        at.LIST_BACKUPS.replace(self._list)
        at.RESTORE_TABLE.wrap(self._restore)
        at.TABLE_DESCRIPTION.wrap(_show_restore)
        at.RESET_DYNAMODB.wrap(self._reset)

    def _reset(self, original: Callable[[], None]) -> Callable[[], None]:
        def reset() -> None:
            original()
            self.settings = BackupSettings()

        return reset

    def _create(self, original: Handler) -> Handler:
        def create(data: dict[str, Any]) -> Response:
            if not _NAME.fullmatch(str(data.get("BackupName"))):
                return _error("ValidationException", "BackupName must satisfy the pattern [a-zA-Z0-9_.-]{3,255}")
            status, headers, body = original(data)
            if status != 200:
                return status, headers, body
            arn = json.loads(body)["BackupDetails"]["BackupArn"]
            backup = at.BACKUPS.current[arn]
            backup["_ready_at"] = time.time() + self.settings.seconds
            details = backup["BackupDetails"]
            details["BackupCreationDateTime"] -= self.settings.age_seconds
            details["BackupType"] = self.settings.type
            details["BackupStatus"] = "CREATING"
            return _respond({"BackupDetails": details})

        return create

    def _describe(self, original: Handler) -> Handler:
        def describe(data: dict[str, Any]) -> Response:
            _settle_all()
            return original(data)

        return describe

    def _delete(self, original: Handler) -> Handler:
        def delete(data: dict[str, Any]) -> Response:
            return _in_use(data) or original(data)

        return delete

    def _list(self, data: dict[str, Any]) -> Response:
        if not 1 <= data.get("Limit", 100) <= 100:
            return _error("ValidationException", "Limit must be between 1 and 100")
        _settle_all()
        kinds = {"ALL": ("USER", "SYSTEM")}.get(data.get("BackupType", "USER"), (data.get("BackupType", "USER"),))
        table = at.NORMALIZE_TABLE_NAME.current(data["TableName"]) if "TableName" in data else None
        found = [
            summary
            for backup in at.BACKUPS.current.values()
            if (summary := _summary(backup))["BackupType"] in kinds
            and table in (None, summary["TableName"])
            and data.get("TimeRangeLowerBound", 0) <= summary["BackupCreationDateTime"]
            and summary["BackupCreationDateTime"] < data.get("TimeRangeUpperBound", float("inf"))
        ]
        arns = [summary["BackupArn"] for summary in found]
        start = data.get("ExclusiveStartBackupArn")
        first = arns.index(start) + 1 if start in arns else 0
        page = found[first : first + min(data.get("Limit", 100), self.settings.page_size)]
        answer: dict[str, Any] = {"BackupSummaries": page}
        if first + len(page) < len(found):
            answer["LastEvaluatedBackupArn"] = page[-1]["BackupArn"]
        return _respond(answer)

    def _restore(self, original: Handler) -> Handler:
        def restore(data: dict[str, Any]) -> Response:
            busy = _in_use(data)
            if busy:
                return busy
            status, headers, body = original(data)
            if status != 200:
                return status, headers, body
            target = at.TABLES.current[data["TargetTableName"]]
            target["_active_at"] = time.time() + self.settings.restore_seconds
            return _respond({"TableDescription": at.TABLE_DESCRIPTION.current(data["TargetTableName"])})

        return restore


def apply() -> BackupService:
    """Install the patches and return the service, whose settings may be changed."""
    service = BackupService()
    service.apply()
    return service


def _show_restore(original: Callable[[str], dict[str, Any]]) -> Callable[[str], dict[str, Any]]:
    """Show a restored table as CREATING for a while, and where it came from for good."""

    def description(name: str) -> dict[str, Any]:
        described = original(name)
        table = at.TABLES.current[name]
        if "_active_at" in table and "RestoreSummary" in table:
            going = time.time() < table["_active_at"]
            described["RestoreSummary"] = table["RestoreSummary"] | {"RestoreInProgress": going}
            if going:
                described["TableStatus"] = "CREATING"
        return described

    return description


def _settle_all() -> None:
    for backup in at.BACKUPS.current.values():
        if backup["BackupDetails"]["BackupStatus"] == "CREATING" and time.time() >= backup["_ready_at"]:
            backup["BackupDetails"]["BackupStatus"] = "AVAILABLE"


def _in_use(data: dict[str, Any]) -> Response | None:
    _settle_all()
    backup = at.BACKUPS.current.get(data.get("BackupArn"))
    if backup and backup["BackupDetails"]["BackupStatus"] == "CREATING":
        return _error("BackupInUseException", "The backup is being created")
    return None


def _summary(backup: dict[str, Any]) -> dict[str, Any]:
    names = ("TableName", "TableId", "TableArn")
    details: dict[str, Any] = backup["BackupDetails"]
    return {name: backup["SourceTableDetails"].get(name) for name in names} | details


def _error(code: str, message: str) -> Response:
    response: Response = at.ERROR_RESPONSE.current(code, message, 400)
    return response


def _respond(answer: dict[str, Any]) -> Response:
    response: Response = at.JSON_RESPONSE.current(answer)
    return response
