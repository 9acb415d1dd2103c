"""Leases: one invocation at a time, and none that was given up and lives on."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.errors import LeaseTaken
from dynamodb_backup.restore.distributed import lease
from dynamodb_backup.restore.distributed.lease import Lease, LeasedDeadline
from dynamodb_backup.timing import Deadline, utc_now
from sandbox import Sandbox
from tests.scenario.restore.kit import Stage, strings, table_writes
from tests.scenario.restore.steps import step

KEY = "native-exports/restores/r-1/leases/work.json"


@pytest.fixture
def store(stage: Stage) -> ObjectStore:
    return ObjectStore(stage.s3, stage.bucket)


def take_away(stage: Stage, key: str) -> None:
    """Let somebody else have the lease."""
    stage.put(key, json.dumps({"holder": "somebody else", "until": "2999-01-01T00:00:00.000Z"}))


def test_a_lease_is_held_by_one_at_a_time_and_given_back(store: ObjectStore) -> None:
    others = pytest.raises(LeaseTaken, match="another invocation is at it until")
    with Lease(store, KEY, utc_now), others, Lease(store, KEY, utc_now):
        pass
    with Lease(store, KEY, utc_now) as again:
        assert not again.lost()


@pytest.mark.parametrize("lost", [0, 1])
def test_a_lease_is_taken_and_given_back_though_the_answer_to_its_write_is_lost(
    store: ObjectStore, aws: Sandbox, lost: int
) -> None:
    lost_answer = aws.faults.reset_connection("s3", "PutObject", resource=f"*/{KEY}", after=True, skip=lost, times=1)
    with Lease(store, KEY, utc_now) as mine:
        assert not mine.lost()
    assert lost_answer.hits == 1
    with Lease(store, KEY, utc_now) as again:
        assert not again.lost()


def test_a_lease_whose_last_renewal_got_no_answer_is_given_back(store: ObjectStore, stage: Stage) -> None:
    with Lease(store, KEY, utc_now) as mine:
        stage.put(KEY, stage.get(KEY) + b" ")  # our own bytes under another ETag
        assert not mine.lost()
    with Lease(store, KEY, utc_now) as again:
        assert not again.lost()


def test_the_lease_of_one_that_died_runs_out(store: ObjectStore) -> None:
    dead = Lease(store, KEY, utc_now)
    dead.__enter__()
    dead._stop.set()

    def later() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=lease.LEASE_SECONDS + 1)

    with Lease(store, KEY, later) as mine:
        assert not mine.lost()


def test_who_cannot_renew_stops_before_anybody_else_may_begin(
    store: ObjectStore, aws: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(lease, "LEASE_SECONDS", 22)
    with Lease(store, KEY, utc_now) as mine:
        aws.faults.deny("s3", "PutObject", resource=f"backups/{KEY}")
        deadline = LeasedDeadline(Deadline(600), mine)
        assert not deadline.passed()
        began = time.monotonic()
        while not deadline.passed():
            assert time.monotonic() - began < 10
            time.sleep(0.05)
    aws.faults.clear()
    with pytest.raises(LeaseTaken), Lease(store, KEY, utc_now):
        pass


def test_a_lease_is_given_up_once_nobody_waits_for_the_work(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.05)
    with Lease(store, KEY, utc_now, wanted=lambda: False) as mine:
        time.sleep(0.5)
        assert mine.lost()


def test_a_worker_that_was_given_up_stops_writing_in_the_middle_of_a_file(
    stage: Stage, aws: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.2)
    stage.create_table("orders")
    stage.back_up("orders", strings(1000))
    (part,) = step("plan", event={})["body"]["parts"]
    (verify,) = jobs_of(stage, step("advance", **part)["body"]["jobs"]["key"])
    step("work", **verify)
    (write,) = jobs_of(stage, step("advance", **part)["body"]["jobs"]["key"])
    aws.faults.delay("dynamodb", "BatchWriteItem", resource="orders", seconds=0.5)
    answers = []
    worker = threading.Thread(target=lambda: answers.append(step("work", **write)))
    worker.start()
    while not table_writes(aws):
        time.sleep(0.05)
    take_away(stage, f"native-exports/restores/{part['restore_id']}/leases/{write['job']}.json")
    worker.join(timeout=20)

    assert [answer["statusCode"] for answer in answers] == [202]
    assert answers[0]["body"]["error"] == "another invocation took over"
    assert 0 < len(stage.items("orders")) < 1000
    job = f"native-exports/restores/{part['restore_id']}/jobs/{write['job']}.json"
    assert job not in stage.keys(job)


def jobs_of(stage: Stage, key: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stage.get(key).splitlines()]
