"""``native_export``: DynamoDB exports the table by itself; it needs point-in-time recovery and no read capacity."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dynamodb_backup.backup.methods.method import Resources, Standing
from dynamodb_backup.backup.record import RunRecord, TableRun
from dynamodb_backup.errors import ExportRefused, ToolError
from dynamodb_backup.table.export_job import TOKEN_VALID, ExportDestination, ExportJob, describe_export, start_export
from dynamodb_backup.telemetry import logger

__all__ = ["NativeExportMethod"]


@dataclass(frozen=True)
class NativeExportMethod:
    """Starts DynamoDB's export once, and asks how it stands."""

    resources: Resources

    def start(self, run: RunRecord, table: TableRun) -> TableRun:
        """Start the export; the run's token makes it happen once, however often it is asked for.

        Raises
        ------
        ExportRefused
            DynamoDB will not start it, or would no longer recognise that it has.
        """
        if run.age(self.resources.clock()) > TOKEN_VALID:
            raise ExportRefused(
                f"the export of table {table.table_name} could not be started within {TOKEN_VALID}, "
                "after which DynamoDB no longer recognises a repeated start; the next run exports the table"
            )
        settings = self.resources.settings
        destination = ExportDestination(
            bucket=settings.bucket,
            prefix=self.resources.layout.export_prefix(run.backup_date, table.table_name),
            kms_key_id=settings.export_kms_key_id,
            bucket_owner=settings.bucket_owner,
        )
        token = run.client_token(destination.bucket, destination.prefix, table.table_name)
        arn = start_export(self.resources.clients.dynamodb, table.table_arn or "", destination, token)
        logger.info("export started", table=table.table_name, export_arn=arn, run_id=run.run_id)
        return replace(table, status="IN_PROGRESS", export_arn=arn, error=None)

    def advance(self, run: RunRecord, table: TableRun) -> Standing:  # noqa: ARG002 - the ARN says it all
        """Ask DynamoDB how the export stands.

        Raises
        ------
        ToolError
            It failed, in DynamoDB's words.
        """
        job = describe_export(self.resources.clients.dynamodb, table.export_arn or "")
        if job.status == "IN_PROGRESS":
            return Standing(replace(table, error=None), written=False)
        if job.status != "COMPLETED":
            raise ToolError(f"DynamoDB's export failed: {job.failure}")
        return Standing(_described(table, job), written=True)


def _described(table: TableRun, job: ExportJob) -> TableRun:
    return replace(
        table,
        export_time=job.export_time or table.export_time,
        start_time=job.start_time,
        end_time=job.end_time,
        item_count=job.item_count,
        billed_size_bytes=job.billed_size_bytes,
    )
