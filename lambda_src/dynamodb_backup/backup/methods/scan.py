"""``scan``: a logical backup for tables without point-in-time recovery. It reads every item, and pays for the reads.

It is no point in time: an item that changes while the scan runs is in the backup as it was before or as it was after.
Everything that was written before the scan began, and not touched since, is in it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

from dynamodb_backup.archive.export_writing import ExportWriter
from dynamodb_backup.archive.layout import EXPORT_FOLDER
from dynamodb_backup.archive.store import ObjectTerms
from dynamodb_backup.backup.methods.method import Resources, Standing
from dynamodb_backup.backup.methods.scan_segment import SegmentReader
from dynamodb_backup.backup.methods.scan_state import ScanPlan, ScanState, SegmentState
from dynamodb_backup.backup.record import RunRecord, TableRun
from dynamodb_backup.errors import TableReplaced
from dynamodb_backup.pool import run_workers
from dynamodb_backup.strict_json import read_json
from dynamodb_backup.table.definition import describe
from dynamodb_backup.table.read_rate import ReadRate
from dynamodb_backup.table.scan import Page, Segment, metered_page
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import iso

__all__ = ["ScanMethod"]

FORMAT_VERSION = "1"
"""Of the object metadata of data files."""

SLICE_SECONDS = 60.0
"""For so long one table is read before the others of the run are looked at."""

BUFFERED_BYTES = 64 * 1_048_576
LARGEST_FILE_BYTES = 16 * 1_048_576
"""Packed bytes in memory, of all segments together; and of one file, which is then some 100 MB of items."""

SHARE_OF_PROVISIONED = 0.5
READ_UNIT_BYTES = 4096
"""A strongly consistent read of up to 4 KB is one read unit:
docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html"""


@dataclass(frozen=True)
class ScanMethod:
    """Reads a table in parallel segments into the data files of an export that it writes itself."""

    resources: Resources

    def start(self, run: RunRecord, table: TableRun) -> TableRun:
        """Fix how the table is read, once for the whole run."""
        definition = self._definition(table)
        now = self.resources.clock()
        capacity = float(definition.get("ProvisionedThroughput", {}).get("ReadCapacityUnits") or 0)
        plan = self._state(run, table).begin(
            ScanPlan(
                export_id=f"{round(now.timestamp() * 1000):014d}-{self._fingerprint(run, table)}",
                segments=self.resources.settings.method_of(table.table_name).segments,
                started_at=iso(now),
                table_id=definition.get("TableId"),
                default_units_per_second=max(1.0, capacity * SHARE_OF_PROVISIONED) if capacity else None,
            )
        )
        self._writer(run, table, plan).begin()
        logger.info("scan began", table=table.table_name, segments=plan.segments, run_id=run.run_id)
        return replace(
            table,
            status="IN_PROGRESS",
            export_arn=f"{table.table_arn}/scan/{plan.export_id}",
            start_time=plan.started_at,
            export_time=plan.started_at,
            error=None,
        )

    def advance(self, run: RunRecord, table: TableRun) -> Standing:
        """Read for a while, and write the manifests when everything is read.

        Raises
        ------
        TableReplaced
            The table was deleted and created again meanwhile.
        BackupDamaged
            A checkpoint was overwritten.
        """
        if table.end_time is not None:
            return Standing(table, written=True)
        state = self._state(run, table)
        plan = state.plan()
        segments = [state.segment(number) for number in range(plan.segments)]
        if not all(segment.done for segment in segments):
            segments = self._read(run, table, plan, segments)
        if not all(segment.done for segment in segments):
            return Standing(replace(table, error=None), written=False)
        return Standing(self._finished(run, table, plan, segments), written=True)

    def _read(
        self, run: RunRecord, table: TableRun, plan: ScanPlan, segments: list[SegmentState]
    ) -> list[SegmentState]:
        deadline = self.resources.deadline.within(SLICE_SECONDS)
        chosen = self.resources.settings.method_of(table.table_name)
        reader = SegmentReader(
            read_page=self._page_reader(table, plan),
            writer=self._writer(run, table, plan),
            state=self._state(run, table),
            rate=ReadRate(
                chosen.max_read_units_per_second or plan.default_units_per_second,
                plan.segments,
                lambda: self.resources.clock().timestamp(),
                max(segment.paid_until for segment in segments),
            ),
            metadata={"table-name": table.table_name, "version": FORMAT_VERSION, "run-id": run.run_id},
            file_bytes=min(LARGEST_FILE_BYTES, BUFFERED_BYTES // plan.segments),
            deadline=deadline,
            clock=self.resources.clock,
        )

        def carry(number: int) -> None:
            segments[number] = reader.carry(segments[number])

        undone = [segment.segment for segment in segments if not segment.done]
        run_workers(len(undone), undone, carry, deadline)
        return segments

    def _page_reader(self, table: TableRun, plan: ScanPlan) -> Any:
        def read(position: Segment, limit: int | None) -> Page:
            client = self.resources.clients.dynamodb
            return metered_page(client, table.table_name, position, plan.segments, limit=limit)

        return read

    def _finished(self, run: RunRecord, table: TableRun, plan: ScanPlan, segments: list[SegmentState]) -> TableRun:
        """Write the manifests, from what the checkpoints say alone."""
        now = describe(self.resources.clients.dynamodb, table.table_name)
        if now.get("TableId") != plan.table_id:
            raise TableReplaced(
                f"table {table.table_name} was deleted and created again while it was scanned, so what was read is a "
                "mixture of both; back it up again"
            )
        files = [file for segment in segments for file in segment.files]
        units = sum(segment.read_units for segment in segments)
        ended = max(segment.ended_at or plan.started_at for segment in segments)
        billed = round(units * READ_UNIT_BYTES)
        self._writer(run, table, plan).finish(
            {
                "version": "2020-06-30",
                "exportArn": table.export_arn,
                "startTime": plan.started_at,
                "endTime": ended,
                "tableArn": table.table_arn,
                "tableId": plan.table_id,
                "exportTime": plan.started_at,
                "billedSizeBytes": billed,
            },
            files,
        )
        items = sum(file.item_count for file in files)
        logger.info("scan ended", table=table.table_name, items=items, files=len(files), read_units=units)
        return replace(table, end_time=ended, item_count=items, billed_size_bytes=billed, error=None)

    def _state(self, run: RunRecord, table: TableRun) -> ScanState:
        return ScanState(self.resources.store, self.resources.layout, run, table)

    def _writer(self, run: RunRecord, table: TableRun, plan: ScanPlan) -> ExportWriter:
        settings = self.resources.settings
        prefix = self.resources.layout.export_prefix(run.backup_date, table.table_name)
        terms = ObjectTerms(settings.export_kms_key_id, settings.bucket_owner)
        return ExportWriter(self.resources.store, prefix, f"{prefix}/{EXPORT_FOLDER}{plan.export_id}/", terms)

    def _definition(self, table: TableRun) -> dict[str, Any]:
        stored = self.resources.store.get(table.definition_key or "")
        definition: dict[str, Any] = read_json(stored.body)["Table"]
        return definition

    def _fingerprint(self, run: RunRecord, table: TableRun) -> str:
        token = run.client_token(self.resources.settings.bucket, self.resources.layout.prefix, table.table_name)
        return hashlib.sha256(token.encode()).hexdigest()[:8]
