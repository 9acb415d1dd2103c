"""Chain records in S3: finding, beginning and changing them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dynamodb_backup.archive.chain import Chain
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore

__all__ = ["Chains"]


class Chains:
    """The chain records of one bucket and prefix."""

    def __init__(self, store: ObjectStore, layout: Layout) -> None:
        self._store = store
        self._layout = layout

    def find(self, table: str, chain_id: str) -> Chain | None:
        """Return the chain that begins with the full backup of one run; ``None`` if nothing was ever added to it.

        Raises
        ------
        BackupDamaged
            Its record is malformed.
        """
        key = self._layout.chain(table, chain_id)
        stored = self._store.find(key)
        return Chain.parse(key, stored.body, stored.etag) if stored else None

    def ids(self, table: str) -> list[str]:
        """Return the ids of all chains of a table, newest first. An id begins with its date."""
        folder = self._layout.chains(table)
        names = (key.removeprefix(folder).removesuffix(".json") for key in self._store.keys(folder))
        return sorted((name for name in names if "/" not in name), reverse=True)

    def newest_first(self, table: str, *, until_date: str | None = None) -> Iterator[Chain]:
        """Yield a table's chains, read one by one, from those that began on a date or before it.

        Raises
        ------
        BackupDamaged
            A record is malformed.
        """
        for chain_id in self.ids(table):
            if until_date is None or chain_id[: len(until_date)] <= until_date:
                chain = self.find(table, chain_id)
                if chain:
                    yield chain

    def save(self, chain: Chain) -> Chain:
        """Write a record if nobody else wrote it since it was read, and return it with its new ETag.

        Raises
        ------
        WriteConflict
            Somebody else wrote it in between.
        """
        return replace(chain, etag=self._store.put_if_unchanged(chain.key, chain.to_json(), chain.etag))
