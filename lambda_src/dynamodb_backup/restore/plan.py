"""Which backup of which table goes into which target: everything that can be refused before any data is read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from dynamodb_backup.archive.catalog import Catalog, StoredBackup
from dynamodb_backup.archive.export import NativeExport, read_export
from dynamodb_backup.archive.export_manifests import listing_digest
from dynamodb_backup.archive.incremental import IncrementalExport
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.errors import BackupDamaged, BackupNotFound, RequestRefused, ToolError
from dynamodb_backup.restore.chain_plan import ChainPlanner, follow, refuse_gaps
from dynamodb_backup.restore.state import FileState, TableState
from dynamodb_backup.restore.targets import convention_for
from dynamodb_backup.settings import Settings
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.verify.captured_keys import read_captured_keys

__all__ = ["Planner", "adopt", "fingerprint_of"]


class Planner:
    """Finds the backups of a request. What is wrong with one table fails that table alone."""

    def __init__(
        self,
        settings: Settings,
        store: ObjectStore,
        catalog: Catalog,
        scratch_definitions: Mapping[str, str] | None = None,
    ) -> None:
        self._scratch_definitions = scratch_definitions or {}
        self._settings = settings
        self._store = store
        self._catalog = catalog

    def plan(self, request: RestoreRequest, warnings: list[str]) -> list[TableState]:
        """Return one state per table, each planned or already FAILED.

        Raises
        ------
        BackupNotFound
            There is no such backup at all.
        RequestRefused
            ``target_tables`` names a source that the backup does not hold, two tables would go into one target, or the
            export is of another table.
        """
        if request.export:
            return [self._from_export(request)]
        if request.restore_to:
            return self._to_moment(request, request.restore_to, warnings)
        latest = request.backup_date == "latest"
        backups = self._newest(request, warnings) if latest else self._of_date(request)
        for source in request.target_tables:
            if source not in backups:
                held = ", ".join(backups)
                raise RequestRefused(
                    "target_tables", f"names source '{source}', which this backup does not hold; it holds {held}"
                )
        request.refuse_shared_targets(set(backups))
        return [self._from_backup(request, table, backup) for table, backup in backups.items()]

    def _to_moment(self, request: RestoreRequest, moment: str, warnings: list[str]) -> list[TableState]:
        tables = request.tables or tuple(dict.fromkeys((*self._settings.tables, *request.target_tables)))
        request.refuse_shared_targets(set(tables))
        layout = Layout(self._settings.exports_prefix)
        chains = ChainPlanner(self._store, layout, self._catalog, datetime.fromisoformat(moment))
        states = []
        for table in tables:
            state = TableState(source=table, target=request.target_of(table))
            none = f"table {table} has no full export from before {moment}"
            try:
                course = chains.course(table)
                if course is None and request.tables is None:
                    warnings.append(f"{none}, so it was not part of this restore")
                    continue
                if course is None:
                    raise BackupNotFound(none)
                known = refuse_gaps(table, course, moment, allow_gap=request.allow_gap)
                state = self._from_backup(request, table, course.backup)
                state.warnings += known
                follow(state, course, layout)
            except (ToolError, *AWS_ERRORS) as error:
                state.fail(explain(error))
            states.append(state)
        if not states:
            raise BackupNotFound(f"no table has a full export from before {moment}")
        return states

    def _of_date(self, request: RestoreRequest) -> dict[str, StoredBackup | ToolError]:
        manifest = self._catalog.on(request.backup_date)
        tables = request.tables or tuple(manifest.entries)
        if not tables:
            raise BackupNotFound(f"the backup of {request.backup_date} ({manifest.key}) holds no table")
        return {
            table: StoredBackup(manifest, manifest.entries[table])
            if table in manifest.entries
            else BackupNotFound(f"the backup of {request.backup_date} does not hold table {table}")
            for table in tables
        }

    def _newest(self, request: RestoreRequest, warnings: list[str]) -> dict[str, StoredBackup | ToolError]:
        if request.tables:
            newest = self._catalog.newest(request.tables)
            return {table: newest.backup_or_cause(table) for table in request.tables}
        newest, newest_manifest = self._catalog.newest_and_manifest(self._settings.tables)
        in_newest = newest_manifest.entries
        wanted = tuple(dict.fromkeys((*self._settings.tables, *in_newest)))
        # What a damaged manifest may name is not left out: it is FAILED.
        never = [one for one in wanted if not newest.damage and one not in newest.found and one not in in_newest]
        warnings += [
            f"table {table} has no COMPLETED backup at all, so it was not part of this restore" for table in never
        ]
        taken = [table for table in wanted if table not in never]
        if not taken:
            raise BackupNotFound(
                f"the newest manifest ({newest_manifest.key}) names no table, and no date holds a COMPLETED backup "
                "of a configured one"
            )
        return {table: newest.backup_or_cause(table) for table in taken}

    def _from_backup(self, request: RestoreRequest, table: str, backup: StoredBackup | ToolError) -> TableState:
        state = TableState(source=table, target=request.target_of(table))
        if isinstance(backup, ToolError):
            state.fail(explain(backup))
            return state
        state.backup_date = backup.manifest.backup_date
        convention = convention_for(request, self._settings)
        if not convention.allows(state.target):
            state.fail(convention.refusal(state.target))
        elif not backup.entry.completed:
            cause = backup.entry.text("error") or "no cause recorded"
            state.fail(
                f"the backup of {state.backup_date} of table {table} is {backup.entry.status}, not COMPLETED: {cause}"
            )
        else:
            try:
                self._locate(state, backup)
            except (ToolError, *AWS_ERRORS) as error:
                state.fail(explain(error))
        return state

    def _locate(self, state: TableState, backup: StoredBackup) -> None:
        export = self._catalog.open(backup)
        adopt(state, export)
        state.definition_key, state.definition_sha256 = backup.definition_key, backup.definition_sha256
        if state.source in self._scratch_definitions:
            state.definition_key, state.definition_sha256 = self._scratch_definitions[state.source], None
        keys, warning = self._captured_keys(state)
        state.source_keys = list(keys.attributes) if keys else None
        if warning:
            state.warnings.append(warning)

    def _from_export(self, request: RestoreRequest) -> TableState:
        bucket, _, root = (request.export or "").removeprefix("s3://").partition("/")
        (source,) = set(request.tables or request.target_tables)
        state = TableState(source=source, target=request.target_of(source))
        try:
            export = read_export(self._store.in_bucket(bucket), root.rstrip("/") + "/")
        except (ToolError, *AWS_ERRORS) as error:
            state.fail(explain(error))
            return state
        if export.table_name and export.table_name != source:
            raise RequestRefused(
                "tables" if request.tables else "target_tables",
                f"names '{source}', but the export is of table '{export.table_name}'; to restore it into another "
                f'table, give "target_tables": {{"{export.table_name}": "{request.target_of(source)}"}}',
            )
        adopt(state, export)
        return state

    def _captured_keys(self, state: TableState) -> tuple[KeySchema | None, str | None]:
        """Return the key schema captured with the backup, if it was, or a warning."""
        if state.definition_key is None:
            return None, None
        try:
            return read_captured_keys(self._store, state.definition_key, state.definition_sha256), None
        except BackupDamaged as error:
            return None, str(error)


def adopt(state: TableState, export: NativeExport) -> None:
    """Make an export the one that this table is restored from."""
    state.bucket, state.root = export.bucket, export.root
    state.items_expected = export.item_count
    state.fingerprint = fingerprint_of(export)
    state.files = [FileState() for _ in export.files]
    state.warnings += export.warnings


def fingerprint_of(export: NativeExport | IncrementalExport) -> str:
    """Return what tells whether an export's manifest is the same as in an earlier turn."""
    return listing_digest(export.files)
