"""What is rehearsed: each takes a size, does the real work over the stand-in, and says what it took."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date as calendar_date
from datetime import timedelta
from typing import Any, cast

from dynamodb_backup.archive.catalog import Catalog
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.plain_store import PlainStore
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws import OnDemandClients
from dynamodb_backup.backup.run import BackupRun
from dynamodb_backup.catalog.history import History
from dynamodb_backup.catalog.listing import PAGE_BYTES, Listing
from dynamodb_backup.contract.backup import BackupRequest, BackupResult, TableBackup
from dynamodb_backup.contract.catalog import ListRequest
from dynamodb_backup.contract.history import HistoryRequest
from dynamodb_backup.contract.offsite import OffsiteRequest, OffsiteResult, UnitCopy
from dynamodb_backup.contract.on_demand import OnDemandRequest
from dynamodb_backup.contract.restore_test import RestoreTestResult, TableTest
from dynamodb_backup.contract.room import MOST_ANSWER_BYTES
from dynamodb_backup.contract.verify import TableVerification, VerifyResult
from dynamodb_backup.naming import NamingConvention
from dynamodb_backup.offsite.plan import plan
from dynamodb_backup.offsite.records import Records
from dynamodb_backup.offsite.transfer import Transfer
from dynamodb_backup.offsite.work import Side, Work
from dynamodb_backup.ondemand.create import OnDemandRun
from dynamodb_backup.ondemand.monitor import Monitor
from dynamodb_backup.restore.distributed.coordinator import Coordinator
from dynamodb_backup.restore.distributed.jobs import Job
from dynamodb_backup.restore.distributed.worker import Worker
from dynamodb_backup.settings import OnDemandSettings, Settings
from tests.reliability.scale import limits
from tests.reliability.scale.stand_in import BUCKET, PREFIX, StandIn, a_backup, settings_for, table_names
from tests.unit.catalog.fake_s3 import entry, manifest
from tests.unit.ondemand.fake_aws import FakeAws as OnDemandAws
from tests.unit.ondemand.fake_aws import VirtualDeadline as OnDemandDeadline

__all__ = ["REHEARSALS", "Outcome", "Rehearsal"]

RETENTION = {"daily": 30, "weekly": 90, "monthly": 400, "incremental": 30, "failed": 7}
NEWEST = "2026-01-30"


@dataclass
class Outcome:
    """What one rehearsal came to. ``payloads`` are the largest of each kind in bytes, each with its limit."""

    requests: Counter[str] = field(default_factory=Counter)
    payloads: dict[str, tuple[int, int]] = field(default_factory=dict)
    objects: dict[str, int] = field(default_factory=dict)
    moved: int = 0
    """Bytes read from the bucket and written to it."""
    longest_page: int = 0
    history_events: int = 0

    def payload(self, name: str, value: object, limit: int) -> None:
        """Note a payload, counted as JSON in ASCII, which is never less than what AWS counts."""
        size = len(json.dumps(value))
        self.payloads[name] = (max(size, self.payloads.get(name, (0, 0))[0]), limit)

    def count(self, aws: StandIn) -> Outcome:
        self.requests = aws.requests
        self.objects = dict(aws.bucket.largest.most_common(3))
        self.moved = aws.bucket.bytes_read + aws.bucket.bytes_written
        self.longest_page = aws.bucket.longest_page
        return self


@dataclass(frozen=True)
class Rehearsal:
    """``of`` says what is counted, ``size`` how many in the long run, ``small`` in ``make test``."""

    of: str
    size: int
    small: int
    memory_mb: int
    run: Callable[[int], Outcome]
    growth: float = 2.3
    """So much more of requests and CPU time twice the size may take: twice, and what measuring is uncertain by."""
    growth_of_bytes: float | None = None
    """The same of what goes over the wire, where that is more."""
    cut_at: int | None = None
    """At so many bytes the product itself cuts an answer: into pages, or to what there is room for."""


def back_up(
    aws: StandIn, settings: Settings, outcome: Outcome, event: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """Invoke the backup as its state machine does, until it has ended."""
    given: Mapping[str, Any] = event or {}
    while True:
        outcome.payload("backup event", given, limits.STATE)
        request = BackupRequest.from_event(given, settings.tables)
        run = BackupRun(settings, aws.clients(), aws.virtual_deadline(), aws.fake.time.utc)
        answer = run.execute(request).to_response()
        outcome.payload("backup answer", answer, limits.STATE)
        if answer["statusCode"] != 202:
            assert answer["statusCode"] == 200, str(answer)[:2000]
            return answer
        given = {"run_id": answer["body"]["run_id"]}


def backup_of_tables(n: int) -> Outcome:
    """One run of n tables, the first of its bucket."""
    aws, outcome = StandIn(), Outcome()
    tables = table_names(n)
    aws.fake.items = dict.fromkeys(tables, 3)
    back_up(aws, settings_for(tables, retention_days=RETENTION), outcome)
    return outcome.count(aws)


def largest_answers(n: int) -> Outcome:
    """What each state machine is answered about n tables, all of which failed, at length, and about as many dates."""
    outcome, text = Outcome(), "what went wrong " * 60
    names = [name.ljust(255, "x") for name in table_names(n)]
    keys = [{"id": {"S": "k" * 2048}}] * 10
    answers: dict[str, BackupResult | OffsiteResult | RestoreTestResult | VerifyResult] = {
        "backup": BackupResult(
            "2026-01-31", "production", BUCKET, tables=tuple(TableBackup(one, "FAILED", error=text) for one in names)
        ),
        "restore test": RestoreTestResult(
            "production", BUCKET, "a-test", tuple(TableTest(one, "FAILED", error=text) for one in names), tuple(names)
        ),
        "verification": VerifyResult(
            "production",
            BUCKET,
            tables=tuple(TableVerification(one, one, "DIFFERENT", differences={"missing_keys": keys}) for one in names),
        ),
        "off-site copy": OffsiteResult(
            "production",
            BUCKET,
            copies=tuple(
                UnitCopy("date", f"day {day}", "PARTIAL", dict.fromkeys(names[:20], text)) for day in range(n)
            ),
        ),
    }
    for act, result in answers.items():
        outcome.payload(f"{act} answer", result.to_response(), limits.STATE)
    return outcome


def offsite_plan(n: int) -> Outcome:
    """Which of n dates with 50 tables each are to be copied, where none is: each one's manifest and record is read."""
    tables = table_names(50)
    aws, outcome = many_dates(n, tables), Outcome()
    means = aws.means(settings_for(tables))
    plain = PlainStore(means.clients.s3, BUCKET, "the backup bucket")
    side = Side(means.store, plain, means.layout)
    transfer = Transfer(plain, plain, means.deadline, lambda _size: None, overwrite=True)
    records = Records(means.store, means.layout.offsite("store"))
    work = Work(side, side, transfer, records, means.deadline, means.clock)
    request = OffsiteRequest.from_event({"days": 36_500})
    units = plan(work, request, tables, 36_500, means.clock()).units
    assert len(units) == n
    assert not any("stored" in vars(unit) for unit in units), "every manifest is held in memory"
    return outcome.count(aws)


