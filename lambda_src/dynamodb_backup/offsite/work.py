"""What one invocation copies with: from where, to where, and by which records."""

from __future__ import annotations

from dataclasses import dataclass

from dynamodb_backup.archive.catalog import Catalog
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.plain_store import PlainStore
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.offsite.records import Records
from dynamodb_backup.offsite.transfer import Transfer
from dynamodb_backup.timing import Clock, Deadline

__all__ = ["Side", "Work"]


@dataclass(frozen=True)
class Side:
    """Backups under one prefix of one bucket: ``store`` to read manifests, ``plain`` to copy."""

    store: ObjectStore
    plain: PlainStore
    layout: Layout

    @property
    def catalog(self) -> Catalog:
        return Catalog(self.store, self.layout)


@dataclass(frozen=True)
class Work:
    """Everything that the copy of an export, a date or a chain needs."""

    source: Side
    target: Side
    transfer: Transfer
    records: Records
    deadline: Deadline
    clock: Clock

    def target_key(self, key: str) -> str:
        """Return where an object of the source lies in the target."""
        return self.target.layout.root + key.removeprefix(self.source.layout.root)

    def copy_small(self, key: str, *, keep_existing: bool = False) -> bool:
        """Copy a small object, if there is one; an existing one stays where ``keep_existing`` says so."""
        to = self.target_key(key)
        if keep_existing and self.target.plain.head(to) is not None:
            return True
        if self.source.plain.head(key) is None:
            return False
        self.transfer.copy(key, to, {}, lambda: None)
        return True
