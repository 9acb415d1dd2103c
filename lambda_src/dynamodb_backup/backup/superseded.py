"""Which backups of a table a newer verified one has superseded, and which retention class each of them earned.

Pure: what it is told of the runs is all that it knows. Whatever it does not know is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from dynamodb_backup.backup.record import RunRecord, TableRun
from dynamodb_backup.contract.retention import FAILED, INCREMENTAL, class_between

__all__ = ["Attempt", "superseded"]

SETTLES_WITHIN = timedelta(days=9)
"""Runs of the last eight days are still looked at by later ones; an older unfinished one stays as it is."""


@dataclass(frozen=True)
class Attempt:
    """One run's attempt at one table."""

    run: RunRecord
    table: TableRun

    @property
    def run_id(self) -> str:
        return self.run.run_id

    @property
    def day(self) -> date:
        return date.fromisoformat(self.run.backup_date)

    @property
    def verified(self) -> bool:
        """Whether it was verified when it was made, and recorded in its date's manifest."""
        return self.run.finished and self.table.status == "COMPLETED" and bool(self.table.verification)

    @property
    def full(self) -> bool:
        return self.run.makes_full(self.table)

    @property
    def given_up(self) -> bool:
        """Whether its maker gave it up. One that was written but not verified has a count; a person may want it."""
        return self.run.finished and self.table.status == "FAILED" and self.table.item_count is None

    def may_settle(self, now: datetime) -> bool:
        return not self.run.finished and self.run.age(now) < SETTLES_WITHIN


def superseded(
    attempts: Sequence[Attempt], offered: Collection[str], now: datetime
) -> list[tuple[Attempt, str | None]]:
    """Return the leading attempts at one table that are superseded, each with its class; ``None``: it is kept.

    ``attempts`` are in the order of their runs. The newest verified full backup and all after it are never among the
    answer, nor anything at or after a run that is still going.
    """
    found: list[tuple[Attempt, str | None]] = []
    full_backups = [number for number, attempt in enumerate(attempts) if attempt.verified and attempt.full]
    for number, attempt in enumerate(attempts):
        newer = next((attempts[one] for one in full_backups if one > number), None)
        if newer is None or attempt.may_settle(now):
            break
        found.append((attempt, _class_of(attempt, newer, offered)))
    return found


def _class_of(attempt: Attempt, newer: Attempt, offered: Collection[str]) -> str | None:
    name: str | None = None
    if not attempt.full:
        # Windows of the newer backup's own chain are no more superseded than it is.
        ended = all(str(window.get("chain_id") or newer.run_id) < newer.run_id for window in attempt.table.windows)
        name = INCREMENTAL if attempt.run.finished and attempt.table.windows and ended else None
    elif attempt.given_up:
        name = FAILED
    elif attempt.verified:
        name = class_between(attempt.day, newer.day, offered)
    return name if name in offered else None
