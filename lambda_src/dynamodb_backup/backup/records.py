"""Run records in S3: finding, beginning and saving them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dynamodb_backup.archive.home import address_of, is_at_home, refuse_copy
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import MOST_WRITE_CONFLICTS, ObjectStore
from dynamodb_backup.backup.record import RunRecord
from dynamodb_backup.contract.backup import BackupRequest
from dynamodb_backup.errors import BackupDamaged, BackupNotFound, WriteConflict
from dynamodb_backup.timing import iso

__all__ = ["RecentRuns", "RunRecords"]

LOOK_BACK_DAYS = 8
"""An unfinished run is looked for so far back: a weekly schedule still finds the one before."""
LOOK_AHEAD_DAYS = 1
"""And where another invocation's clock, perhaps a moment ahead of this one's, says that it is past midnight."""
PARALLEL_READS = 16

STILL_ASKED_FOR = timedelta(hours=2)
"""For longer than so long after its end nobody asks for a run again, be it by an event that was delivered twice."""


@dataclass
class RecentRuns:
    """The runs of the last days, oldest first; what is wrong with those that could not be read; and the ids of all."""

    records: list[RunRecord] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    run_ids: list[str] = field(default_factory=list)

    def next_number(self, date: str) -> int:
        """Return the number that a run has which begins on this day."""
        return max((int(run_id[11:]) for run_id in self.run_ids if run_id.startswith(date)), default=0) + 1


class RunRecords:
    """The run records of one bucket and prefix. ``methods`` are the tables' of runs that begin now."""

    def __init__(self, store: ObjectStore, layout: Layout, methods: Mapping[str, str] | None = None) -> None:
        self._store = store
        self._layout = layout
        self._methods = methods

    def recent(self, now: datetime) -> RecentRuns:
        """Return the runs that began in the last days, but of those that ended the very last alone.

        A malformed record is a warning: it must not stop a backup.

        Those of a bucket that this one is a copy of are left out: their exports are other tables', in another region.
        """
        found = self.of_days(
            [iso(now - timedelta(days=back))[:10] for back in range(LOOK_BACK_DAYS, -1 - LOOK_AHEAD_DAYS, -1)],
            lambda run: not run.finished or run.ended_within(STILL_ASKED_FOR, now),
        )
        found.records[:] = [run for run in found.records if is_at_home(run.home, self._store, self._key(run.run_id))]
        return found

    def of_days(self, days: Sequence[str], keep: Callable[[RunRecord], bool] = lambda _run: True) -> RecentRuns:
        """Return the runs that began on the given days.

        Parameters
        ----------
        keep
            Which of them are wanted. All of a week's at once take hundreds of MB, if there are many tables.
        """
        found = RecentRuns()
        with ThreadPoolExecutor(PARALLEL_READS) as pool:
            found.run_ids = [run_id for ids in pool.map(self._run_ids, days) for run_id in ids]
            for run in pool.map(self._find_or_explain, found.run_ids):
                if isinstance(run, RunRecord):
                    if keep(run):
                        found.records.append(run)
                elif run:
                    found.warnings.append(run)
        return found

    def get(self, run_id: str) -> RunRecord:
        """Return one run.

        Raises
        ------
        BackupNotFound
            There is no such run.
        RequestRefused
            It was copied from another bucket.
        """
        record = self._find(run_id)
        if record is None:
            raise BackupNotFound(f"there is no run '{run_id}' (s3://{self._store.bucket}/{self._key(run_id)})")
        refuse_copy(record.home, self._store, self._key(run_id), "run_id")
        return record

    def create(self, request: BackupRequest, started_at: str, number: int) -> RunRecord:
        """Begin a run, or join the one that another invocation began at the same moment for the same tables.

        Raises
        ------
        WriteConflict
            Other runs begin again and again at this very moment.
        """
        for attempt in range(number, number + MOST_WRITE_CONFLICTS):
            record = RunRecord.begin(attempt, request, started_at, self._methods)
            record.home = address_of(self._store, self._key(record.run_id))
            try:
                record.etag = self._store.put_if_unchanged(self._key(record.run_id), record.to_json(), None)
            except WriteConflict:
                other = self._find_or_explain(record.run_id)
                if isinstance(other, RunRecord) and other.is_for(request):
                    return other
            else:
                return record
        raise WriteConflict(f"no run could begin on {started_at[:10]}: others began at the same moment again and again")

    def save(self, record: RunRecord) -> None:
        """Write a record; where another invocation of the same run wrote it meanwhile, join the two views first.

        Raises
        ------
        WriteConflict
            Others write it again and again.
        """
        for _ in range(MOST_WRITE_CONFLICTS):
            try:
                key = self._key(record.run_id)
                record.etag = self._store.put_if_unchanged(key, record.to_json(), record.etag)
            except WriteConflict:
                other = self._find(record.run_id)
                if other is None:
                    record.etag = None
                else:
                    record.join(other)
            else:
                return
        raise WriteConflict(f"{self._key(record.run_id)} is written by others again and again")

    def _run_ids(self, date: str) -> Iterable[str]:
        run_ids = (folder.rstrip("/").rpartition("/")[2] for folder in self._store.folders(self._layout.runs(date)))
        return sorted(run_id for run_id in run_ids if run_id.startswith(f"{date}-") and run_id[11:].isdigit())

    def _find_or_explain(self, run_id: str) -> RunRecord | str | None:
        try:
            return self._find(run_id)
        except BackupDamaged as error:
            return str(error)

    def _find(self, run_id: str) -> RunRecord | None:
        stored = self._store.find(self._key(run_id))
        return RunRecord.parse(self._key(run_id), stored.body, stored.etag) if stored else None

    def _key(self, run_id: str) -> str:
        return self._layout.run_record(run_id[:10], run_id)
