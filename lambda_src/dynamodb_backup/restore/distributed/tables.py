"""One table's restore in two roles: the job that a worker does, and the whole that waits for the workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dynamodb_backup.archive.export import NativeExport
from dynamodb_backup.errors import BackupDamaged, ToolError
from dynamodb_backup.restore.distributed.jobs import COUNTERS, Job, JobStates, verify_jobs, write_jobs
from dynamodb_backup.restore.modes import LineWriter
from dynamodb_backup.restore.state import TableState
from dynamodb_backup.restore.table import TableRestorer
from dynamodb_backup.table.batch_write import BatchWriter
from dynamodb_backup.table.definition import describe
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.table.write_budget import default_budget
from dynamodb_backup.verify.stored_backup import OnItem

__all__ = ["JobRestorer", "SharedOutRestorer"]

MOST_WORKERS = 100
"""Invocations at a time, a tenth of what an account has unless its quota was raised."""

WORKERS_WITHOUT_BUDGET = 20
UNITS_PER_WORKER = 1000
"""A data file comes from one partition, and a partition takes 1,000 write units per second: more would be in vain."""

MOST_ROUNDS = 5
"""So often jobs are given out that ended without an answer, each time with retries, before that is called a failure."""


_LAST_EXPORT: dict[tuple[str, str, str], NativeExport] = {}
"""The export that was read last, by its place and the fingerprint of what it holds."""


class JobRestorer(TableRestorer):
    """Does one job. Its state has the one file of the job; it is COMPLETED when the job is."""

    def __init__(self, job: Job, *table: Any) -> None:
        super().__init__(*table)
        self._job = job

    def _same_export(self) -> NativeExport:
        # A warm function does one job after the other, and each would read a list of all data files for one of them.
        # Whoever gives out the jobs reads it again each time.
        known = (self._state.bucket, self._state.root, self._state.fingerprint)
        export = _LAST_EXPORT.get(known)
        if export is None:
            _LAST_EXPORT.clear()
            _LAST_EXPORT[known] = export = super()._same_export()
        return replace(export, files=(export.files[self._job.file],))

    def _phases(self, export: NativeExport, keys: KeySchema, writer: BatchWriter) -> dict[str, Callable[[], bool]]:
        if self._job.phase == "verify":
            return {"verify": lambda: self._verify_files(export, keys)}
        return {"write": super()._phases(export, keys, writer)["write"]}

    def _on_item(self, keys: KeySchema) -> OnItem | None:
        return super()._on_item(keys) if self._state.collects_keys else None

    def _write_units_per_second(self) -> float | None:
        return self._state.units_per_worker

    def _conclude(self) -> None:
        self._state.phase = self._job.phase
        self._state.status = "COMPLETED"


class SharedOutRestorer(TableRestorer):
    """Goes through all phases of a table, but leaves verifying and writing its files to workers.

    ``jobs`` is what they have to do before this goes on, ``workers`` how many at a time.
    """

    def __init__(self, states: JobStates, slice_lines: int, *table: Any) -> None:
        super().__init__(*table)
        self._job_states = states
        self._slice_lines = slice_lines
        self.jobs: Sequence[Job] = ()
        self.workers = 1

    def _verify_files(self, _export: NativeExport, _keys: KeySchema) -> bool:
        jobs = verify_jobs(self._state)
        done = self._ended(jobs)
        if done is None:
            self.workers = min(MOST_WORKERS, max(1, len(self.jobs)))
            return False
        failed = next((table.error for table in done.values() if table.status == "FAILED"), None)
        if failed:
            raise BackupDamaged(failed)
        for job, table in done.items():
            (self._state.files[job.file],) = table.files
            self._state.digests.parts.extend(table.digests.parts)
        return True

    def _accept(self, export: NativeExport, keys: KeySchema) -> bool:
        return super()._accept(export, keys) if self._state.collects_keys else True

    def _write_with(self, writer: LineWriter, export: NativeExport) -> bool:
        # What a comparison with the table left to be written is little, and only whoever compared knows it.
        if self._request.write_mode != "diff" and not self._take_in_writes():
            return False
        return super()._write_with(writer, export)

    def _write_units_per_second(self) -> float | None:
        """Return what was asked for, else a share of the table's capacity: nobody waits, and workers are many."""
        asked = super()._write_units_per_second()
        return asked or default_budget(describe(self._clients.dynamodb, self._state.target))

    def _take_in_writes(self) -> bool:
        state = self._state
        jobs = write_jobs(state, self._slice_lines)
        done = self._ended(jobs)
        if done is None:
            self._share_budget(jobs)
            return False
        for table in done.values():
            for counter in COUNTERS:
                setattr(state, counter, getattr(state, counter) + getattr(table, counter))
            if table.transformed is not None:
                state.transformed = _sums(state.transformed or {}, table.transformed)
            state.failed_parts.extend(table.failed_parts)
        failed = {job: table.error for job, table in done.items() if table.status == "FAILED"}
        unwritten = {job.file for job in failed}
        for number, file in enumerate(state.files):
            if number not in unwritten:
                file.written, file.lines_settled = True, file.verified.lines
        if failed:
            self._failed_items().finish()
            cause = next(iter(failed.values()))
            raise ToolError(
                f"{state.items_settled} of {state.items_expected} items were written or refused; "
                f"{len(unwritten)} of {len(state.files)} data files were not written whole: {cause}"
            )
        return True

    def _ended(self, jobs: Sequence[Job]) -> Mapping[Job, TableState] | None:
        """Return every job's state once all have ended; until then note those that have not and return ``None``."""
        if not jobs:
            return {}
        states = self._job_states.find_all(jobs, self._deadline)
        if states is None:
            return None
        waiting = [job for job in jobs if job not in states or states[job].open]
        if not waiting:
            self._state.job_rounds = 0
            return states
        if self._state.job_rounds == MOST_ROUNDS:
            raise ToolError(
                f"{len(waiting)} of {len(jobs)} jobs ({waiting[0].name}, ...) ended without an answer {MOST_ROUNDS} "
                "times; the executions of the map run and the function's log say why"
            )
        self._state.job_rounds += 1
        self.jobs = waiting
        return None

    def _share_budget(self, jobs: Sequence[Job]) -> None:
        """Divide the table's write budget among the workers that write to it at the same time."""
        budget = self._write_units_per_second()
        wanted = WORKERS_WITHOUT_BUDGET if budget is None else -(-budget // UNITS_PER_WORKER)
        self.workers = max(1, min(MOST_WORKERS, len(jobs), int(wanted)))
        self._state.units_per_worker = budget / self.workers if budget else None


def _sums(some: Mapping[str, int], others: Mapping[str, int]) -> dict[str, int]:
    return {name: some.get(name, 0) + others.get(name, 0) for name in {**some, **others}}
