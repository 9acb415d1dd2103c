"""One table of a run: begin its export, look how it stands, verify what it wrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from botocore.exceptions import ClientError

from dynamodb_backup.archive.export import NativeExport, read_export
from dynamodb_backup.archive.layout import EXPORT_FOLDER, Layout, export_id_of
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws import Clients
from dynamodb_backup.aws_errors import AWS_ERRORS, error_code, explain
from dynamodb_backup.backup.record import RunRecord, TableRun
from dynamodb_backup.errors import BackupDamaged, TimeIsUp, ToolError
from dynamodb_backup.pool import run_workers
from dynamodb_backup.settings import Settings
from dynamodb_backup.table.definition import capture_definition, describe
from dynamodb_backup.table.export_job import ExportDestination, ExportJob, describe_export, start_export
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import Deadline
from dynamodb_backup.verify.stored_backup import FileProgress, verify_checksum, verify_file

__all__ = ["TableBackups"]

VERIFY_THREADS = 16
VERIFY_LINES_UP_TO_BYTES = 256 * 1_048_576
"""Compressed bytes per table up to which every line is parsed too. Above it a backup run checks every file's checksum
and the counts of both manifests; a restore always parses every line before it writes."""


@dataclass(frozen=True)
class TableBackups:
    """Carries single tables of a run forward.

    Every method answers with the table's new state and raises nothing that concerns one table alone: one table's
    failure never stops the others.
    """

    settings: Settings
    clients: Clients
    store: ObjectStore
    layout: Layout
    deadline: Deadline

    def start(self, run: RunRecord, table: TableRun) -> TableRun:
        """Start the export of a table that is PENDING; it stays so while DynamoDB is too busy to take it."""
        try:
            return self._start(run, table)
        except (ToolError, *AWS_ERRORS) as error:
            return _failed(table, error)

    def follow(self, run: RunRecord, table: TableRun) -> TableRun:
        """Look how an export stands. A finished one is verified, and only then COMPLETED."""
        assert table.export_arn is not None  # noqa: S101 - IN_PROGRESS tables have one
        try:
            job = describe_export(self.clients.dynamodb, table.export_arn)
            if job is None or job.status == "IN_PROGRESS":
                return table
            described = _described(table, job)
            if job.status != "COMPLETED":
                return replace(described, status="FAILED", error=f"DynamoDB's export failed: {job.failure}")
            return self._verified(run, described)
        except TimeIsUp:
            return table
        except (ToolError, *AWS_ERRORS) as error:
            return _failed(table, error)

    def _start(self, run: RunRecord, table: TableRun) -> TableRun:
        name = table.table_name
        if table.definition_key is None:
            table = self._captured(run, table)
        destination = ExportDestination(
            bucket=self.settings.bucket,
            prefix=self.layout.export_prefix(run.backup_date, name),
            kms_key_id=self.settings.export_kms_key_id,
            bucket_owner=self.settings.bucket_owner,
        )
        token = run.client_token(destination.bucket, destination.prefix, name)
        assert table.table_arn is not None  # noqa: S101 - captured with the definition
        arn = start_export(self.clients.dynamodb, table.table_arn, destination, token)
        if arn is None:
            return table
        logger.info("export started", table=name, export_arn=arn, run_id=run.run_id)
        return replace(table, status="IN_PROGRESS", export_arn=arn)

    def _captured(self, run: RunRecord, table: TableRun) -> TableRun:
        try:
            description = describe(self.clients.dynamodb, table.table_name)
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                raise ToolError(f"table {table.table_name} does not exist") from error
            raise
        definition, warnings = capture_definition(self.clients.dynamodb, description)
        key = self.layout.table_definition(run.backup_date, run.run_id, table.table_name)
        self.store.put(key, json.dumps(definition, indent=2, default=str).encode())
        return replace(table, table_arn=description["TableArn"], definition_key=key, warnings=tuple(warnings))

    def _verified(self, run: RunRecord, table: TableRun) -> TableRun:
        prefix = self.layout.export_prefix(run.backup_date, table.table_name)
        root = f"{prefix}/{EXPORT_FOLDER}{export_id_of(table.export_arn or '')}/"
        export = read_export(self.store, root)
        if table.item_count is not None and table.item_count != export.item_count:
            raise BackupDamaged(
                f"DescribeExport counts {table.item_count} items, manifest-summary.json of s3://{export.bucket}/{root} "
                f"{export.item_count}"
            )
        size = self._verify_checksums(export)
        every_line = size <= VERIFY_LINES_UP_TO_BYTES
        if every_line:
            self._run(export, lambda number: self._verify_lines(export, number))
        logger.info("export verified", table=table.table_name, items=export.item_count, files=len(export.files))
        return replace(
            table,
            status="COMPLETED",
            item_count=export.item_count,
            billed_size_bytes=export.billed_size_bytes,
            export_time=export.export_time or table.export_time,
            verification={
                "files": len(export.files),
                "compressed_bytes": size,
                "checked": "every line and checksum" if every_line else "every checksum",
            },
            warnings=table.warnings + export.warnings,
        )

    def _verify_checksums(self, export: NativeExport) -> int:
        sizes: list[int] = []
        self._run(export, lambda number: sizes.append(verify_checksum(self.store, export.files[number])))
        return sum(sizes)

    def _verify_lines(self, export: NativeExport, number: int) -> None:
        verify_file(self.store, export.files[number], FileProgress(), self.deadline)

    def _run(self, export: NativeExport, work: Callable[[int], None]) -> None:
        if not run_workers(VERIFY_THREADS, range(len(export.files)), work, self.deadline):
            raise TimeIsUp(f"verification of s3://{export.bucket}/{export.root} goes on in the next turn")


def _described(table: TableRun, job: ExportJob) -> TableRun:
    return replace(
        table,
        export_time=job.export_time or table.export_time,
        start_time=job.start_time,
        end_time=job.end_time,
        item_count=job.item_count,
        billed_size_bytes=job.billed_size_bytes,
    )


def _failed(table: TableRun, error: BaseException) -> TableRun:
    logger.error("backup of a table failed", table=table.table_name, error=explain(error), error_code=error_code(error))
    return replace(table, status="FAILED", error=explain(error))
