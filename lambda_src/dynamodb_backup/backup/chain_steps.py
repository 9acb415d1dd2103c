"""What comes next for a table whose changes are backed up: a window, a new full export, or nothing yet.

Windows are reserved in the chain's record before their export starts. DynamoDB's rules: a window has 15 minutes to 24
hours and lies inside the recovery window
(docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport_Requesting.html).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dynamodb_backup.archive.catalog import Catalog
from dynamodb_backup.archive.chain import SUPERSEDED, Base, Chain, Window
from dynamodb_backup.archive.chains import Chains
from dynamodb_backup.archive.store import MOST_WRITE_CONFLICTS
from dynamodb_backup.backup.methods.method import Resources
from dynamodb_backup.backup.record import RunRecord, TableRun
from dynamodb_backup.errors import BackupDamaged, BackupNotFound, ObjectMissing, UnsupportedExport, WriteConflict
from dynamodb_backup.table.recovery import Restorable
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import iso

__all__ = ["ChainSteps", "ExportFull", "ExportWindow", "NothingYet"]

SHORTEST_WINDOW = timedelta(minutes=15)
LONGEST_WINDOW = timedelta(hours=24)
LONGEST_CHAIN = timedelta(days=7)
"""An older base gets a successor: a restore must not have to apply years of increments, nor the base expire first."""


@dataclass(frozen=True)
class ExportWindow:
    """Export this window, which is reserved in this chain."""

    chain: Chain
    window: Window


@dataclass(frozen=True)
class ExportFull:
    """No increment can be joined to what there is, for this reason."""

    reason: str


@dataclass(frozen=True)
class NothingYet:
    """Everything up to ``covered_until`` is backed up, and the next window would be too short."""

    covered_until: str


Step = ExportWindow | ExportFull | NothingYet


class ChainSteps:
    """Decides for one table after the other. Safe to call again after a crash, and by two invocations at once."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._catalog = Catalog(resources.store, resources.layout)
        self._chains = Chains(resources.store, resources.layout)

    def next(self, run: RunRecord, table: TableRun, table_id: str | None, recovery: Restorable) -> Step:
        """Return what comes next, as of the moment at which the run began.

        Raises
        ------
        WriteConflict
            Others write the chain's record again and again.
        """
        horizon = min(recovery.latest, datetime.fromisoformat(run.started_at)).replace(microsecond=0)
        for _ in range(MOST_WRITE_CONFLICTS):
            try:
                return self._decide(run, table.table_name, _Situation(table_id, recovery, horizon))
            except WriteConflict:
                logger.info("the chain was written by another run at the same time", table=table.table_name)
        raise WriteConflict(f"the chain of table {table.table_name} is written by others again and again")

    def _decide(self, run: RunRecord, table: str, now: _Situation) -> Step:
        try:
            newest = self._newest(table)
        except (BackupDamaged, BackupNotFound, UnsupportedExport, ObjectMissing) as error:
            return ExportFull(f"its newest full backup cannot be built upon: {error}")
        if newest is None:
            return ExportFull("it has no verified full export yet")
        earlier = self._unfinished_before(newest)
        if earlier:
            limit = newest.base.moment.replace(microsecond=0)
            step = self._extended(run, earlier, replace(now, horizon=min(limit, now.horizon)))
            if step:
                return step
            self._close(earlier, now.loss(earlier) or f"{SUPERSEDED} {newest.chain_id}")
            return self._decide(run, table, now)
        return self._after(run, newest, now)

    def _after(self, run: RunRecord, newest: Chain, now: _Situation) -> Step:
        """Return what comes next in the chain of the newest full export."""
        if newest.closed:
            return ExportFull(newest.closed)
        loss = now.loss(newest)
        if loss:
            self._close(newest, loss)
            return ExportFull(loss)
        step = self._extended(run, newest, now)
        if step:
            return step
        if now.horizon - newest.base.moment > LONGEST_CHAIN:
            return ExportFull(f"its full backup {newest.chain_id} is more than {LONGEST_CHAIN.days} days old")
        return NothingYet(newest.covered_until)

    def _newest(self, table: str) -> Chain | None:
        """Return the chain of the newest full export, which begins with it if nothing was added to it yet."""
        backup = self._catalog.newest([table]).get(table)
        run_id = backup.entry.text("run_id") if backup else None
        if backup is None or run_id is None or (backup.entry.text("method") or "native_export") != "native_export":
            return None
        chain = self._chains.find(table, run_id)
        if chain:
            return chain
        export = self._catalog.open(backup)
        if export.export_time is None:
            return None
        base = Base(backup.manifest.backup_date, run_id, f"{export.root}manifest-summary.json", export.export_time)
        return Chain(self._resources.layout.chain(table, run_id), table, run_id, base, export.table_id)

    def _unfinished_before(self, newest: Chain) -> Chain | None:
        """Return the chain before the newest if changes up to the newest full export may still be added to it."""
        for chain in self._chains.newest_first(newest.table_name, until_date=newest.chain_id):
            if chain.chain_id != newest.chain_id:
                return None if chain.closed else chain
        return None

    def _extended(self, run: RunRecord, chain: Chain, now: _Situation) -> ExportWindow | None:
        """Return the chain's next window, reserved; ``None`` if there is none yet or it cannot be joined."""
        if chain.reserved and not now.is_another_table(chain):
            return ExportWindow(chain, chain.reserved)
        period = _next_period(chain, now.horizon)
        if period is None or now.loss(chain):
            return None
        window = Window(
            start=period[0],
            end=iso(period[1]),
            run_id=run.run_id,
            s3_prefix=self._resources.layout.export_prefix(run.backup_date, chain.table_name),
            reserved_at=iso(self._resources.clock()),
        )
        return ExportWindow(self._chains.save(chain.with_window(window)), window)

    def _close(self, chain: Chain, reason: str) -> None:
        if chain.reserved:
            chain = chain.with_window(replace(chain.reserved, status="FAILED", error=reason))
        self._chains.save(replace(chain, closed=reason))
        logger.info("chain closed", table=chain.table_name, chain_id=chain.chain_id, reason=reason)


