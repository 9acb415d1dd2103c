"""What lies in the bucket: DynamoDB's manifests, ours, and the records of backups, restores and their kin.

An input is the name of a kind, a line feed, and the object's bytes.
"""

from __future__ import annotations

import hashlib
import io
from base64 import b64encode
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from typing import Any

from dynamodb_backup.archive.chain import Chain
from dynamodb_backup.archive.export import read_export
from dynamodb_backup.archive.incremental import read_incremental
from dynamodb_backup.archive.index import KeyIndex
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.legal_holds import LegalHolds
from dynamodb_backup.archive.manifest import BackupManifest
from dynamodb_backup.backup.item_counts import ItemCounts
from dynamodb_backup.backup.methods.scan_state import ScanState
from dynamodb_backup.backup.record import RunRecord, TableRun
from dynamodb_backup.backup.retention_progress import Progress as RetentionProgress
from dynamodb_backup.contract.distributed import ExecutionName
from dynamodb_backup.offsite.day import without
from dynamodb_backup.offsite.lease import TurnLease
from dynamodb_backup.offsite.records import Records
from dynamodb_backup.ondemand.watch import Watch
from dynamodb_backup.restore.distributed.lease import Lease
from dynamodb_backup.restore.followed import FollowedRestore
from dynamodb_backup.restore.progress import Progress, TableProgress
from dynamodb_backup.restore.state import RestoreState
from dynamodb_backup.restore_test.records import TestRecords
from dynamodb_backup.restore_test.state import TestState
from dynamodb_backup.timing import Deadline
from dynamodb_backup.undo.state import UndoState
from dynamodb_backup.verify.captured_keys import read_captured_keys
from dynamodb_backup.verify.state import VerifyState
from tests.reliability.fuzz.oracle import Target, documented
from tests.reliability.fuzz.shelf import Shelf

__all__ = ["KINDS", "MANIFESTS", "RECORDS"]

NOW = datetime(2026, 2, 1, tzinfo=UTC)
LAYOUT = Layout("native-exports")
ROOT = "native-exports/2026-01-31/orders/AWSDynamoDB/01700000000000-abcdef01/"
FULL = (
    b'{"exportArn":"arn:aws:dynamodb:eu-west-1:123456789012:table/orders/export/01700000000000-abcdef01","itemCount":1}'
)
INCREMENT = (
    b'{"exportType":"INCREMENTAL_EXPORT","itemCount":1,"outputView":"NEW_AND_OLD_IMAGES",'
    b'"exportFromTime":"2026-01-31T00:00:00Z","exportToTime":"2026-01-31T01:00:00Z"}'
)
FILES = (
    b'{"itemCount":1,"md5Checksum":"1B2M2Y8AsgTpgAmY7PhCfg==",'
    b'"dataFileS3Key":"AWSDynamoDB/01700000000000-abcdef01/data/a.json.gz"}\n'
)


def _export(summary: bytes, files: bytes, md5: bytes | None = None) -> None:
    companion = md5 if md5 is not None else b64encode(hashlib.md5(summary, usedforsecurity=False).digest())
    objects = {"manifest-summary.json": summary, "manifest-files.json": files, "manifest-summary.md5": companion}
    shelf = Shelf({f"{ROOT}{name}": body for name, body in objects.items()})
    with documented():
        export = read_export(shelf, ROOT)
        assert all(file.key.startswith(ROOT) for file in export.files)
        assert export.item_count == sum(file.item_count for file in export.files) >= 0
        # What is taken over into our own manifest and answers.
        round(export.billed_size_bytes / 1_048_576, 2)
        str(export).encode()
    with documented():
        read_incremental(shelf, ROOT)


def _manifest(body: bytes) -> None:
    manifest = BackupManifest.parse("manifest.json", "2026-01-31", body)
    for entry in manifest.entries.values():
        # Whatever it is: it is compared with what the export's own manifests count, and a difference is damage.
        assert entry.recorded_item_count is None or type(entry.recorded_item_count) is int
    merged = manifest.merged([*manifest.entries.values(), *manifest.failed_attempts])
    stored = merged.to_json(environment="test", bucket="backups", backup_type="X", created_at="2026-01-31T00:00:00Z")
    again = BackupManifest.parse("manifest.json", "2026-01-31", stored)
    assert again.entries == merged.entries
    without(body, dict.fromkeys(manifest.entries, "it failed"))


def _chain(body: bytes) -> None:
    chain = Chain.parse("chain.json", body, "etag")
    assert Chain.parse("chain.json", chain.to_json(), "etag") == chain
    for window in chain.completed:
        chain.with_window(window)
    str((chain.covered_until, chain.gaps, chain.lost, chain.reserved))


def _run(body: bytes) -> None:
    run = RunRecord.parse("run.json", body, "etag")
    again = RunRecord.parse("run.json", run.to_json(), "etag")
    assert again == run
    run.join(again)
    str((run.settled, run.succeeded, run.age(NOW), run.ended_within(timedelta(hours=1), NOW), run.pending))
    for table in run.tables.values():
        str((table.shown_status, table.all_warnings, run.makes_full(table)))
        run.client_token("backups", "native-exports", table.table_name)