def data_files(n: int) -> Outcome:
    """A backup of n data files is verified; the next day it is superseded, and each of its objects is tagged."""
    aws, outcome = StandIn(), Outcome()
    aws.fake.items, aws.fake.files_per_export = {"orders": n}, n
    settings = settings_for(("orders",), retention_days=RETENTION)
    back_up(aws, settings, outcome)
    aws.fake.time.advance(86_400)
    aws.fake.files_per_export = 1
    back_up(aws, settings, outcome)
    for _ in range(50):
        if len(aws.bucket.tags) >= n:
            break
        aws.fake.time.advance(86_400)
        back_up(aws, settings, outcome)
    assert len(aws.bucket.tags) >= n
    assert max(aws.bucket.tags.values()) == 1
    return outcome.count(aws)


def quarter_hours(n: int) -> Outcome:
    """Backups of one table's changes every 15 minutes, n of them, with the full ones that they take."""
    aws, outcome = StandIn(), Outcome()
    aws.fake.items = {"orders": 3}
    settings = settings_for(("orders",))
    back_up(aws, settings, outcome)
    for _ in range(n):
        aws.fake.time.advance(900)
        aws.fake.recovery_since = aws.fake.time.now - timedelta(days=34)
        aws.fake.exports = aws.fake.exports[-50:]
        back_up(aws, settings, outcome, {"export_type": "INCREMENTAL_EXPORT"})
    return outcome.count(aws)


def days_until(newest: str, n: int) -> list[str]:
    last = calendar_date.fromisoformat(newest)
    return [(last - timedelta(days=back)).isoformat() for back in range(n - 1, -1, -1)]


