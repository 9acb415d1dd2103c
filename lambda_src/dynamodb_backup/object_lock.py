"""S3 Object Lock: for how long no one may delete a stored object, as the module's user chose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from dynamodb_backup.contract.retention import CALENDAR_CLASSES, INCREMENTAL
from dynamodb_backup.errors import ConfigurationError
from dynamodb_backup.json_setting import json_setting

__all__ = ["LOCKED_CLASSES", "LOCK_MODES", "ObjectLock", "chosen_object_lock"]

LOCK_MODES = ("GOVERNANCE", "COMPLIANCE")
LOCKED_CLASSES = (*CALENDAR_CLASSES, INCREMENTAL)


@dataclass(frozen=True)
class ObjectLock:
    """The bucket locks each new object for ``default_days``; a backup's class then prolongs that to ``days`` of it.

    Both count from the creation of an object, as the days of retention do.
    """

    mode: str
    default_days: int
    days: Mapping[str, int] = field(default_factory=dict)

    def locked_until(self, written: datetime, name: str, now: datetime) -> datetime | None:
        """Return until when an object of a class is to be locked; ``None`` if no longer than it is already."""
        days = self.days.get(name, 0)
        until = written + timedelta(days=days)
        return until if days > self.default_days and until > now else None


def chosen_object_lock(variables: Mapping[str, str], name: str) -> ObjectLock | None:
    """Read the lock from the environment variable ``name``; ``None`` if it is not set.

    Raises
    ------
    ConfigurationError
        It is malformed.
    """
    if not variables.get(name):
        return None
    document = json_setting(name, variables[name], "a JSON object")
    if not isinstance(document, dict) or document.get("mode") not in LOCK_MODES:
        raise ConfigurationError(name, f'must be a JSON object whose "mode" is {" or ".join(LOCK_MODES)}')
    default_days: Any = document.get("default_days")
    days = document.get("days", {})
    whole = isinstance(days, dict) and all(type(one) is int and one > 0 for one in (default_days, *days.values()))
    if not whole or not days.keys() <= set(LOCKED_CLASSES):
        raise ConfigurationError(
            name, f'must hold whole "default_days", and whole "days" for classes among {", ".join(LOCKED_CLASSES)}'
        )
    return ObjectLock(str(document["mode"]), default_days, days)
