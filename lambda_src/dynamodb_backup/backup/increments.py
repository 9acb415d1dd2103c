"""One table of a run of incremental exports: window after window, each verified before its chain counts it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

from botocore.exceptions import ClientError

from dynamodb_backup.archive.chain import Chain, Window
from dynamodb_backup.archive.chains import Chains
from dynamodb_backup.archive.export_manifests import files_digest
from dynamodb_backup.archive.incremental import IncrementalExport, read_incremental
from dynamodb_backup.archive.layout import EXPORT_FOLDER, export_id_of
from dynamodb_backup.archive.store import MOST_WRITE_CONFLICTS
from dynamodb_backup.aws_errors import error_code, is_transient
from dynamodb_backup.backup.chain_steps import ChainSteps, ExportFull, ExportWindow, NothingYet
from dynamodb_backup.backup.methods.method import Resources
from dynamodb_backup.backup.record import PENDING, RunRecord, TableRun
from dynamodb_backup.backup.verification import Verification
from dynamodb_backup.errors import BackupDamaged, ExportRefused, TimeIsUp, ToolError, WriteConflict
from dynamodb_backup.table.definition import describe
from dynamodb_backup.table.export_job import TOKEN_VALID, ExportDestination, describe_export, start_export
from dynamodb_backup.table.recovery import restorable
from dynamodb_backup.telemetry import logger

__all__ = ["Increments"]

ROUNDING = timedelta(seconds=1)


class Increments:
    """Exports the changes of single tables. May be called again after a crash, and by two invocations at once."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._chains = Chains(resources.store, resources.layout)
        self._steps = ChainSteps(resources)

    def start(self, run: RunRecord, table: TableRun) -> TableRun:
        """Take the table's next step: start a window's export, find that a full one is needed, or that all is done.

        Raises
        ------
        ExportRefused
            There is no such table, point-in-time recovery is off, or DynamoDB will not export the window.
        WriteConflict
            Others write the chain again and again.
        """
        name = table.table_name
        if table.method != "native_export":
            warning = (
                f"nothing was exported of table {name}: its backups are made by {table.method}, without increments"
            )
            return replace(table, status="COMPLETED", warnings=(*table.warnings, warning))
        try:
            description = describe(self._resources.clients.dynamodb, name)
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                raise ExportRefused(f"table {name} does not exist") from error
            raise
        recovery = restorable(self._resources.clients.dynamodb, name)
        step = self._steps.next(run, table, description.get("TableId"), recovery)
        table = replace(table, table_arn=description["TableArn"], error=None)
        match step:
            case ExportFull(reason):
                logger.info("a full export is needed", table=name, reason=reason)
                warning = f"a full export of table {name} was made in place of an incremental one: {reason}"
                return replace(table, full_because=reason, warnings=(*table.warnings, warning))
            case NothingYet(covered_until):
                return _finished(table, covered_until)
            case ExportWindow(chain, window):
                return self._started(table, chain, window)

    def follow(self, run: RunRecord, table: TableRun) -> TableRun:  # noqa: ARG002 - the table's state says it all
        """Look how the window's export stands; one that is written is verified and added to its chain.

        Raises
        ------
        ToolError
            The export failed, or what it wrote is damaged. The window counts as failed; a later run exports it again.
        """
        window = Window.from_dict(table.window or {})
        verification = None
        try:
            job = describe_export(self._resources.clients.dynamodb, table.export_arn or "")
            if job.status == "IN_PROGRESS":
                return replace(table, error=None)
            if job.status != "COMPLETED":
                raise ToolError(f"DynamoDB's export failed: {job.failure}")
            export = self._verifiable(table, window, job.item_count)
            verification = Verification(self._resources.store, export, table, self._resources.deadline)
            verification.run()
        except TimeIsUp:
            return verification.progress(table) if verification else table
        except ToolError as error:
            if not is_transient(error):
                self._settle(table, replace(window, status="FAILED", export_arn=table.export_arn, error=str(error)))
            raise
        done = replace(
            window,
            status="COMPLETED",
            export_arn=table.export_arn,
            export_manifest=f"{export.root}manifest-summary.json",
            item_count=export.item_count,
            billed_size_bytes=export.billed_size_bytes,
            warnings=(*export.warnings, *_rounding(export, window)),
            files_sha256=files_digest(export.files),
        )
        self._settle(table, done)
        logger.info("increment verified", table=table.table_name, window=done.start, until=done.end)
        return _next(table, done)

    def _started(self, table: TableRun, chain: Chain, window: Window) -> TableRun:
        if self._resources.clock() - datetime.fromisoformat(window.reserved_at) > TOKEN_VALID:
            problem = (
                f"the export of table {table.table_name} from {window.start} to {window.end} could not be started "
                f"within {TOKEN_VALID}; the next run starts it anew"
            )
            self._change(chain, replace(window, status="FAILED", error=problem))
            raise ExportRefused(problem)
        settings = self._resources.settings
        destination = ExportDestination(
            bucket=settings.bucket,
            prefix=window.s3_prefix,
            kms_key_id=settings.export_kms_key_id,
            bucket_owner=settings.bucket_owner,
        )
        # The reserving run's id: whoever goes on with the window asks for the same export.
        parts = (destination.bucket, window.s3_prefix, window.run_id, table.table_name, window.start, window.end)
        token = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:36]
        period = (window.starts, window.ends)
        try:
            arn = start_export(
                self._resources.clients.dynamodb, table.table_arn or "", destination, token, window=period
            )
        except ExportRefused as error:
            self._change(chain, replace(window, status="FAILED", error=str(error)))
            raise
        logger.info("increment started", table=table.table_name, export_arn=arn, window=window.start, until=window.end)
        return replace(
            table, status="IN_PROGRESS", export_arn=arn, chain_id=chain.chain_id, window=window.to_dict(), error=None
        )

    def _verifiable(self, table: TableRun, window: Window, item_count: int | None) -> IncrementalExport:
        root = f"{window.s3_prefix}/{EXPORT_FOLDER}{export_id_of(table.export_arn or '')}/"
        export = read_incremental(self._resources.store, root)
        place = f"manifest-summary.json of s3://{export.bucket}/{root}"
        if export.export_arn not in {None, table.export_arn} or export.table_name not in {None, table.table_name}:
            raise BackupDamaged(
                f"{place} describes export {export.export_arn} of table {export.table_name}, "
                f"not export {table.export_arn} of table {table.table_name}"
            )
        start, end = datetime.fromisoformat(export.from_time), datetime.fromisoformat(export.to_time)
        if end != window.ends or not timedelta(0) <= window.starts - start < ROUNDING:
            raise BackupDamaged(
                f"{place} has the window from {export.from_time} to {export.to_time}, "
                f"but the one from {window.start} to {window.end} was asked for"
            )
        if item_count is not None and item_count != export.item_count:
            raise BackupDamaged(f"DescribeExport counts {item_count} items, {place} {export.item_count}")
        return export

    def _settle(self, table: TableRun, window: Window) -> None:
        """Record in the chain what became of a window, unless another invocation has done so."""
        chain = self._chains.find(table.table_name, table.chain_id or "")
        if chain is None:
            raise BackupDamaged(f"the chain record of table {table.table_name} that held a window is gone")
        self._change(chain, window)

    def _change(self, chain: Chain, window: Window) -> None:
        for _ in range(MOST_WRITE_CONFLICTS):
            standing = next((one for one in chain.windows if one.is_same(window)), None)
            if standing is None or standing.status == "COMPLETED":
                return
            try:
                self._chains.save(chain.with_window(window))
            except WriteConflict:
                chain = self._chains.find(chain.table_name, chain.chain_id) or chain
            else:
                return
        raise WriteConflict(f"{chain.key} is written by others again and again")


