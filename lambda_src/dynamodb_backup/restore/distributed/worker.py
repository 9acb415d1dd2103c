"""One turn of a worker: take the job's lease, do what time allows, keep where it stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from dynamodb_backup.aws_errors import AWS_ERRORS, explain, is_transient
from dynamodb_backup.contract.distributed import WorkResult
from dynamodb_backup.errors import (
    BackupNotFound,
    LeaseTaken,
    ObjectMissing,
    ToolError,
    WriteConflict,
)
from dynamodb_backup.restore.bounds import refuse_strange_state
from dynamodb_backup.restore.distributed.jobs import Job, JobStates
from dynamodb_backup.restore.distributed.lease import Lease, LeasedDeadline
from dynamodb_backup.restore.distributed.shared_progress import JobProgress, SharedProgress
from dynamodb_backup.restore.distributed.tables import JobRestorer
from dynamodb_backup.restore.progress import ProgressReporter
from dynamodb_backup.restore.state import RESTORE, RestoreState, TableState
from dynamodb_backup.restore.target_account import means_in_target_account
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import Deadline, iso
from dynamodb_backup.turns.means import Means

__all__ = ["Worker", "find_part"]


def find_part(means: Means, restore_id: str) -> RestoreState:
    """Return the state of one table's restore.

    Raises
    ------
    BackupNotFound
        There is none.
    BackupDamaged
        It leads elsewhere than its request.
    RequestRefused
        It was copied from another bucket.
    """
    key = means.layout.checkpoint(restore_id)
    part = RestoreState.find(means.store, key)
    if part is None:
        raise BackupNotFound(f"there is no restore '{restore_id}' (s3://{means.store.bucket}/{key})")
    refuse_strange_state(part, key, means.settings)
    return part


_LAST_PART: dict[tuple[str, str], RestoreState] = {}
"""The state that was read last. It names every data file, and a warm function does one job of it after the other."""


def _known_part(means: Means, restore_id: str) -> RestoreState:
    """Return what ``find_part`` does, read again only if it was written since. Nobody may change it."""
    place = (means.store.bucket, means.layout.checkpoint(restore_id))
    known = _LAST_PART.get(place)
    try:
        if known is not None and means.store.head(place[1])[1] == known.etag:
            return known
    except ObjectMissing:
        pass  # find_part says so
    _LAST_PART.clear()
    _LAST_PART[place] = part = find_part(means, restore_id)
    return part


class Worker:
    """Does jobs of restores that the state machine carries."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def work(self, restore_id: str, job: Job) -> WorkResult:
        """Go on with a job; what passes by itself is answered with 202.

        A job of a restore that has gone on or ended is refused: nobody expects its writes any more.
        """

        def wanted() -> bool:
            (table,) = _known_part(self._means, restore_id).tables
            return _waits_for(table, job)

        try:
            key = self._means.layout.lease(restore_id, job.name)
            with Lease(self._means.store, key, self._means.clock, wanted) as lease:
                part = _known_part(self._means, restore_id)
                if not _waits_for(part.tables[0], job):
                    return WorkResult(job.name, "ENDED", error="the restore no longer waits for this job")
                return self._turn(part, job, lease)
        except (LeaseTaken, WriteConflict) as error:
            return WorkResult(job.name, "IN_PROGRESS", error=str(error))
        except (ToolError, *AWS_ERRORS) as error:
            if not is_transient(error):
                raise
            return WorkResult(job.name, "IN_PROGRESS", error=f"waiting after {explain(error)}")

    def _turn(self, part: RestoreState, job: Job, lease: Lease) -> WorkResult:
        states = JobStates(self._means.store, self._means.layout, part.id)
        state = states.find(job) or job.begun(part.id, part.tables[0])
        (own,) = state.tables
        if not own.leads_where(part.tables[0]):
            key = self._means.layout.job(part.id, job.name)
            raise RESTORE.damaged(key, "it leads elsewhere than the restore's own")
        if own.open:
            own.collects_keys = part.tables[0].collects_keys
            own.units_per_worker = part.tables[0].units_per_worker
            state.turns += 1
            self._do(part, job, state, LeasedDeadline(self._means.deadline, lease))
            if lease.lost():
                return WorkResult(job.name, "IN_PROGRESS", error="another invocation took over")
            states.save(job, state)
        logger.info("job's turn ended", restore_id=part.id, job=job.name, status=own.status, error=own.error)
        return WorkResult(job.name, own.status, own.items_written, own.error)

    def _do(self, part: RestoreState, job: Job, state: RestoreState, deadline: Deadline) -> None:
        (own,) = state.tables
        request = part.original_request()
        began, before = self._means.clock(), _settled(own)
        means = means_in_target_account(request, replace(self._means, deadline=deadline))
        restorer = JobRestorer(job, means, request, part.id, own)
        shared = SharedProgress(self._means, part.id)
        with ProgressReporter(JobProgress(shared, job, own), state, dry_run=request.dry_run, shared=True):
            restorer.execute()
            if own.status != "FAILED":
                restorer.save()
        if own.open:
            self._note_stall(own, began, moved=_settled(own) > before)

    def _note_stall(self, own: TableState, began: datetime, *, moved: bool) -> None:
        """Fail a job of which nothing was accepted for too long: a partition that never takes it, for example."""
        if moved:
            own.stalled_since = None
            return
        own.stalled_since = own.stalled_since or iso(began)
        stalled = self._means.clock() - datetime.fromisoformat(own.stalled_since)
        if stalled >= timedelta(seconds=self._means.settings.stall_seconds):
            own.fail(f"nothing was accepted for {stalled.total_seconds():.0f} seconds: {own.error or 'no cause known'}")


def _waits_for(table: TableState, job: Job) -> bool:
    return table.open and table.phase == job.phase and job.file < len(table.files)


def _settled(own: TableState) -> int:
    (file,) = own.files
    return file.verified.lines + own.items_settled
