"""When a recovery point expires, by what its manifest notes and the module's retention. No object's tags are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dynamodb_backup.archive.legal_holds import HoldRecord
from dynamodb_backup.archive.manifest import ManifestEntry
from dynamodb_backup.contract.retention import RETENTION_CLASSES, expiry
from dynamodb_backup.timing import moment_or_none

__all__ = ["Expiry"]


@dataclass(frozen=True)
class Expiry:
    """The retention, in days by class, the present moment, and legal holds by date."""

    days: Mapping[str, int]
    now: datetime
    holds: Mapping[str, HoldRecord] = field(default_factory=dict)

    def hold_of(self, backup_date: str, table: str) -> str | None:
        """Return the status of the legal hold on a table's backups of a date; ``None`` without one."""
        record = self.holds.get(backup_date)
        hold = record.tables.get(table) if record else None
        return hold.status if hold and hold.holds else None

    def class_of(self, entry: ManifestEntry) -> str | None:
        """Return the class that a backup was given when it was superseded; ``None``: it has none and never expires."""
        name = entry.text("retention_class")
        return name if name in RETENTION_CLASSES else None

    def moment(self, entry: ManifestEntry) -> datetime | None:
        """Return from when on S3 may delete a backup's objects; ``None`` if it never does, or that is not known."""
        days = self.days.get(self.class_of(entry) or "")
        written = moment_or_none(entry.text("end_time") or entry.text("start_time"))
        return expiry(written, days) if days and written else None

    def passed(self, entry: ManifestEntry) -> bool:
        moment = self.moment(entry)
        return moment is not None and moment <= self.now

    def passed_since(self, written: datetime, name: str) -> bool:
        """Tell whether the retention of a class has passed for what was written then."""
        days = self.days.get(name)
        return bool(days) and expiry(written, days or 0) <= self.now
