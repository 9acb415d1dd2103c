"""Making the key index of an export while its lines are parsed anyway, over several turns if need be."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from dynamodb_backup.archive.export import NativeExport
from dynamodb_backup.archive.index import MOST_INDEX_BYTES, FileFilter, FilterBuilder, KeyIndex
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.errors import BackupDamaged
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.verify.stored_backup import FileProgress, OnItem

__all__ = ["IndexMaker", "read_key_index"]


def read_key_index(store: ObjectStore, export_root: str) -> KeyIndex | None:
    """Read the key index of an export; ``None`` if it has none.

    Raises
    ------
    BackupDamaged
        It is there but cannot be relied on.
    """
    key = Layout.key_index(export_root)
    stored = store.find(key)
    return KeyIndex.parse(f"s3://{store.bucket}/{key}", stored.body) if stored else None


class IndexMaker:
    """Collects the partition keys of an export's data files, one after another or several at a time.

    What one turn collected is kept in S3, in the index itself. A file that an earlier turn began goes on only from what
    was collected up to exactly the line at which it goes on; else it stays without a filter, and look-ups read it.
    """

    def __init__(self, store: ObjectStore, export: NativeExport, keys: KeySchema) -> None:
        self._store = store
        self._export = export
        self._keys = keys.partition
        self._builders: dict[int, FilterBuilder] = {}
        self._earlier = self._read_earlier()

    def on_item(self, number: int, progress: FileProgress) -> OnItem | None:
        """Return what is to be done with each item of a data file that is about to be parsed from ``progress`` on."""
        earlier = self._earlier.get(self._export.files[number].md5)
        if earlier and earlier.complete:
            return None
        if progress.lines and (earlier is None or earlier.lines != progress.lines):
            return None
        builder = self._builders[number] = FilterBuilder(earlier if progress.lines else None)
        digest = self._keys.digest

        def note(item: dict[str, Any]) -> None:
            # An item without the key cannot be looked up by it either.
            with suppress(ValueError):
                builder.add(digest(item))

        return note

    def save(self, progress: Mapping[int, FileProgress]) -> None:
        """Keep in S3 what was collected, whether all files are done or not. Nothing is written if nothing is new."""
        filters = dict(self._earlier)
        for number, builder in self._builders.items():
            one, md5 = progress[number], self._export.files[number].md5
            filters[md5] = builder.build(md5, one.lines, complete=one.done)
        body = KeyIndex(self._keys.attributes[0], filters).to_bytes()
        if self._builders and len(body) <= MOST_INDEX_BYTES:
            self._store.put(Layout.key_index(self._export.root), body, content_type="application/octet-stream")

    def _read_earlier(self) -> dict[str, FileFilter]:
        """Return what is there already and belongs to the files that the manifest lists now."""
        try:
            index = read_key_index(self._store, self._export.root)
        except BackupDamaged:
            return {}
        listed = {file.md5 for file in self._export.files}
        if index is None or index.partition_key != self._keys.attributes[0]:
            return {}
        return {md5: one for md5, one in index.filters.items() if md5 in listed}