def many_dates(n: int, tables: tuple[str, ...]) -> StandIn:
    """Return a bucket with n dates, each manifest made when it is read."""
    aws = StandIn()
    one_day = manifest(*(entry(table, "DATE") for table in tables))
    for day in days_until(NEWEST, n):
        aws.bucket.hold(f"{PREFIX}/{day}/manifest.json", lambda day=day: one_day.replace(b"DATE", day.encode()))  # type: ignore[misc]
    return aws


def list_of_dates(n: int) -> Outcome:
    """All recovery points of one table of fifty over n dates, page by page; and every table's newest."""
    tables = table_names(50)
    aws, outcome = many_dates(n, tables), Outcome()
    settings, event, points = settings_for(tables), {"action": "list", "tables": [tables[7]]}, 0
    while True:
        given = ListRequest.from_event(event)
        body = Listing(settings, aws.clients(), aws.virtual_deadline()).execute(given).to_response()["body"]
        outcome.payload("list answer", body, limits.LAMBDA_ANSWER)
        points += body["total_recovery_points"]
        if not body["next"]:
            break
        event = {"action": "list", "tables": [tables[7]], "next": body["next"]}
    assert points == n
    largest = Listing(settings, aws.clients(), aws.virtual_deadline()).execute(
        ListRequest.from_event({"action": "list", "limit": 5000})
    )
    outcome.payload("list answer", largest.to_response(), limits.LAMBDA_ANSWER)
    return outcome.count(aws)


def latest_of_dates(n: int) -> Outcome:
    """``latest`` of 50 tables, one of which no date holds: every manifest is read."""
    tables = table_names(50)
    aws, outcome = many_dates(n, tables), Outcome()
    catalog = Catalog(ObjectStore(cast("Any", aws.bucket), BUCKET), Layout(PREFIX))
    assert set(catalog.newest([*tables, "never"]).found) == set(tables)
    return outcome.count(aws)


def backup_after_dates(n: int) -> Outcome:
    """A backup in a bucket with n dates of its own runs: freshness, retention's first pass, item counts."""
    aws, outcome = StandIn(), Outcome()
    tables = ("orders", "users")
    aws.fake.items = dict.fromkeys(tables, 3)
    settings = settings_for(tables, retention_days=RETENTION)
    aws.fake.time.advance(-86_400 * n)
    for _ in range(n):
        aws.fake.recovery_since = aws.fake.time.now - timedelta(days=34)
        back_up(aws, settings, outcome)
        aws.fake.time.advance(86_400)
        aws.fake.exports.clear()
        aws.fake.calls.clear()
    return outcome.count(aws)


def history_of_dates(n: int) -> Outcome:
    """One key's versions in n full backups, page by page."""
    aws, outcome = StandIn(), Outcome()
    for day in days_until(NEWEST, n):
        a_backup(aws, day, ["orders"])
    settings, event, pages = settings_for(("orders",)), None, 0
    while True:
        given: dict[str, Any] = {"action": "history", "tables": ["orders"], "keys": [{"id": {"S": "orders-0-0"}}]}
        request = HistoryRequest.from_event(given | ({"next": event} if event else {}))
        body = History(settings, aws.clients(), aws.virtual_deadline()).execute(request).to_response()["body"]
        outcome.payload("history answer", body, limits.LAMBDA_ANSWER)
        pages += 1
        event = body["next"]
        if not event:
            break
    return outcome.count(aws)


def carry_restore(aws: StandIn, settings: Settings, event: Mapping[str, Any], outcome: Outcome) -> Mapping[str, Any]:
    """Carry a restore as its state machine does, and count the events of the execution's history."""
    means = aws.means(settings)
    name = {"name": "rehearsal", "started_at": "2026-01-31T12:00:00.000Z"}
    planned = Coordinator(means).plan({"action": "plan", "event": dict(event), "execution": name}).to_response()
    outcome.payload("restore plan", planned, limits.STATE)
    events = 10 + 2 * len(planned["body"]["parts"])
    for part in planned["body"]["parts"]:
        while True:
            answer = Coordinator(aws.means(settings)).advance(part["restore_id"])
            outcome.payload("restore advance", answer, limits.STATE)
            events += 9  # a task's five, a choice's two, and the next state's
            if answer["statusCode"] != 202:
                break
            jobs = answer["body"]["jobs"]
            if jobs["count"]:
                events += 6
                _work(aws, settings, jobs, outcome)
    ended = Coordinator(aws.means(settings)).finish(planned["body"]["restore_id"], {})
    outcome.payload("restore finish", ended, limits.STATE)
    outcome.history_events = events + 20
    return ended


