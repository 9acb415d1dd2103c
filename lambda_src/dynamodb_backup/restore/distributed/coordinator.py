"""The restore as the state machine carries it: plan, then each table in turns between its workers' rounds, then report.

Each table is a restore of its own with a checkpoint of its own, so that no table waits for another and a damaged backup
fails its own table alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dynamodb_backup.archive.home import address_of
from dynamodb_backup.aws_errors import AWS_ERRORS, explain, is_transient
from dynamodb_backup.contract.distributed import PlanResult, execution_of_event, restore_event
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.contract.restore_result import RestoreResult
from dynamodb_backup.contract.room import with_room
from dynamodb_backup.contract.transform import SALT
from dynamodb_backup.errors import BackupDamaged, BackupNotFound, LeaseTaken, ObjectMissing, ToolError
from dynamodb_backup.restore.begin import begin
from dynamodb_backup.restore.confirmation import refuse_unconfirmed_restore
from dynamodb_backup.restore.distributed.carrier import SharedOutCarrier
from dynamodb_backup.restore.distributed.execution_record import CarriedRestore, ExecutionRecord
from dynamodb_backup.restore.distributed.lease import Lease, LeasedDeadline
from dynamodb_backup.restore.distributed.plan_record import PlannedRestore
from dynamodb_backup.restore.distributed.shared_progress import SharedProgress
from dynamodb_backup.restore.distributed.worker import find_part
from dynamodb_backup.restore.ended import report_ended
from dynamodb_backup.restore.progress import TableProgress
from dynamodb_backup.restore.run import RestoreRun
from dynamodb_backup.restore.state import RestoreState, TableState
from dynamodb_backup.restore.targets import refuse_targets_outside_convention
from dynamodb_backup.timing import iso, moment_of
from dynamodb_backup.turns.means import Means

__all__ = ["Coordinator"]

Response = dict[str, Any]

DIGEST_BYTES = {False: 16, True: 32}
"""Memory for each item of a backup; twice as much where items are compared and not their keys alone."""

MEMORY_SHARE = 0.4


class Coordinator:
    """Answers the state machine's steps; every one of them can be done again."""

    def __init__(self, means: Means, began: Callable[[str, Mapping[str, Any]], None] | None = None) -> None:
        self._means = means
        self._began = began

    def plan(self, event: object) -> PlanResult:
        """Refuse the execution's event or begin a restore for each of its tables.

        Raises what planning a restore raises (``RestoreRun.execute``).
        """
        given = restore_event(event)
        record = ExecutionRecord(self._means.store, self._means.layout, execution_of_event(event))
        if carried := record.find():
            return self._planned(carried)
        request = RestoreRequest.from_event(given)
        refuse_targets_outside_convention(request, self._means.settings)
        refuse_unconfirmed_restore(request, self._means.settings)
        whole = begin(request, self._means)
        if self._began:
            self._began(whole.id, whole.request)
        parts = []
        for number, table in enumerate(whole.tables, start=1):
            asked = whole.request
            if table.open and self._outgrows_memory(request, table):
                asked = self._without_digests(request, table, proof_wanted="prove" in event_fields(event))
            part = RestoreState(f"{whole.id}-{number}", asked, [table])
            key = self._means.layout.checkpoint(part.id)
            part.home = address_of(self._means.store, key)
            self._means.store.put_if_unchanged(key, part.to_json(), None)
            parts.append(part)
        plan = PlannedRestore(
            restore_id=whole.id,
            request={name: value for name, value in whole.request.items() if name != SALT},
            started_at=iso(self._means.clock()),
            parts=[part.id for part in parts],
            warnings=whole.warnings,
        )
        self._means.store.put(self._means.layout.restore_plan(whole.id), plan.to_json())
        rows = [TableProgress.of(table, dry_run=request.dry_run) for table in whole.tables]
        self._progress(parts[0].id).begin(rows, dry_run=request.dry_run)
        failed = [table for table in whole.tables if not table.open]
        report_ended(request, replace(whole, tables=failed), self._means.settings.environment, self._means.clock())
        return self._planned(record.keep(whole.id, [part.id for part in parts]))

    def _planned(self, carried: CarriedRestore) -> PlanResult:
        return PlanResult(
            self._means.settings.environment, self._means.settings.bucket, carried.restore_id, carried.parts
        )

    def advance(self, part_id: str) -> Response:
        """Carry one table to where its workers have something to do, or to its end.

        Answers 202 with ``jobs`` for the state machine to hand out, or with nothing to be invoked again after a pause.
        """
        lease = Lease(self._means.store, self._means.layout.lease(part_id, "table"), self._means.clock)
        try:
            with lease:
                means = replace(self._means, deadline=LeasedDeadline(self._means.deadline, lease))
                carrier = SharedOutCarrier(means)
                response = RestoreRun(means, carrier).execute(RestoreRequest(restore_id=part_id)).to_response()
                if response["statusCode"] == 202:
                    response["body"]["jobs"] = carrier.hand_out(part_id)
                # Single keys that the backup does not hold are in the answer, and each may have 3 KB.
                return response | {"body": _with_room(response["body"])}
        except LeaseTaken as error:
            return _again(str(error))
        except (ToolError, *AWS_ERRORS) as error:
            if not is_transient(error):
                raise
            return _again(f"waiting after {explain(error)}")

    def finish(self, restore_id: str, causes: Mapping[str, str]) -> Response:
        """Answer how the whole restore ended, and keep that answer as its report.

        Parameters
        ----------
        causes
            Why nobody went on with a part that is still open, by its ``restore_id``.

        Raises
        ------
        BackupNotFound
            There is no such restore.
        """
        try:
            key = self._means.layout.restore_plan(restore_id)
            plan = PlannedRestore.parse(key, self._means.store.get(key).body)
        except ObjectMissing as error:
            raise BackupNotFound(f"there is no restore '{restore_id}' of the state machine: {error}") from error
        parts = [find_part(self._means, part) for part in _own_parts(plan.parts, restore_id)]
        tables = [part.tables[0] for part in parts]
        for part, table in zip(parts, tables, strict=True):
            if table.open:
                cause = causes.get(part.id) or table.error or "the function's log says why"
                table.fail(f"its part of the execution ended while it was in the phase {table.phase}: {cause}")
        request = parts[0].original_request()
        began = moment_of(plan.started_at)
        result = RestoreResult(
            environment=self._means.settings.environment,
            s3_bucket=self._means.settings.bucket,
            dry_run=request.dry_run,
            backup_date=max((table.backup_date for table in tables if table.backup_date), default=None),
            restore_id=restore_id,
            duration_seconds=(self._means.clock() - began).total_seconds(),
            tables=tuple(table.result(dry_run=request.dry_run) for table in tables),
            warnings=(*plan.warnings, *(warning for part in parts for warning in part.warnings)),
        )
        rows = [TableProgress.of(table, dry_run=request.dry_run) for table in tables]
        self._progress(plan.parts[0]).publish(rows)
        response = result.to_response()
        key = self._means.layout.restore_report(restore_id)
        response["body"]["report"] = f"s3://{self._means.store.bucket}/{key}"
        self._means.store.put(key, json.dumps(response, indent=2).encode())
        return _short(response)

    def _progress(self, part_id: str) -> SharedProgress:
        return SharedProgress(self._means, part_id)

    def _outgrows_memory(self, request: RestoreRequest, table: TableState) -> bool:
        return self._needed_mb(request, table) > self._means.settings.memory_mb

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
                f"{self._means.settings.memory_mb}, or restore it without 'prove' and with write_mode overwrite"
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


def event_fields(event: object) -> frozenset[str]:
    """Return the fields that the execution's own event has."""
    given = event.get("event") if isinstance(event, dict) else None
    return frozenset(given) if isinstance(given, dict) else frozenset()


def _again(error: str) -> Response:
    return {"statusCode": 202, "body": {"error": error, "jobs": {"count": 0}}}


_SHOWN = (
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
"""What the state machine's answer says of a table; the report has everything."""


def _short(response: Response) -> Response:
    body = response["body"]
    rows = [{name: row[name] for name in _SHOWN} for row in body["restore_results"]]
    return {"statusCode": response["statusCode"], "body": _with_room(body | {"restore_results": rows})}


def _with_room(body: dict[str, Any]) -> dict[str, Any]:
    return with_room(body, "restore_results", lambda row: row["status"] in {"COMPLETED", "READY"})


def _own_parts(parts: Sequence[str], restore_id: str) -> Sequence[str]:
    """Return the ids of a plan's parts, which name objects in S3."""
    if list(parts) != [f"{restore_id}-{number}" for number in range(1, len(parts) + 1)]:
        raise BackupDamaged(f"the plan of restore '{restore_id}' is malformed: it names other parts than its own")
    return parts
