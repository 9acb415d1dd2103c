"""Looks at each backup in the queue until it is AVAILABLE or lost, and concludes runs that are complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from dynamodb_backup.aws import OnDemandClients
from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.errors import ToolError
from dynamodb_backup.ondemand.alerts import alert
from dynamodb_backup.ondemand.retention import expire
from dynamodb_backup.ondemand.watch import Watch
from dynamodb_backup.settings import OnDemandSettings
from dynamodb_backup.table.on_demand_backup import OnDemandBackup, describe_backup, list_all_backups
from dynamodb_backup.table.on_demand_names import BackupNames
from dynamodb_backup.telemetry import emit, logger
from dynamodb_backup.timing import Clock, Deadline, utc_now

__all__ = ["Monitor"]

CLOCKS_DIFFER = timedelta(minutes=10)


class Monitor:
    """The use case with everything it needs. It keeps no state: messages and DynamoDB's list of backups say it all."""

    def __init__(
        self, settings: OnDemandSettings, clients: OnDemandClients, deadline: Deadline, clock: Clock = utc_now
    ) -> None:
        self._settings = settings
        self._clients = clients
        self._deadline = deadline
        self._clock = clock
        self._names = BackupNames(settings.name_prefix)

    def execute(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        """Look at the backups of a batch of messages and return the ids of those that must come again.

        The order of messages does not matter, nor does a message that comes twice: each is judged by what DynamoDB says
        now.
        """
        failed: list[str] = []
        complete: dict[str, tuple[Watch, list[str]]] = {}
        for record in records:
            message_id = str(record["messageId"])
            try:
                watch = Watch.parse(record["body"])
                if self._check(watch):
                    complete.setdefault(watch.backup_name, (watch, []))[1].append(message_id)
            except (ToolError, *AWS_ERRORS) as error:
                logger.error("a watched backup could not be looked at", message_id=message_id, error=explain(error))
                failed.append(message_id)
        for watch, message_ids in complete.values():
            try:
                self._conclude(watch)
            except (ToolError, *AWS_ERRORS) as error:
                logger.error("a run could not be concluded", backup_name=watch.backup_name, error=explain(error))
                failed += message_ids
        return failed

    def _check(self, watch: Watch) -> bool:
        """Tell whether a backup is AVAILABLE; send it back while it is CREATING, and tell of one that is lost."""
        if watch.table not in self._settings.tables:
            logger.warning("table is no longer among the tables, so its backup is not watched", table=watch.table)
            return False
        description = describe_backup(self._clients.dynamodb, watch.backup_arn)
        backup = OnDemandBackup.of(description["BackupDetails"]) if description else None
        if backup and backup.available:
            logger.info("on-demand backup available", table=watch.table, backup_arn=watch.backup_arn)
            emit({"OnDemandBackupAvailable": 1}, environment=self._settings.environment, table=watch.table)
            return True
        if backup is None or backup.status != "CREATING":
            status = backup.status if backup else "gone"
            self._alert(
                watch,
                f"table {watch.table}: its backup {watch.backup_arn} is {status}: "
                "somebody deleted it, or DynamoDB gave it up",
            )
            return False
        hours = self._settings.alert_after_hours
        if self._clock() - backup.created_at > timedelta(hours=hours):
            self._alert(
                watch,
                f"table {watch.table}: its backup {watch.backup_arn} is still CREATING after {hours} hours, and is not "
                "watched any longer",
            )
            return False
        watch.checked().send(self._clients.sqs, self._settings.queue_url)
        return False

    def _alert(self, watch: Watch, line: str) -> None:
        environment = self._settings.environment
        subject = f"On-demand backup failed: {watch.backup_name}"
        alert(self._clients.sns, self._settings.topic_arn, environment, subject, [line])

    def _conclude(self, watch: Watch) -> None:
        """Delete what a run has superseded, once every one of its tables is AVAILABLE; before that, nothing."""
        found: dict[str, OnDemandBackup] = {}
        for backup in list_all_backups(self._clients.dynamodb, watch.run_began_at - CLOCKS_DIFFER):
            if backup.name == watch.backup_name and backup.available:
                found.setdefault(backup.table, backup)
        missing = [table for table in watch.tables if table not in found]
        if missing:
            logger.info("run is not complete", backup_name=watch.backup_name, tables=missing)
            return
        older_than = self._clock() - timedelta(days=self._settings.retention_days)
        # Asked for all at once: five ListBackups a second are taken, and there may be hundreds of tables.
        known: dict[str, list[OnDemandBackup]] = {}
        for backup in list_all_backups(self._clients.dynamodb, None, self._deadline):
            known.setdefault(backup.table, []).append(backup)
        deleted = sum(
            expire(self._clients.dynamodb, self._names, known[table], found[table], older_than, self._deadline)
            for table in watch.tables
            if table in self._settings.tables
        )
        logger.info("run is complete", backup_name=watch.backup_name, tables=len(watch.tables), expired=deleted)