def _rounding(export: IncrementalExport, window: Window) -> list[str]:
    if datetime.fromisoformat(export.from_time) == window.starts:
        return []
    warning = (
        f"DynamoDB began the window of {window.start} at {export.from_time}: an item that was inserted in between and "
        f"deleted before {window.end} stands in a restore to any later time"
    )
    return [warning]


def _next(table: TableRun, done: Window) -> TableRun:
    """Return the table as one whose next step is to be taken."""
    entry = {**done.to_dict(), "chain_id": table.chain_id}
    return replace(
        table,
        status=PENDING,
        export_arn=None,
        window=None,
        windows=(*table.windows, entry),
        warnings=(*table.warnings, *done.warnings),
        checked_files=0,
        checked_bytes=0,
        parsed_files=0,
        parsing={},
        error=None,
    )


def _finished(table: TableRun, covered_until: str) -> TableRun:
    warnings = table.warnings
    if not table.windows:
        nothing = (
            f"nothing was exported of table {table.table_name}: its changes are backed up until {covered_until}, and "
            "the next window is not 15 minutes long yet"
        )
        warnings = (*warnings, nothing)
    return replace(
        table,
        status="COMPLETED",
        item_count=sum(window["item_count"] or 0 for window in table.windows),
        billed_size_bytes=sum(window["billed_size_bytes"] or 0 for window in table.windows),
        verification={"windows": len(table.windows)} if table.windows else None,
        warnings=warnings,
    )
