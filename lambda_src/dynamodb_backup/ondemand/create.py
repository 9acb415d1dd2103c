"""One run: a backup of every selected table is begun once, and handed to the monitor by a message."""

from __future__ import annotations

from dataclasses import dataclass

from dynamodb_backup.aws import OnDemandClients
from dynamodb_backup.aws_errors import AWS_ERRORS, error_code, explain, is_transient
from dynamodb_backup.contract.on_demand import OnDemandRequest, OnDemandResult, RequestedBackup
from dynamodb_backup.errors import ConfigurationError
from dynamodb_backup.ondemand.watch import Watch
from dynamodb_backup.settings import OnDemandSettings
from dynamodb_backup.table.on_demand_backup import OnDemandBackup, create_backup, list_backups
from dynamodb_backup.table.on_demand_names import BackupNames, run_id_of_request, run_id_of_time
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import Clock, Deadline, backoff_seconds, iso, utc_now

__all__ = ["OnDemandRun"]

PASSING_STATES = {"BackupInUseException", "ContinuousBackupsUnavailableException", "TableInUseException"}
"""The table is busy with another backup, being changed, or so new that DynamoDB cannot back it up yet."""


@dataclass
class _Table:
    """A table on its way. ``cause`` is why it has to wait."""

    name: str
    backup: OnDemandBackup | None = None
    handed_over: bool = False
    failure: str | None = None
    cause: str = "the time of the function ended before it was this table's turn"

    @property
    def open(self) -> bool:
        return not self.handed_over and self.failure is None


class OnDemandRun:
    """The use case with everything it needs. Its only state is DynamoDB's own list of backups."""

    def __init__(
        self, settings: OnDemandSettings, clients: OnDemandClients, deadline: Deadline, clock: Clock = utc_now
    ) -> None:
        self._settings = settings
        self._clients = clients
        self._deadline = deadline
        self._began = clock()

    def execute(self, request: OnDemandRequest, request_id: str) -> OnDemandResult:
        """Begin the backups of a run, or those that it lacks.

        Parameters
        ----------
        request_id
            Lambda's id of the request, which stays the same when Lambda repeats it.

        Raises
        ------
        ConfigurationError
            No table is configured, or one is outside the naming convention.
        """
        self._refuse_tables_outside_convention(request)
        run_id = request.run_id or (run_id_of_time(request.moment) if request.moment else run_id_of_request(request_id))
        name = BackupNames(self._settings.name_prefix).of_run(run_id)
        logger.info("on-demand run began", run_id=run_id, backup_name=name, tables=len(request.tables))
        of_all = request.tables == self._settings.tables
        again = f'with {{"run_id": "{run_id}"}}' if of_all else "with the same event"
        tables = [_Table(table) for table in request.tables]
        pauses = backoff_seconds(first=1.0, longest=30.0)
        while waiting := [table for table in tables if table.open]:
            for table in waiting:
                if not self._deadline.passed():
                    self._advance(table, name, request.tables)
            if self._deadline.passed():
                break
            if any(table.open for table in tables):
                self._deadline.sleep(next(pauses))
        return OnDemandResult(
            environment=self._settings.environment,
            run_id=run_id,
            backup_name=name,
            tables=tuple(_outcome(table, again) for table in tables),
        )

    def _refuse_tables_outside_convention(self, request: OnDemandRequest) -> None:
        if not self._settings.tables:
            raise ConfigurationError("DYNAMODB_TABLES", "names no table, so there is nothing to back up")
        for table in request.tables:
            if not self._settings.convention.allows(table):
                raise ConfigurationError("DYNAMODB_TABLES", f"is wrong: {self._settings.convention.refusal(table)}")

    def _advance(self, table: _Table, name: str, run_tables: tuple[str, ...]) -> None:
        """Take a table as far as it goes now. Its trouble stops no other table."""
        try:
            if table.backup is None:
                table.backup = self._find_or_create(table.name, name)
            self._watch(table.backup, run_tables).send(self._clients.sqs, self._settings.queue_url)
            table.handed_over = True
        except AWS_ERRORS as error:
            table.cause = explain(error)
            if not is_transient(error) and error_code(error) not in PASSING_STATES:
                table.failure = _advice(error_code(error), table.name) or explain(error)
            logger.warning("on-demand backup of a table has to wait or failed", table=table.name, error=explain(error))

    def _find_or_create(self, table: str, name: str) -> OnDemandBackup:
        """Return the run's backup of a table. It is looked for first: CreateBackup has no client token."""
        for backup in list_backups(self._clients.dynamodb, table):
            if backup.name == name and backup.status != "DELETED":
                logger.info("on-demand backup found", table=table, backup_arn=backup.arn, status=backup.status)
                return backup
        backup = create_backup(self._clients.dynamodb, table, name)
        logger.info("on-demand backup began", table=table, backup_arn=backup.arn)
        return backup

    def _watch(self, backup: OnDemandBackup, run_tables: tuple[str, ...]) -> Watch:
        return Watch(
            table=backup.table,
            backup_arn=backup.arn,
            backup_name=backup.name,
            tables=run_tables,
            run_began=iso(min(self._began, backup.created_at)),
        )


def _advice(code: str, table: str) -> str | None:
    if code in {"TableNotFoundException", "ResourceNotFoundException"}:
        return f"table {table} does not exist; take it out of the module's tables, or create it again"
    return None


def _outcome(table: _Table, again: str) -> RequestedBackup:
    arn = table.backup.arn if table.backup else None
    if table.handed_over and table.backup:
        return RequestedBackup(table.name, table.backup.status, arn)
    if arn:
        cause = table.failure or table.cause
        error = f"its backup began, but nobody watches it ({cause}); invoke the function again {again}"
    elif table.failure:
        error = table.failure
    else:
        error = f"its backup could not begin in time ({table.cause}); invoke the function again {again}"
    return RequestedBackup(table.name, "FAILED", arn, error)
