"""Jobs: which lines each slice has, and that together they are every line once."""

from __future__ import annotations

import pytest

from dynamodb_backup.errors import RequestRefused
from dynamodb_backup.restore.distributed.jobs import Job, verify_jobs, write_jobs
from dynamodb_backup.restore.state import FileState, RestoreState, TableState
from dynamodb_backup.verify.stored_backup import FileProgress


def table(*lines: int) -> TableState:
    files = [FileState(FileProgress(etag="e", lines=count, items=count, done=True)) for count in lines]
    return TableState("orders", "orders", phase="write", files=files)


@pytest.mark.parametrize("lines", [0, 1, 9, 10, 11, 20, 25])
def test_slices_cover_every_line_once(lines: int) -> None:
    jobs = write_jobs(table(lines), 10)
    covered = [line for job in jobs for line in range(job.first, lines if job.until is None else job.until)]
    assert covered == list(range(lines))
    assert len(jobs) == max(1, -(-lines // 10))


def test_what_is_done_is_nobodys_job() -> None:
    state = table(5, 5)
    state.files[0].written = True
    assert [job.file for job in write_jobs(state, 10)] == [1]
    assert verify_jobs(state) == []


def test_a_job_is_named_and_read_back() -> None:
    for job in (Job("verify", 7), Job("write", 12, 40, 80), Job("write", 0, 80)):
        assert Job.parse(job.name) == job


@pytest.mark.parametrize("name", ["", "delete-1-0-end", "write-1", "write-1-0-end/../x", "write--1-0-end"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(RequestRefused, match="field 'job' names no job"):
        Job.parse(name)


def test_a_jobs_state_comes_back_from_s3_as_it_was() -> None:
    state = Job("write", 1, 10, 20).begun("r-1", table(5, 25))
    state.turns = 3
    again = RestoreState.parse("key", state.to_json(), "etag")
    assert again == state
    assert (again.tables[0].files[0].lines_settled, again.tables[0].files[0].lines_until) == (10, 20)
