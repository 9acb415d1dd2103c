"""One chain: its full backup, all its finished increments, and last its record, so that it names nothing missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from dynamodb_backup.archive.chain import Chain, Window
from dynamodb_backup.archive.chains import base_backup, read_window
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import StoredObject
from dynamodb_backup.offsite.export import FoundExport, copy_export
from dynamodb_backup.offsite.unit import Outcome, Unit
from dynamodb_backup.offsite.work import Work

__all__ = ["ChainUnit", "touches"]


class ChainUnit(Unit):
    """One table's chain. A window that cannot be copied keeps the record from it: the one copied before stays."""

    def __init__(self, work: Work, key: str) -> None:
        super().__init__(work, key.removeprefix(work.source.layout.root).removesuffix(".json"), key)

    @property
    def chain(self) -> Chain:
        """Return the chain as its record says.

        Raises
        ------
        BackupDamaged
            The record is malformed.
        """
        return Chain.parse(self.key, self.stored.body, self.stored.etag)

    def copy(self, stored: StoredObject) -> Outcome:
        chain = self.chain
        self._copy_base(chain)
        for window in chain.completed:
            self._copy_window(chain.table_name, window)
        return Outcome(stored.body, moments={chain.table_name: chain.covered_until})

    def tables(self) -> set[str]:
        return {self.name.split("/")[1]}

    def exports(self) -> Iterator[Callable[[], FoundExport]]:
        chain = self.chain
        yield partial(self._found_base, chain)
        for window in chain.completed:
            yield partial(self._found_window, chain.table_name, window)

    def _found_base(self, chain: Chain) -> FoundExport:
        source = self.work.source
        export = source.catalog.open(base_backup(source.layout, chain))
        return FoundExport(export.root, export.files, export.export_time)

    def _found_window(self, table: str, window: Window) -> FoundExport:
        source, root = self.work.source, self._root(window)
        export = read_window(source.store, root, table, window.end, window.item_count or 0, window.files_sha256)
        return FoundExport(export.root, export.files, export.to_time)

    def _root(self, window: Window) -> str:
        return self.work.source.layout.rerooted(window.export_manifest or "")

    def _copy_base(self, chain: Chain) -> None:
        source, base = self.work.source, chain.base
        root = source.layout.rerooted(base.export_manifest)
        copy_export(self.work, f"{root}manifest-summary.json", partial(self._found_base, chain))
        keep = not self.work.transfer.overwrite
        definition = source.layout.table_definition(base.backup_date, base.run_id, chain.table_name)
        self.work.copy_small(definition, keep_existing=keep)
        self.work.copy_small(source.layout.run_record(base.backup_date, base.run_id), keep_existing=keep)

    def _copy_window(self, table: str, window: Window) -> None:
        layout = self.work.source.layout
        manifest = f"{self._root(window)}manifest-summary.json"
        copy_export(self.work, manifest, partial(self._found_window, table, window))
        day = _day_of(layout, window)
        if day:
            keep = not self.work.transfer.overwrite
            self.work.copy_small(layout.run_record(day, window.run_id), keep_existing=keep)


def touches(chain: Chain, day: str, layout: Layout) -> bool:
    """Tell whether a chain begins on a date or has an increment of it."""
    return chain.base.backup_date == day or any(_day_of(layout, window) == day for window in chain.completed)


def _day_of(layout: Layout, window: Window) -> str | None:
    """Return the date under which an increment lies; its record may have been copied from another prefix."""
    parts = window.s3_prefix.strip("/").split("/")
    return layout.date_of(f"{layout.root}{parts[-2]}") if len(parts) > 1 else None
