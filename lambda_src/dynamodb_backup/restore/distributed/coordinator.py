"""The restore as the state machine carries it: plan, then each table in turns between its workers' rounds, then report.

Each table is a restore of its own with a checkpoint of its own, so that no table waits for another and a damaged backup
fails its own table alone.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from dynamodb_backup.archive.home import address_of
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws import Clients
from dynamodb_backup.aws_errors import AWS_ERRORS, explain, is_transient
from dynamodb_backup.contract.distributed import PlanResult, execution_of_event, restore_event
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.contract.restore_result import RestoreResult
from dynamodb_backup.errors import BackupNotFound, LeaseTaken, ObjectMissing, ToolError
from dynamodb_backup.restore.distributed.execution_record import CarriedRestore, ExecutionRecord
from dynamodb_backup.restore.distributed.jobs import JobStates
from dynamodb_backup.restore.distributed.lease import Lease, LeasedDeadline
from dynamodb_backup.restore.distributed.shared_progress import SharedProgress
from dynamodb_backup.restore.distributed.tables import SharedOutRestorer
from dynamodb_backup.restore.distributed.worker import find_part
from dynamodb_backup.restore.plan import refuse_targets_outside_convention
from dynamodb_backup.restore.progress import Publisher, TableProgress
from dynamodb_backup.restore.run import RestoreRun
from dynamodb_backup.restore.state import RestoreState, TableState
from dynamodb_backup.settings import Settings
from dynamodb_backup.timing import Clock, Deadline, iso, utc_now
from dynamodb_backup.turns.carry import TableWork

__all__ = ["Coordinator"]

Response = dict[str, Any]

DIGEST_BYTES = {False: 16, True: 32}
"""Memory for each item of a backup; twice as much where items are compared and not their keys alone."""

MEMORY_SHARE = 0.4


class Coordinator:
    """Answers the state machine's steps; every one of them can be done again."""

    def __init__(self, settings: Settings, clients: Clients, deadline: Deadline, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._clients = clients
        self._deadline = deadline
        self._clock = clock
        self._layout = Layout(settings.exports_prefix)
        self._store = ObjectStore(clients.s3, settings.bucket)

    def plan(self, event: object) -> PlanResult:
        """Refuse the execution's event or begin a restore for each of its tables.

        Raises what planning a restore raises (``RestoreRun.execute``).
        """
        given = restore_event(event)
        record = ExecutionRecord(self._store, self._layout, execution_of_event(event))
        if carried := record.find():
            return self._planned(carried)
        request = RestoreRequest.from_event(given)
        run = _PartRun(self._settings, self._clients, self._deadline, self._clock)
        whole = run.begin(request)
        parts = []
        for number, table in enumerate(whole.tables, start=1):
            asked = whole.request
            if table.open and self._outgrows_memory(request, table):
                asked = self._without_digests(request, table, proof_wanted="prove" in event_fields(event))
            part = RestoreState(f"{whole.id}-{number}", asked, [table])
            key = self._layout.checkpoint(part.id)
            part.home = address_of(self._store, key)
            self._store.put_if_unchanged(key, part.to_json(), None)
            parts.append(part)
        plan = {
            "restore_id": whole.id,
            "request": whole.request,
            "started_at": iso(self._clock()),
            "parts": [part.id for part in parts],
            "warnings": whole.warnings,
        }
        self._store.put(self._layout.restore_plan(whole.id), json.dumps(plan).encode())
        rows = [TableProgress.of(table, dry_run=request.dry_run) for table in whole.tables]
        self._progress(parts[0].id).begin(rows, dry_run=request.dry_run)
        run.report_failed(request, whole)
        return self._planned(record.keep(whole.id, [part.id for part in parts]))

    def _planned(self, carried: CarriedRestore) -> PlanResult:
        return PlanResult(self._settings.environment, self._settings.bucket, carried.restore_id, carried.parts)

    def advance(self, part_id: str) -> Response:
        """Carry one table to where its workers have something to do, or to its end.

        Answers 202 with ``jobs`` for the state machine to hand out, or with nothing to be invoked again after a pause.
        """
        lease = Lease(self._store, self._layout.lease(part_id, "table"), self._clock)
        try:
            with lease:
                deadline = LeasedDeadline(self._deadline, lease)
                run = _PartRun(self._settings, self._clients, deadline, self._clock)
                response = run.execute(RestoreRequest(restore_id=part_id)).to_response()
                if response["statusCode"] == 202:
                    response["body"]["jobs"] = run.hand_out(part_id)
                return response
        except LeaseTaken as error:
            return _again(str(error))
        except (ToolError, *AWS_ERRORS) as error:
            if not is_transient(error):
                raise
            return _again(f"waiting after {explain(error)}")

    def finish(self, restore_id: str) -> Response:
        """Answer how the whole restore ended, and keep that answer as its report.

        Raises
        ------
        BackupNotFound
            There is no such restore.
        """
        try:
            plan = json.loads(self._store.get(self._layout.restore_plan(restore_id)).body)
        except ObjectMissing as error:
            raise BackupNotFound(f"there is no restore '{restore_id}' of the state machine: {error}") from error
        parts = [find_part(self._store, self._layout, part) for part in plan["parts"]]
        tables = [part.tables[0] for part in parts]
        for table in tables:
            if table.open:
                table.fail(f"its part of the execution ended while it was in the phase {table.phase}: {table.error}")
        request = parts[0].original_request()
        began = datetime.fromisoformat(plan["started_at"])
        result = RestoreResult(
            environment=self._settings.environment,
            s3_bucket=self._settings.bucket,
            dry_run=request.dry_run,
            backup_date=max((table.backup_date for table in tables if table.backup_date), default=None),
            restore_id=restore_id,
            duration_seconds=(self._clock() - began).total_seconds(),
            tables=tuple(table.result(dry_run=request.dry_run) for table in tables),
            warnings=(*plan["warnings"], *(warning for part in parts for warning in part.warnings)),
        )
        rows = [TableProgress.of(table, dry_run=request.dry_run) for table in tables]
        self._progress(plan["parts"][0]).publish(rows)
        response = result.to_response()
        key = self._layout.restore_report(restore_id)
        response["body"]["report"] = f"s3://{self._store.bucket}/{key}"
        self._store.put(key, json.dumps(response, indent=2).encode())
        return _short(response)

    def _progress(self, part_id: str) -> SharedProgress:
        environment = self._settings.environment
        return SharedProgress(self._store, self._layout, part_id, environment=environment, clock=self._clock)

    def _outgrows_memory(self, request: RestoreRequest, table: TableState) -> bool:
        return self._needed_mb(request, table) > self._settings.memory_mb

    def _needed_mb(self, request: RestoreRequest, table: TableState) -> int:
        with_items = request.prove or request.write_mode == "diff"
        return int(table.items_expected * DIGEST_BYTES[with_items] / MEMORY_SHARE / 1_048_576)

    def _without_digests(self, request: RestoreRequest, table: TableState, *, proof_wanted: bool) -> dict[str, Any]:
        """Plan a table whose digests do not fit into the function's memory, if it can do without them."""
        asked = request.to_dict()
        needs_them = (proof_wanted and request.prove) or request.write_mode in {"mirror", "diff"} or table.windows
        if needs_them or table.source_keys is None:
            table.fail(
                f"table {table.source} has {table.items_expected} items, and comparing their keys takes "
                f"{self._needed_mb(request, table)} MB of memory; raise functions.restore.memory_mb, which is "
                f"{self._settings.memory_mb}, or restore it without 'prove' and with write_mode overwrite"
            )
            return asked
        # The captured definition tells that the target has the same key, in which no two items of an export are equal.
        table.collects_keys = False
        if request.prove:
            table.warnings.append(
                f"the restore is not proven by reading the table: that takes {self._needed_mb(request, table)} MB of "
                "memory; raise functions.restore.memory_mb for it"
            )
        return asked | {"prove": False}


class _PartRun(RestoreRun):
    """A turn of one table's restore, whose workers are other invocations."""

    def begin(self, request: RestoreRequest) -> RestoreState:
        """Plan all tables of a request; nothing is kept yet."""
        refuse_targets_outside_convention(request, self._settings)
        return self._begun(request)

    def report_failed(self, request: RestoreRequest, whole: RestoreState) -> None:
        """Log and count the tables that failed already while they were planned."""
        self._report(request, replace(whole, tables=[table for table in whole.tables if not table.open]))

    def hand_out(self, part_id: str) -> dict[str, Any]:
        """Write the list of jobs that have to be done first, and say where it lies."""
        sharing = self._sharing
        if sharing is None or not sharing.jobs:
            return {"count": 0}
        key = JobStates(self._store, self._layout, part_id).list_for_workers(sharing.jobs, self._turn)
        return {
            "bucket": self._store.bucket,
            "key": key,
            "count": len(sharing.jobs),
            "concurrency": sharing.workers,
        }

    _sharing: SharedOutRestorer | None = None
    _turn = 0

    def _carry(self, request: RestoreRequest, state: RestoreState) -> list[TableWork]:
        (table,) = state.tables
        self._turn = state.turns
        restorer = self._restorer(request, state.id, table)
        restorer.execute()
        return [restorer] if restorer.open else []

    def _restorer(self, request: RestoreRequest, restore_id: str, table: TableState) -> TableWork:
        if table.on_demand_backup or table.windows:
            # DynamoDB does the one by itself; of the other the full export alone could be shared out.
            return super()._restorer(request, restore_id, table)
        states = JobStates(self._store, self._layout, restore_id)
        self._sharing = SharedOutRestorer(
            states,
            self._settings.slice_lines,
            self._clients,
            self._store,
            self._layout,
            request,
            restore_id,
            table,
            self._deadline,
        )
        return self._sharing

    def _publisher(self, _: RestoreRequest, state: RestoreState) -> Publisher:
        environment = self._settings.environment
        return SharedProgress(self._store, self._layout, state.id, environment=environment, clock=self._clock)


def event_fields(event: object) -> frozenset[str]:
    """Return the fields that the execution's own event has."""
    given = event.get("event") if isinstance(event, dict) else None
    return frozenset(given) if isinstance(given, dict) else frozenset()


def _again(error: str) -> Response:
    return {"statusCode": 202, "body": {"error": error, "jobs": {"count": 0}}}


MOST_ANSWER_TABLES = 100
LONGEST_ERROR = 500


def _short(response: Response) -> Response:
    """Keep the answer below the 256 KB of a state's output; the report has everything.

    https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """
    body = response["body"]
    rows = [
        {
            name: row[name][:LONGEST_ERROR] if name == "error" and row[name] else row[name]
            for name in (
                "table_name",
                "target_table",
                "status",
                "items_expected",
                "items_processed",
                "items_written",
                "items_failed",
                "items_deleted",
                "proven",
                "failed_items_export",
                "error",
            )
        }
        for row in body["restore_results"]
    ]
    rows.sort(key=lambda row: row["status"] in {"COMPLETED", "READY"})
    warnings = [warning[:LONGEST_ERROR] for warning in body.get("warnings", [])][:MOST_ANSWER_TABLES]
    short = body | {"restore_results": rows[:MOST_ANSWER_TABLES], "warnings": warnings}
    return {"statusCode": response["statusCode"], "body": short}