def _work(aws: StandIn, settings: Settings, jobs: Mapping[str, Any], outcome: Outcome) -> None:
    for line in aws.bucket.body(jobs["key"]).splitlines():
        job = json.loads(line)
        outcome.payload("restore job", job, limits.STATE)
        answer = Worker(aws.means(settings)).work(job["restore_id"], Job.parse(job["job"])).to_response()
        outcome.payload("restore work", answer, limits.STATE)
        assert answer["statusCode"] == 200, answer


def restore_of_files(n: int) -> Outcome:
    """A restore of one table with n data files by the state machine: each verified and written by a worker."""
    aws, outcome = StandIn(), Outcome()
    aws.fake.items = {"orders": n}
    a_backup(aws, NEWEST, ["orders"], files=n)
    answer = carry_restore(
        aws, settings_for(("orders",), memory_mb=1769), {"tables": ["orders"], "prove": False}, outcome
    )
    assert answer["statusCode"] == 200, answer
    assert aws.writes.items == n
    return outcome.count(aws)


def restore_of_tables(n: int) -> Outcome:
    """A restore of n tables in one execution."""
    aws, outcome = StandIn(), Outcome()
    tables = table_names(n)
    aws.fake.items = dict.fromkeys(tables, 3)
    a_backup(aws, NEWEST, tables, files=2)
    answer = carry_restore(aws, settings_for(tables, memory_mb=1769), {"prove": False}, outcome)
    assert answer["statusCode"] == 200, answer
    assert aws.writes.items == 2 * n
    return outcome.count(aws)


def on_demand(n: int) -> Outcome:
    """DynamoDB's own backups of n tables: made, watched in batches of ten from the queue, and the old ones deleted."""
    tables = table_names(n)
    aws, outcome = OnDemandAws(tables=tables), Outcome()
    settings = OnDemandSettings(
        "production", tables, NamingConvention(), "shop-prod", "https://sqs/queue.fifo", "arn:topic"
    )
    for table in tables:
        aws.add(table, "shop-prod-20260720T030000Z", days_ago=12)
    clients: OnDemandClients = aws.clients()
    result = OnDemandRun(settings, clients, OnDemandDeadline(aws, 300), aws.utc).execute(
        OnDemandRequest.from_event({}, tables), "r1"
    )
    outcome.payload("on-demand answer", result.to_response(), limits.LAMBDA_ANSWER)
    for message in aws.messages:
        outcome.payload("queue message", message["MessageBody"], limits.QUEUE_MESSAGE)
    for backup in aws.backups:
        backup.status = "AVAILABLE"
    records = list(aws.records())
    for start in range(0, n, 10):
        assert (
            Monitor(settings, clients, OnDemandDeadline(aws, 120), aws.utc).execute(records[start : start + 10]) == []
        )
    assert len(aws.backups) == n
    outcome.requests = Counter(aws.calls)
    return outcome


REHEARSALS: dict[str, Rehearsal] = {
    # The run's record has all tables, and is written every few seconds while they are looked at.
    "backup": Rehearsal("tables in a run", 300, 15, 1024, backup_of_tables, growth_of_bytes=3.0),
    "answers": Rehearsal("tables or dates", 300, 30, 1024, largest_answers, cut_at=MOST_ANSWER_BYTES + 1000),
    "verify and tag": Rehearsal("data files", 10_000, 150, 1024, data_files),
    # Each run looks at those of the last eight days: until these are full, every run takes longer than the one before.
    "increments": Rehearsal("quarter hours", 700, 8, 1024, quarter_hours, growth=4.5),
    "daily backups": Rehearsal("dates", 1000, 8, 1024, backup_after_dates),
    "list": Rehearsal("dates", 4000, 40, 1024, list_of_dates, cut_at=2 * PAGE_BYTES),
    "latest": Rehearsal("dates", 4000, 40, 1024, latest_of_dates),
    "history": Rehearsal("dates", 4000, 25, 1769, history_of_dates),
    "restore, files": Rehearsal("data files", 10_000, 30, 1769, restore_of_files),
    # One object tells of the progress of all tables, and every invocation brings it up to date: so many times so much.
    "restore, tables": Rehearsal("tables", 300, 8, 1769, restore_of_tables, growth=3.5, growth_of_bytes=4.2),
    "off-site plan": Rehearsal("dates", 4000, 20, 1024, offsite_plan),
    # Each ten messages of the queue have all backups of the account listed, 100 to a page.
    "on-demand": Rehearsal("tables", 300, 20, 256, on_demand, growth=3.5),
}
