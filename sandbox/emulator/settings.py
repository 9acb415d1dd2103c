"""What can be turned while the sandbox runs, by `configure(...)` of `aws.exports`, `aws.backups`, `aws.tables`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self


class Changeable:
    """Settings that are changed by name."""

    def changed(self, values: Mapping[str, Any]) -> Self:
        """Return these settings with `values` in place. Raises ValueError for a name that is not a setting."""
        known = {field.name for field in fields(self)}  # type: ignore[arg-type] # subclasses are dataclasses
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"unknown settings {unknown}; known are {sorted(known)}")
        return replace(self, **values)  # type: ignore[type-var] # likewise


@dataclass(frozen=True)
class ExportSettings(Changeable):
    """Defaults are DynamoDB's own rules, except that an export takes a second instead of minutes."""

    seconds: float = 1.0
    """How long an export stays IN_PROGRESS."""
    partitions: int = 4
    """Data files of a full export at least: one per partition, empty ones too."""
    items_per_file: int | None = None
    """More data files for a partition that holds more items than this."""
    restorable_lag_seconds: float = 300.0
    """The latest restorable time is this long ago; ExportTime must not be newer."""
    pitr_age_seconds: float = 0.0
    """Pretend that point-in-time recovery was turned on this much earlier."""
    minimum_window_seconds: float = 900.0
    """Shortest window of an incremental export."""
    concurrent_exports: int = 300
    """More than this at once: LimitExceededException."""
    fail_with: str | None = None
    """FailureCode with which every export that ends from now on turns FAILED."""


@dataclass(frozen=True)
class BackupSettings(Changeable):
    """Defaults are those of DynamoDB's on-demand backups, except that everything takes a second instead of minutes."""

    seconds: float = 1.0
    """How long a backup that is made from now on stays CREATING."""
    restore_seconds: float = 1.0
    """How long a table that is restored from now on stays CREATING."""
    age_seconds: float = 0.0
    """Pretend that backups made from now on were made this much earlier."""
    type: str = "USER"
    """BackupType of backups that are made from now on."""
    page_size: int = 100
    """A page of ListBackups holds at most so many."""


@dataclass(frozen=True)
class TableSettings(Changeable):
    """Defaults are DynamoDB's own."""

    page_bytes: int = 1_048_576
    """What a page of a Scan or a Query holds at most; an item that is larger is a page of its own."""