@dataclass(frozen=True)
class _Situation:
    """How the table stands: its id, its recovery window, and up to when windows may go now."""

    table_id: str | None
    recovery: Restorable
    horizon: datetime

    def is_another_table(self, chain: Chain) -> bool:
        """Tell whether the chain's table is gone: there is another of its name, made anew or in another region."""
        return bool(self.table_id and chain.table_id and self.table_id != chain.table_id)

    def loss(self, chain: Chain) -> str | None:
        """Return why the changes after the chain's end can no longer be had, if so."""
        if self.is_another_table(chain):
            return f"the table was deleted and created again after the full backup {chain.chain_id}"
        if chain.gaps and _moment(chain.gaps[0].end) - _moment(chain.gaps[0].start) < SHORTEST_WINDOW:
            gap = chain.gaps[0]
            return f"changes from {gap.start} to {gap.end} are missing, too short a time to be exported by itself"
        if self.recovery.earliest > _moment(chain.covered_until):
            return (
                f"changes from {chain.covered_until} to {iso(self.recovery.earliest)} can no longer be exported: "
                "point-in-time recovery was switched off meanwhile, or its window has passed"
            )
        return None


def _next_period(chain: Chain, horizon: datetime) -> tuple[str, datetime] | None:
    """Return from when to when the next window goes; ``None`` if it would be too short.

    A long time is cut into pieces, none of which leaves too short a rest. A hole in the chain is filled first.
    """
    start = _moment(chain.covered_until)
    limit = min([horizon, *(window.starts for window in chain.completed if window.starts > start)])
    if limit <= start or limit - start < SHORTEST_WINDOW:
        return None
    end = limit
    if limit - start > LONGEST_WINDOW:
        end = min(start + LONGEST_WINDOW, limit - SHORTEST_WINDOW).replace(microsecond=0)
    return chain.covered_until, end


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
