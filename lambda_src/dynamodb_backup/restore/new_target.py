"""A target table that the restore makes itself: created first and written like any other, or imported by DynamoDB."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from dynamodb_backup.archive.captured_definition import read_definition
from dynamodb_backup.archive.export import NativeExport
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws import Clients
from dynamodb_backup.aws_errors import error_code
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.errors import BackupDamaged, ObjectChanged, TimeIsUp, ToolError
from dynamodb_backup.restore.state import TableState
from dynamodb_backup.table.creation import RESTORING_TAG, create_table, creation_parameters, import_parameters
from dynamodb_backup.table.definition import describe
from dynamodb_backup.table.import_job import describe_import, exists_already, start_import
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.table.settings_again import SettingsAgain, wait_until_active
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import Deadline, backoff_seconds

__all__ = ["NewTarget"]


class NewTarget:
    """Makes one table's target, if the request asks for it: ``create_missing_tables``, or ``method`` "import"."""

    def __init__(
        self,
        clients: Clients,
        records: ObjectStore,
        request: RestoreRequest,
        restore_id: str,
        state: TableState,
        deadline: Deadline,
    ) -> None:
        self._client = clients.dynamodb
        self._records = records
        self._request = request
        self._restore_id = restore_id
        self._state = state
        self._deadline = deadline
        self._read_definition: dict[str, Any] | None = None

    @property
    def _is_imported(self) -> bool:
        return self._request.method == "import"

    def keys_of_missing_target(self) -> KeySchema | None:
        """Return the key schema that the target will have; ``None`` if it is there, or not to be made.

        What can be refused is refused here, before anything is written.

        Raises
        ------
        TargetUnusable
            The target of an import exists already.
        UnsupportedExport
            The table cannot be imported.
        BackupDamaged
            The captured definition is missing, altered or malformed.
        """
        state = self._state
        if not self._request.makes_targets:
            return None
        status = self._status()
        if self._is_imported:
            # If it was missing in an earlier turn, that one has perhaps begun the import and died before it was noted:
            # then the same token gives the same import, and if it is somebody else's table DynamoDB refuses.
            if status is not None and state.import_arn is None and not state.creates_target:
                raise exists_already(state.target)
        elif status not in {None, "CREATING"}:
            return None
        self._parameters()
        state.creates_target = True
        return KeySchema.of(self._definition["Table"])

    def create(self) -> bool:
        """Create the table where it is missing and wait until it takes writes; ``False`` means that time was up."""
        state = self._state
        try:
            if self._status() is None:
                create_table(self._client, self._parameters(), self._restore_id)
                logger.info("target table created", table=state.source, target=state.target)
            description = wait_until_active(self._client, state.target, self._deadline)
        except TimeIsUp as waiting:
            state.error = str(waiting)
            return False
        # A restore that died had perhaps created it: then the mark is there, and the settings are still to be put on.
        tags = self._client.list_tags_of_resource(ResourceArn=description["TableArn"]).get("Tags", [])
        state.creates_target = any(tag["Key"] == RESTORING_TAG for tag in tags)
        return True

    def import_items(self, export: NativeExport) -> bool:
        """Let DynamoDB import the verified data files into a new table; ``False`` means that time was up.

        Raises
        ------
        ToolError
            The import failed, or did not import exactly what the manifest counts, or from other files.
        """
        state = self._state
        if state.import_arn is None:
            self._refuse_strangers(export)
            token = hashlib.sha256(f"{self._restore_id}\n{state.target}".encode()).hexdigest()[:36]
            parameters = self._parameters()
            state.import_arn = start_import(self._client, export.bucket, _data_folder(export), parameters, token)
            logger.info("import started", table=state.source, target=state.target, import_arn=state.import_arn)
        pauses = backoff_seconds(first=0.5, longest=15.0)
        while (job := describe_import(self._client, state.import_arn)).going_on:
            if self._deadline.passed():
                state.error = f"DynamoDB is importing table {state.target}"
                return False
            self._deadline.sleep(next(pauses))
        state.items_written = job.imported_items
        if job.failure or job.errors or job.imported_items != state.items_expected:
            raise ToolError(
                f"DynamoDB imported {job.imported_items} of {state.items_expected} items into the new table "
                f"{state.target} ({job.failure or job.status}, {job.errors} errors; see {job.arn}); "
                "do not use that table: delete it"
            )
        # DynamoDB has read the files after our verification, by their names alone.
        replaced = self._replaced(export, self._records.in_bucket(export.bucket).etags(_data_folder(export)))
        if replaced:
            raise ToolError(
                f"s3://{export.bucket}/{replaced[0]} was replaced while DynamoDB imported it into the new table "
                f"{state.target}; do not use that table: delete it"
            )
        for file in state.files:
            file.written = True
        return True

    def settle(self) -> bool:
        """Give a table that this restore made the settings of the source; ``False`` means that time was up."""
        state = self._state
        if not state.creates_target:
            return True
        settings = SettingsAgain(
            self._client, self._definition, state.target, state.settings_done, state.warnings, self._deadline
        )
        try:
            settings.apply()
        except TimeIsUp as waiting:
            state.error = str(waiting)
            return False
        state.warnings += settings.not_set_again()
        return True

    def _status(self) -> str | None:
        """Return the target's status, such as ACTIVE; ``None`` if there is no such table."""
        try:
            return str(describe(self._client, self._state.target).get("TableStatus", "ACTIVE"))
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return None
            raise

    def _parameters(self) -> dict[str, Any]:
        make = import_parameters if self._is_imported else creation_parameters
        try:
            parameters = make(self._definition, self._state.target, self._client.meta.region_name)
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise self._not_creatable(f"the definition of table {self._state.source} lacks {error}") from error
        warm = self._request.warm_write_units_per_second
        if warm and not self._is_imported:
            parameters["WarmThroughput"] = {"WriteUnitsPerSecond": warm}
        return parameters

    @property
    def _definition(self) -> dict[str, Any]:
        if self._read_definition is None:
            key = self._state.definition_key
            if key is None:
                raise self._not_creatable(
                    f"the definition of table {self._state.source} was not captured with this backup"
                )
            try:
                self._read_definition = read_definition(self._records, key, self._state.definition_sha256)
            except BackupDamaged as error:
                raise self._not_creatable(str(error)) from error
        return self._read_definition

    def _not_creatable(self, problem: str) -> BackupDamaged:
        return BackupDamaged(
            f"target table {self._state.target} does not exist and cannot be created: {problem}; create the target "
            "first, with the backup's keys"
        )

    def _replaced(self, export: NativeExport, present: Mapping[str, str]) -> list[str]:
        """Return the data files of which other objects than the verified ones are there, or none any more."""
        verified = zip(export.files, self._state.files, strict=True)
        return [file.key for file, known in verified if present.get(file.key) != known.verified.etag]

    def _refuse_strangers(self, export: NativeExport) -> None:
        """Refuse to import a folder that holds anything but the verified objects: an import takes whatever is there."""
        folder = _data_folder(export)
        verified = {file.key for file in export.files}
        present = self._records.in_bucket(export.bucket).etags(folder)
        strangers = sorted(set(present) - verified)
        outside = sorted(key for key in verified if not key.startswith(folder))
        if strangers or outside:
            raise BackupDamaged(
                f"s3://{export.bucket}/{folder} cannot be imported: it holds {len(strangers)} objects that the "
                f"manifest does not list, and {len(outside)} of the manifest's lie elsewhere; the first is "
                f"{[*strangers, *outside][0]}; "
                'restore without "method": "import"'
            )
        replaced = self._replaced(export, present)
        if replaced:
            raise ObjectChanged(f"s3://{export.bucket}/{replaced[0]} was replaced after it had been verified")


def _data_folder(export: NativeExport) -> str:
    return f"{export.root}data/"
