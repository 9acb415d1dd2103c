"""What one recovery point holds of the wanted items, shown only if every data file that was read is whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from dynamodb_backup.archive.catalog import Catalog, StoredBackup
from dynamodb_backup.archive.chains import read_window
from dynamodb_backup.archive.datafile import item_of
from dynamodb_backup.archive.export import DataFile
from dynamodb_backup.archive.incremental import Change, IncrementalExport, change_of
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws import Clients
from dynamodb_backup.catalog.points import Increment
from dynamodb_backup.catalog.reading import Reading, Room
from dynamodb_backup.contract.history import ItemVersion, WrittenVersion
from dynamodb_backup.contract.selection import TypedKey
from dynamodb_backup.errors import BackupDamaged, RequestRefused, TargetUnusable, TimeIsUp
from dynamodb_backup.pool import run_workers
from dynamodb_backup.table.definition import target_key_schema
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.timing import Deadline
from dynamodb_backup.verify.captured_keys import read_captured_keys
from dynamodb_backup.verify.fingerprint import item_digest
from dynamodb_backup.verify.lookup import WantedKeys, files_to_read, refuse_other_keys
from dynamodb_backup.verify.stored_backup import FileProgress, verify_file

__all__ = ["VersionReader"]

PARALLEL_FILES = 5
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class VersionReader:
    """Looks for the same items in one recovery point of a table after another."""

    def __init__(
        self, store: ObjectStore, catalog: Catalog, clients: Clients, table: str, keys: Sequence[TypedKey]
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._clients = clients
        self._table = table
        self._keys = keys
        self._schemas: dict[str | None, KeySchema] = {}

    def read_full(self, backup: StoredBackup, start: int, room: Room, deadline: Deadline) -> Reading:
        """Read every data file of a full backup that may hold one of the keys, whole.

        Raises
        ------
        RequestRefused
            The keys are not of the primary key that the table had.
        BackupNotFound, BackupDamaged, UnsupportedExport, ReadInterrupted, ObjectArchived, TargetUnusable
            The backup cannot be read.
        TimeIsUp
            The deadline came first.
        """
        date = backup.manifest.backup_date
        wanted, places = self._wanted(self._schema_of(backup))
        export = self._catalog.open(backup)
        numbers, warnings = files_to_read(self._store, export, wanted)
        absent = ItemVersion(date, export.export_time)
        reading = Reading.of_all(start, len(self._keys), room, absent, [*export.warnings, *warnings])

        def on_item(item: dict[str, Any]) -> None:
            key = wanted.match(item)
            if key is not None:
                digest = _digest(item)
                reading.add(places[key], ItemVersion(date, export.export_time, item), digest)

        self._look_through([export.files[number] for number in numbers], item_of, on_item, deadline)
        return reading

    def read_increment(self, increment: Increment, start: int, room: Room, deadline: Deadline) -> Reading:
        """Read every data file of an increment, whole. It raises what ``read_full`` does."""
        window = increment.window
        schema = self._schema_of_chain(increment.definition)
        wanted, places = self._wanted(schema)
        export = read_window(
            self._store, increment.root, self._table, window.end, window.item_count or 0, window.files_sha256
        )
        reading = Reading(start, len(self._keys), room, warnings=[*export.warnings, *increment.warnings])

        def on_change(change: Change) -> None:
            try:
                images = {schema.digest(one) for one in (change.keys, change.old, change.new) if one is not None}
            except ValueError:
                images = set()
            if len(images) != 1:
                raise BackupDamaged(f"a change of the increment s3://{export.bucket}/{export.root} is not of one key")
            key = wanted.match(change.keys)
            if key is not None:
                reading.add(places[key], *_version(export, increment, change))

        self._look_through(export.files, change_of, on_change, deadline)
        return reading

    def _look_through(
        self,
        files: Sequence[DataFile],
        parse: Callable[[bytes], Any],
        on_item: Callable[[Any], None],
        deadline: Deadline,
    ) -> None:
        def verify(file: DataFile) -> None:
            verify_file(self._store, file, FileProgress(), deadline, on_item, parse)

        if files and not run_workers(min(PARALLEL_FILES, len(files)), files, verify, deadline):
            raise TimeIsUp(f"time ran out while the {len(files)} data files were read that may hold the keys")

    def _wanted(self, schema: KeySchema) -> tuple[WantedKeys, dict[bytes, int]]:
        refuse_other_keys(schema, self._keys, None)
        try:
            wanted = WantedKeys(schema, self._keys, partitions=False)
        except ValueError:
            raise RequestRefused("keys", "holds a number that DynamoDB does not take") from None
        places = {digest: place for place, digest in enumerate(wanted.digests)}
        if len(places) != len(self._keys):
            raise RequestRefused("keys", "names the same item twice")
        return wanted, places

    def _schema_of(self, backup: StoredBackup) -> KeySchema:
        """Return the primary key that the table had; where it was not captured, the one that the table has."""
        return self._schema(backup.definition_key, backup.definition_sha256)

    def _schema_of_chain(self, definition: str) -> KeySchema:
        """Return the same for a chain, whose record does not say whether a definition was captured."""
        if definition in self._schemas or self._store.find(definition):
            return self._schema(definition)
        self._schemas[definition] = self._schema(None)
        return self._schemas[definition]

    def _schema(self, definition: str | None, sha256: str | None = None) -> KeySchema:
        if definition not in self._schemas:
            try:
                self._schemas[definition] = (
                    read_captured_keys(self._store, definition, sha256)
                    if definition
                    else target_key_schema(self._clients.dynamodb, self._table)
                )
            except TargetUnusable as error:
                raise TargetUnusable(f"the primary key was not captured with this backup, and {error}") from error
        return self._schemas[definition]


def _version(export: IncrementalExport, increment: Increment, change: Change) -> tuple[WrittenVersion, int]:
    new = _digest(change.new) if change.new is not None else 0
    old = _digest(change.old) if change.old is not None else 0
    try:
        written = (EPOCH + timedelta(microseconds=change.timestamp_micros)).isoformat().replace("+00:00", "Z")
    except OverflowError:
        raise BackupDamaged(f"the increment s3://{export.bucket}/{export.root} has a time that is none") from None
    changed = new != old if export.output_view == "NEW_AND_OLD_IMAGES" else None
    window = increment.window
    return WrittenVersion(window.start, window.end, written, change.new, change.old, changed), new


def _digest(item: dict[str, Any]) -> int:
    try:
        return item_digest(item)
    except ValueError as error:
        raise BackupDamaged(f"an item of the backup is none of DynamoDB's: {error}") from None
