"""One table of a run: capture its definition, have its method make the backup, verify what was written."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime

from botocore.exceptions import ClientError

from dynamodb_backup.archive.export import NativeExport, read_export
from dynamodb_backup.archive.layout import EXPORT_FOLDER, export_id_of
from dynamodb_backup.archive.seal import content_digest
from dynamodb_backup.aws_errors import AWS_ERRORS, error_code, explain, is_transient
from dynamodb_backup.backup.increments import Increments
from dynamodb_backup.backup.methods.choice import method_of
from dynamodb_backup.backup.methods.method import Resources
from dynamodb_backup.backup.record import RunRecord, TableRun
from dynamodb_backup.backup.verification import Verification
from dynamodb_backup.errors import BackupDamaged, ExportRefused, TimeIsUp, ToolError, WriteConflict
from dynamodb_backup.table.definition import capture_definition, describe
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import iso

__all__ = ["TableBackups"]


@dataclass(frozen=True)
class TableBackups:
    """Carries single tables of a run forward.

    Every method answers with the table's new state and raises nothing that concerns one table alone: one table's
    failure never stops the others. What may pass by itself (throttling, a broken connection) leaves the table where it
    is, with the cause in ``error``; only what DynamoDB, S3 or the data say for good is FAILED.
    """

    resources: Resources

    def start(self, run: RunRecord, table: TableRun) -> TableRun:
        """Start the backup of a table that is PENDING."""
        try:
            if not run.makes_full(table):
                return Increments(self.resources).start(run, table)
            method = method_of(table, self.resources)
            if table.definition_key is None:
                table = self._captured(run, table)
            return method.start(run, table)
        except (ToolError, *AWS_ERRORS) as error:
            return _waiting_or_failed(table, error)

    def follow(self, run: RunRecord, table: TableRun) -> TableRun:
        """Carry a backup on. One that is written is verified, and only then COMPLETED."""
        verification = None
        try:
            if not run.makes_full(table):
                return Increments(self.resources).follow(run, table)
            standing = method_of(table, self.resources).advance(run, table)
            table = standing.table
            if not standing.written:
                return table
            verification = self._verification(run, table)
            return _completed(table, verification)
        except TimeIsUp:
            return verification.progress(table) if verification else table
        except (ToolError, *AWS_ERRORS) as error:
            return _waiting_or_failed(table, error)

    def _captured(self, run: RunRecord, table: TableRun) -> TableRun:
        try:
            description = describe(self.resources.clients.dynamodb, table.table_name)
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                raise ExportRefused(f"table {table.table_name} does not exist") from error
            raise
        definition, warnings = capture_definition(self.resources.clients.dynamodb, description)
        key = self.resources.layout.table_definition(run.backup_date, run.run_id, table.table_name)
        body = self._kept(key, json.dumps(definition, indent=2, default=_iso_or_text).encode())
        warnings = [*table.warnings, *warnings]
        return replace(
            table,
            table_arn=description["TableArn"],
            definition_key=key,
            definition_sha256=content_digest(body),
            warnings=tuple(warnings),
        )

    def _kept(self, key: str, definition: bytes) -> bytes:
        """Store a definition, and return the one that counts: the first that any invocation of this run stored."""
        try:
            self.resources.store.put_if_unchanged(key, definition, None)
        except WriteConflict:
            return self.resources.store.get(key).body
        return definition

    def _verification(self, run: RunRecord, table: TableRun) -> Verification:
        prefix = self.resources.layout.export_prefix(run.backup_date, table.table_name)
        root = f"{prefix}/{EXPORT_FOLDER}{export_id_of(table.export_arn or '')}/"
        export = read_export(self.resources.store, root)
        if export.export_arn not in {None, table.export_arn} or export.table_name not in {None, table.table_name}:
            raise BackupDamaged(
                f"manifest-summary.json of s3://{export.bucket}/{root} describes export {export.export_arn} of table "
                f"{export.table_name}, not export {table.export_arn} of table {table.table_name}"
            )
        if table.item_count is not None and table.item_count != export.item_count:
            raise BackupDamaged(
                f"DescribeExport counts {table.item_count} items, manifest-summary.json of s3://{export.bucket}/{root} "
                f"{export.item_count}"
            )
        return Verification(self.resources.store, export, table, self.resources.deadline)


def _completed(table: TableRun, verification: Verification) -> TableRun:
    verification.run()
    export = verification.export
    logger.info("export verified", table=table.table_name, items=export.item_count, files=len(export.files))
    return replace(
        verification.progress(table),
        status="COMPLETED",
        item_count=export.item_count,
        billed_size_bytes=export.billed_size_bytes,
        export_time=(export.export_time if isinstance(export, NativeExport) else None) or table.export_time,
        verification=verification.report(),
        warnings=(*table.warnings, *export.warnings, *verification.warnings),
        error=None,
    )


def _waiting_or_failed(table: TableRun, error: BaseException) -> TableRun:
    if is_transient(error):
        logger.warning("backup of a table has to wait", table=table.table_name, error=explain(error))
        return replace(table, error=explain(error))
    logger.error("backup of a table failed", table=table.table_name, error=explain(error), error_code=error_code(error))
    return replace(table, status="FAILED", error=explain(error))


def _iso_or_text(value: object) -> str:
    return iso(value) if isinstance(value, datetime) else str(value)
