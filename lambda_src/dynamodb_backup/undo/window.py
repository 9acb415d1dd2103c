"""The incremental export of one window: taken once for all undos of it, a dry run's as well as the real one's."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dynamodb_backup.archive.layout import EXPORT_FOLDER, export_id_of
from dynamodb_backup.aws_errors import error_code, explain
from dynamodb_backup.errors import ExportRefused, ToolError
from dynamodb_backup.table.export_job import ExportDestination, describe_export, start_export
from dynamodb_backup.telemetry import logger
from dynamodb_backup.turns.means import Means

__all__ = ["WindowExport"]


@dataclass(frozen=True)
class WindowExport:
    """The export of one table's changes in one window. A record in S3 keeps its ARN, and how many of it failed."""

    means: Means
    table: str
    window: tuple[datetime, datetime]

    def start(self, table_arn: str) -> str:
        """Return the ARN of the export, which is started unless an earlier undo has done so.

        Raises
        ------
        ExportRefused
            DynamoDB will not start it.
        """
        record = self._read()
        if record.get("export_arn"):
            return str(record["export_arn"])
        arn = self._start(table_arn, int(record.get("failures", 0)))
        self._write(arn, int(record.get("failures", 0)))
        logger.info("export of a window started", table=self.table, export_arn=arn)
        return arn

    def root(self, arn: str) -> str | None:
        """Return where the export lies; ``None`` while DynamoDB is at it.

        Raises
        ------
        ToolError
            It failed, in DynamoDB's words. The next undo of this window starts another.
        """
        job = describe_export(self.means.clients.dynamodb, arn)
        if job.status == "IN_PROGRESS":
            return None
        if job.status != "COMPLETED":
            self._write(None, int(self._read().get("failures", 0)) + 1)
            raise ToolError(f"DynamoDB's export of the window failed: {job.failure}")
        return f"{self._prefix}/{EXPORT_FOLDER}{export_id_of(arn)}/"

    @property
    def _name(self) -> str:
        begin, end = self.window
        return f"{begin:%Y%m%dT%H%M%SZ}_{end:%Y%m%dT%H%M%SZ}"

    @property
    def _prefix(self) -> str:
        return self.means.layout.window_prefix(self._name, self.table)

    def _start(self, table_arn: str, failures: int) -> str:
        destination = ExportDestination(
            bucket=self.means.settings.bucket,
            prefix=self._prefix,
            kms_key_id=self.means.settings.export_kms_key_id,
            bucket_owner=self.means.settings.bucket_owner,
        )
        # The same token gives the same export, also a failed one, so each attempt has its own.
        identity = "\n".join((destination.bucket, self._prefix, table_arn, str(failures)))
        token = hashlib.sha256(identity.encode()).hexdigest()[:36]
        try:
            return start_export(self.means.clients.dynamodb, table_arn, destination, token, self.window)
        except ExportRefused as error:
            cause = error.__cause__
            if cause is not None and error_code(cause) == "InvalidExportTimeException":
                raise ExportRefused(
                    f"DynamoDB cannot export this window of table {self.table} ({explain(error)}): it must be 15 "
                    "minutes to 24 hours long, and lie within point-in-time recovery, which ends about 5 minutes ago"
                ) from error
            raise

    def _read(self) -> dict[str, Any]:
        stored = self.means.store.find(self.means.layout.window(self._name, self.table))
        return dict(json.loads(stored.body)) if stored else {}

    def _write(self, arn: str | None, failures: int) -> None:
        record = {"export_arn": arn, "failures": failures}
        self.means.store.put(self.means.layout.window(self._name, self.table), json.dumps(record).encode())
