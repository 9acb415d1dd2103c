"""Which stored backups a verification is about, each planned or already FAILED."""

from __future__ import annotations

from dynamodb_backup.archive.catalog import Catalog, StoredBackup
from dynamodb_backup.archive.export import NativeExport, read_export
from dynamodb_backup.archive.export_manifests import listing_digest
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.contract.verify import VerifyRequest
from dynamodb_backup.errors import BackupDamaged, BackupNotFound, RequestRefused, ToolError
from dynamodb_backup.verify.captured_keys import read_captured_keys
from dynamodb_backup.verify.state import FileVerification, TableVerificationState

__all__ = ["Chooser"]


class Chooser:
    """Finds the backups of a request. What is wrong with one table fails that table alone."""

    def __init__(self, store: ObjectStore, catalog: Catalog, configured: tuple[str, ...]) -> None:
        self._store = store
        self._catalog = catalog
        self._configured = configured

    def choose(self, request: VerifyRequest) -> list[TableVerificationState]:
        """Return one state per table.

        Raises
        ------
        BackupNotFound
            There is no such backup at all.
        BackupDamaged
            The date's manifest cannot be read.
        RequestRefused
            ``target_tables`` names a source that the backup does not hold, or the export is of another table.
        """
        if request.export:
            return [self._from_export(request)]
        backups = self._newest(request) if request.backup_date == "latest" else self._of_date(request)
        for source in request.target_tables:
            if source not in backups:
                held = ", ".join(backups)
                raise RequestRefused(
                    "target_tables", f"names source '{source}', which this backup does not hold; it holds {held}"
                )
        return [self._from_backup(request, table, backup) for table, backup in backups.items()]

    def _of_date(self, request: VerifyRequest) -> dict[str, StoredBackup | ToolError]:
        manifest = self._catalog.on(request.backup_date)
        tables = request.tables or tuple(manifest.entries)
        if not tables:
            raise BackupNotFound(f"the backup of {request.backup_date} ({manifest.key}) holds no table")
        entries = manifest.entries
        return {
            table: StoredBackup(manifest, entries[table])
            if table in entries
            else BackupNotFound(f"the backup of {request.backup_date} does not hold table {table}")
            for table in tables
        }

    def _newest(self, request: VerifyRequest) -> dict[str, StoredBackup | ToolError]:
        """Return each table's newest backup. A configured table without any is not left out: it is FAILED."""
        if request.tables:
            newest = self._catalog.newest(request.tables)
            return {table: newest.backup_or_cause(table) for table in request.tables}
        newest, manifest = self._catalog.newest_and_manifest(self._configured)
        wanted = dict.fromkeys((*self._configured, *manifest.entries))
        if not wanted:
            raise BackupNotFound(
                f"the newest manifest ({manifest.key}) names no table, and no table is configured, so there is nothing "
                "to verify"
            )
        return {table: newest.backup_or_cause(table) for table in wanted}

    def _from_backup(
        self, request: VerifyRequest, table: str, backup: StoredBackup | ToolError
    ) -> TableVerificationState:
        state = _planned(request, table)
        if isinstance(backup, ToolError):
            state.fail(explain(backup))
            return state
        state.backup_date = backup.manifest.backup_date
        if not backup.entry.completed:
            cause = backup.entry.text("error") or "no cause recorded"
            state.fail(
                f"the backup of {state.backup_date} of table {table} is {backup.entry.status}, not COMPLETED: {cause}"
            )
            return state
        try:
            _adopt(state, self._catalog.open(backup))
            state.stores_fingerprint = True
            self._note_captured_keys(state, backup)
        except (ToolError, *AWS_ERRORS) as error:
            state.fail(explain(error))
        return state

    def _note_captured_keys(self, state: TableVerificationState, backup: StoredBackup) -> None:
        key = backup.definition_key
        if key is None:
            return
        try:
            keys = read_captured_keys(self._store, key, backup.definition_sha256)
        except BackupDamaged as error:
            state.warnings.append(str(error))
        else:
            state.source_keys = list(keys.attributes)

    def _from_export(self, request: VerifyRequest) -> TableVerificationState:
        bucket, _, root = (request.export or "").removeprefix("s3://").partition("/")
        named = next(iter({*(request.tables or ()), *request.target_tables}), None)
        state = _planned(request, named or "")
        try:
            export = read_export(self._store.in_bucket(bucket), root.rstrip("/") + "/")
        except (ToolError, *AWS_ERRORS) as error:
            state.fail(explain(error))
            return state
        if named and export.table_name and export.table_name != named:
            raise RequestRefused(
                "tables" if request.tables else "target_tables",
                f"names '{named}', but the export is of table '{export.table_name}'",
            )
        if named is None:
            state = _planned(request, export.table_name or "")
        _adopt(state, export)
        return state


def _planned(request: VerifyRequest, table: str) -> TableVerificationState:
    return TableVerificationState(table, request.target_of(table) if request.against == "table" else None)


def _adopt(state: TableVerificationState, export: NativeExport) -> None:
    state.bucket, state.root = export.bucket, export.root
    state.items_expected = export.item_count
    state.listing = listing_digest(export.files)
    state.files = [FileVerification() for _ in export.files]
    state.warnings += export.warnings