def _restore(body: bytes) -> None:
    state = RestoreState.parse("checkpoint.json", body, "etag")
    assert RestoreState.parse("checkpoint.json", state.to_json(), "etag").tables == state.tables
    Progress("id", dry_run=False, started_at="", updated_at="").brought_to(
        [TableProgress.of(table, dry_run=False) for table in state.tables], NOW
    ).to_json()
    for table in state.tables:
        str((table.captured_keys, table.missing_keys, table.result(dry_run=False).to_dict()))
    state.original_request()


def _verification(body: bytes) -> None:
    state = VerifyState.parse("checkpoint.json", body, "etag")
    assert VerifyState.parse("checkpoint.json", state.to_json(), "etag").tables == state.tables
    for table in state.tables:
        table.result().to_dict()
    state.original_request()


def _undo(body: bytes) -> None:
    state = UndoState.parse("undo.json", body, "etag")
    assert UndoState.parse("undo.json", state.to_json(), "etag").tables == state.tables
    for table in state.tables:
        table.result().to_dict()
    state.original_request()


def _test(body: bytes) -> None:
    state = TestState.parse("run.json", body, "etag")
    assert TestState.parse("run.json", state.to_json(), "etag") == state
    for table in state.tables:
        table.result().to_dict()


def _test_status(body: bytes) -> None:
    with redirect_stdout(io.StringIO()):  # metrics are printed
        TestRecords(Shelf(anywhere=body), LAYOUT, "test").age("orders", NOW)


def _progress(body: bytes) -> None:
    progress = Progress.parse("progress.json", body)
    str((progress.status, progress.percent, progress.estimated_end))
    assert Progress.parse("progress.json", progress.to_json()) == progress


def _retention(body: bytes) -> None:
    progress = RetentionProgress.parse(body, "etag")
    progress.join(RetentionProgress.parse(progress.to_json(), "etag"))
    progress.first_day("orders")


def _counts(body: bytes) -> None:
    counts = ItemCounts(Shelf(anywhere=body), "counts.json")
    for standing in counts.load().values():
        standing.after(standing.newest, lambda before, now: now * 2 < before)
    counts.change(lambda standings: {table: one.accepted() for table, one in standings.items()})


def _holds(body: bytes) -> None:
    holds = LegalHolds(Shelf(anywhere=body), LAYOUT)
    assert holds.on("2026-01-31").held is not None
    holds.change("2026-01-31", lambda tables: tables)


def _offsite(of: str) -> Callable[[bytes], None]:
    def check(body: bytes) -> None:
        records = Records(Shelf(anywhere=body), "native-exports/offsite/0123456789abcdef/")
        read: dict[str, Callable[[], tuple[str, Any]]] = {
            "export": lambda: records.export(f"{ROOT}manifest-summary.json", "native-exports"),
            "unit": lambda: records.unit("days/2026-01-31"),
            "status": lambda: records.status("2026-01-31T00:00:00Z"),
        }
        key, record = read[of]()
        records.save(key, record)
        if of == "export":
            record.done(7, 100)
            records.save(key, record)

    return check


def _scan(body: bytes) -> None:
    run = RunRecord("2026-01-31-0001", "2026-01-31", "2026-01-31T00:00:00Z", "FULL_EXPORT", None, {})
    state = ScanState(Shelf(anywhere=body), LAYOUT, run, TableRun("orders"))
    with documented():
        state.plan()
    state.save(state.segment(0))


def _lease(body: bytes) -> None:
    with documented(), TurnLease(Shelf(anywhere=body), "lease", Deadline(60), lambda: NOW):
        pass
    with documented(), Lease(Shelf(anywhere=body), "lease", lambda: NOW):
        pass


def _followed(body: bytes) -> None:
    followed = FollowedRestore(Shelf(anywhere=body), LAYOUT, ExecutionName("name", "2026-01-31T00:00:00.000Z"))
    str((followed.progress(), followed.result()))


def _definition(body: bytes) -> None:
    read_captured_keys(Shelf(anywhere=body), "definition.json", None)


KINDS: dict[str, Callable[[bytes], Any]] = {
    "manifest": _manifest,
    "summary": lambda body: _export(body, FILES),
    "increment": lambda body: _export(body, FILES.replace(b"AWSDynamoDB/01700000000000-abcdef01/", b"AWSDynamoDB/")),
    "files": lambda body: _export(FULL, body),
    "files-of-increment": lambda body: _export(INCREMENT, body),
    "md5": lambda body: _export(FULL, FILES, body),
    "chain": _chain,
    "key-index": lambda body: KeyIndex.parse("index", body),
    "key-index-signed": lambda body: KeyIndex.parse("index", body + hashlib.sha256(body).digest()).may_hold("a", b"b"),
    "definition": _definition,
    "run": _run,
    "restore": _restore,
    "verification": _verification,
    "undo": _undo,
    "restore-test": _test,
    "restore-test-status": _test_status,
    "progress": _progress,
    "retention": _retention,
    "item-counts": _counts,
    "legal-hold": _holds,
    "offsite-export": _offsite("export"),
    "offsite-unit": _offsite("unit"),
    "offsite-status": _offsite("status"),
    "scan": _scan,
    "lease": _lease,
    "followed": _followed,
    "queue": lambda body: Watch.parse(body.decode("utf-8", "replace")),
}


def check(data: bytes) -> None:
    """Read an object as what the input says it is."""
    kind, _, body = data.partition(b"\n")
    read = KINDS.get(kind.decode("latin-1"))
    if read:
        with documented():
            read(body)


MANIFESTS = Target("manifests", check, "kind")
RECORDS = Target("records", check, "kind")
