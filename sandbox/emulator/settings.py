"""What can be turned on the sandbox's exports while it runs (`aws.exports.configure(...)`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True)
class ExportSettings:
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

    def changed(self, values: Mapping[str, Any]) -> ExportSettings:
        """Return these settings with `values` in place. Raises ValueError for a name that is not a setting."""
        known = {field.name for field in fields(self)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"unknown export settings {unknown}; known are {sorted(known)}")
        return replace(self, **values)
