"""How old what the store holds of each table is: kept in our own bucket, and published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from dynamodb_backup.contract.offsite import CopyAge
from dynamodb_backup.offsite.records import Records
from dynamodb_backup.telemetry import emit
from dynamodb_backup.timing import iso, moment_or_none

__all__ = ["Ages"]


class Ages:
    """Each table's newest copied moment."""

    def __init__(self, records: Records, environment: str, tables: Sequence[str]) -> None:
        self._records = records
        self._environment = environment
        self._tables = tables

    def note(self, moments: Mapping[str, str], now: datetime) -> None:
        """Note moments (ISO 8601) that the store holds from now on."""
        key, status = self._records.status(iso(now))
        newer = {table: text for table, text in moments.items() if _is_newer(text, status.tables.get(table))}
        if newer:
            status.tables |= newer
            self._records.save(key, status)

    def publish(self, now: datetime) -> tuple[CopyAge, ...]:
        """Publish and return the ages; a table that was never copied counts from when this was first asked."""
        key, status = self._records.status(iso(now))
        watched = datetime.fromisoformat(status.watched_since)
        if status.etag is None:
            self._records.save(key, status)
        ages = []
        for table in self._tables:
            newest = status.tables.get(table)
            hours = (now - (moment_or_none(newest) or watched)).total_seconds() / 3600
            emit({"OffsiteCopyAgeHours": hours}, environment=self._environment, table=table)
            ages.append(CopyAge(table, round(hours, 2), newest))
        return tuple(ages)


def _is_newer(text: str, known: str | None) -> bool:
    moment, than = moment_or_none(text), moment_or_none(known)
    return moment is not None and (than is None or moment > than)
