"""Jobs: verifying one data file, or writing a slice of one. Each has a state of its own in S3: none waits for another.

A job's state is that of a restore which has nothing but this one file. Doing a job again, twice at a time, or in
another order changes nothing: it puts the same bytes of the same pinned object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.errors import RequestRefused
from dynamodb_backup.pool import run_workers
from dynamodb_backup.restore.state import FileState, RestoreState, TableState
from dynamodb_backup.timing import Deadline

__all__ = ["COUNTERS", "Job", "JobStates", "verify_jobs", "write_jobs"]

COUNTERS = ("items_written", "items_failed", "items_skipped", "items_unchanged")
"""What the jobs of a table add up to."""

READERS = 16
_NAME = re.compile(r"(verify|write)-([0-9]{1,7})-([0-9]{1,12})-([0-9]{1,12}|end)")


@dataclass(frozen=True)
class Job:
    """One data file by its number in the export's manifest; of a write the lines from ``first`` up to ``until``."""

    phase: str
    file: int
    first: int = 0
    until: int | None = None

    @property
    def name(self) -> str:
        return f"{self.phase}-{self.file}-{self.first}-{'end' if self.until is None else self.until}"

    @classmethod
    def parse(cls, name: str) -> Job:
        """Read a job's name.

        Raises
        ------
        RequestRefused
            It is none.
        """
        found = _NAME.fullmatch(name)
        if found is None:
            raise RequestRefused("job", f"names no job: {name[:80]}")
        phase, file, first, until = found.groups()
        return cls(phase, int(file), int(first), None if until == "end" else int(until))

    def begun(self, restore_id: str, table: TableState) -> RestoreState:
        """Return the state of this job before its first turn."""
        file = table.files[self.file]
        own = FileState(deepcopy(file.verified), lines_settled=self.first, lines_until=self.until)
        state = TableState(
            source=table.source,
            target=table.target,
            phase=self.phase,
            bucket=table.bucket,
            root=table.root,
            fingerprint=table.fingerprint,
            source_keys=table.source_keys,
            definition_key=table.definition_key,
            creates_target=table.creates_target,
            items_expected=file.verified.items,
            files=[own],
        )
        return RestoreState(restore_id, {}, [state], turns=0)


def verify_jobs(table: TableState) -> list[Job]:
    """Return the files that are not verified yet."""
    return [Job("verify", number) for number, file in enumerate(table.files) if not file.verified.done]


def write_jobs(table: TableState, slice_lines: int) -> list[Job]:
    """Return the slices of all files that are not written yet; a short file is one slice.

    A slice that begins inside a file unpacks what lies before it, which takes about half as long per line as writing
    it: with ten slices half of all unpacking is in vain.
    """
    waiting = [(number, file.verified.lines) for number, file in enumerate(table.files) if not file.written]
    return [
        Job("write", number, first, until) for number, lines in waiting for first, until in _slices(lines, slice_lines)
    ]


def _slices(lines: int, most: int) -> Iterator[tuple[int, int | None]]:
    for first in range(0, max(lines, 1), most):
        yield first, None if first + most >= lines else first + most


class JobStates:
    """The jobs of one table's restore in S3."""

    def __init__(self, store: ObjectStore, layout: Layout, restore_id: str) -> None:
        self._store = store
        self._layout = layout
        self._restore_id = restore_id

    def find(self, job: Job) -> RestoreState | None:
        """Return a job's state; ``None`` if it was never begun."""
        return RestoreState.find(self._store, self._layout.job(self._restore_id, job.name))

    def find_all(self, jobs: Sequence[Job], deadline: Deadline) -> dict[Job, TableState] | None:
        """Return the states of all jobs that were begun; ``None`` if time was up."""
        found: dict[Job, TableState] = {}

        def read(job: Job) -> None:
            state = self.find(job)
            if state:
                (found[job],) = state.tables

        return found if run_workers(READERS, jobs, read, deadline) else None

    def save(self, job: Job, state: RestoreState) -> None:
        """Keep a job's state. Raises ``WriteConflict`` if somebody else has written it meanwhile."""
        self._store.put_if_unchanged(self._layout.job(self._restore_id, job.name), state.to_json(), state.etag)

    def list_for_workers(self, jobs: Sequence[Job], turn: int) -> str:
        """Write the list that the state machine hands out, as JSON Lines, and return its key."""
        key = self._layout.job_list(self._restore_id, turn)
        lines = (json.dumps({"restore_id": self._restore_id, "job": job.name}) + "\n" for job in jobs)
        self._store.put(key, "".join(lines).encode(), content_type="application/jsonl")
        return key
