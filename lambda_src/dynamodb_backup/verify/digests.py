"""What a backup holds, collected while it is verified: a digest of each item's key and, where wanted, one of the item.

They answer: would two items of the backup overwrite each other in the target table, which items of a table does the
backup not hold, and which differ? Memory is 16 bytes for each item, or 32 with items' digests; no item data is kept.
"""

from __future__ import annotations

import struct
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.errors import TimeIsUp
from dynamodb_backup.table.keys import DIGEST_BYTES, KeySchema
from dynamodb_backup.timing import Deadline
from dynamodb_backup.verify.fingerprint import item_digest

__all__ = ["BackupDigests", "DigestsState", "short_digest"]

BUCKETS = 256
"""Digests are kept by their first byte, so that one bucket at a time can be sorted and looked through."""

ITEM_BYTES = 16
"""Of an item's 256 bits so many are kept: enough to tell two items with the same key apart."""

KEYS_PER_SHORTEST_TURN = 200_000
"""So many are looked through, in a fraction of a second, however short a turn is."""

_LENGTHS = struct.Struct(f">{BUCKETS}Q")


def short_digest(digest: int) -> bytes:
    """Return the first 16 bytes of an ``item_digest``."""
    return digest.to_bytes(32)[:ITEM_BYTES]


@dataclass
class DigestsState:
    """What a checkpoint holds of the digests: the objects that earlier turns wrote, and the search for duplicates."""

    parts: list[str] = field(default_factory=list)
    buckets_checked: int = 0
    duplicates: int = 0


class BackupDigests:
    """The digests of one table's backup. First they are collected, in one turn or several; then they are looked up.

    Parameters
    ----------
    folder
        Where the turns keep what they collected, one object each; ends with ``/``.
    with_items
        Whether the items themselves are to be told apart, and not their keys alone.
    """

    def __init__(self, store: ObjectStore, folder: str, state: DigestsState, *, with_items: bool = False) -> None:
        self._store = store
        self._folder = folder
        self._state = state
        self._size = DIGEST_BYTES + (ITEM_BYTES if with_items else 0)
        self._collected: list[bytes | bytearray] = [bytearray() for _ in range(BUCKETS)]
        self._all: list[bytes | bytearray] | None = None
        self._sorted: list[bytes | None] = [None] * BUCKETS
        self._sorting = threading.Lock()

    def add(self, keys: KeySchema, item: Mapping[str, Any]) -> None:
        """Note one item. Safe to call from many threads.

        Raises
        ------
        ValueError
            The item does not have this key, or is nested without end: DynamoDB would not take it.
        """
        self.note(keys.digest(item), item_digest(item) if self._size > DIGEST_BYTES else 0)

    def note(self, key_digest: bytes, digest: int) -> None:
        """Note one item by its key's digest and its ``item_digest``, where the caller has them already."""
        record = key_digest + short_digest(digest) if self._size > DIGEST_BYTES else key_digest
        self._collected[record[0]] += record

    def save(self) -> None:
        """Keep in S3, for the next turn, what this turn collected."""
        if any(self._collected):
            body = _LENGTHS.pack(*map(len, self._collected)) + b"".join(self._collected)
            # A name of its own: another invocation of the same work must not replace what our checkpoint refers to.
            key = f"{self._folder}{uuid.uuid4().hex}"
            self._store.put(key, body, content_type="application/octet-stream")
            self._state.parts.append(key)

    def __len__(self) -> int:
        return sum(self.sizes())

    def sizes(self) -> list[int]:
        """Return how many items each bucket holds, once all are collected."""
        return [len(bucket) // self._size for bucket in self._buckets()]

    def duplicates(self, deadline: Deadline) -> int:
        """Return how many items have a key that another item of the backup has already.

        Raises
        ------
        TimeIsUp
            The deadline came first.
        """
        looked_at = 0
        while self._state.buckets_checked < BUCKETS:
            if looked_at >= KEYS_PER_SHORTEST_TURN and deadline.passed():
                raise TimeIsUp("looking for keys that stand twice goes on in the next turn")
            records = self._records(self._state.buckets_checked)
            self._state.duplicates += len(records) - len({record[:DIGEST_BYTES] for record in records})
            self._state.buckets_checked += 1
            looked_at += len(records)
        return self._state.duplicates

    def find(self, digest: bytes) -> int | None:
        """Return the position of a key in its bucket (its first byte's), ``None`` where the backup does not hold it."""
        bucket, size = self._bucket(digest[0]), self._size
        low, high = 0, len(bucket) // size
        while low < high:
            middle = (low + high) // 2
            if bucket[middle * size : middle * size + DIGEST_BYTES] < digest:
                low = middle + 1
            else:
                high = middle
        return low if bucket[low * size : low * size + DIGEST_BYTES] == digest else None

    def item_at(self, bucket: int, position: int) -> bytes:
        """Return the ``short_digest`` of the item at a position that ``find`` returned."""
        start = position * self._size + DIGEST_BYTES
        return self._bucket(bucket)[start : start + ITEM_BYTES]

    def _bucket(self, number: int) -> bytes:
        """Return one bucket in order; positions in it are the same in every turn."""
        found = self._sorted[number]
        if found is None:
            with self._sorting:
                found = b"".join(sorted(self._records(number)))
                self._sorted[number] = found
                self._buckets()[number] = found
        return found

    def _records(self, number: int) -> list[bytes]:
        bucket = bytes(self._buckets()[number])
        return [bucket[start : start + self._size] for start in range(0, len(bucket), self._size)]

    def _buckets(self) -> list[bytes | bytearray]:
        """Return what all turns collected. From now on nothing is added."""
        if self._all is None:
            if not self._state.parts:
                self._all = self._collected
                return self._all
            whole = [bytearray(bucket) for bucket in self._collected]
            for part in self._state.parts:
                body = self._store.get(part).body
                position = _LENGTHS.size
                for bucket, length in zip(whole, _LENGTHS.unpack_from(body), strict=True):
                    bucket.extend(body[position : position + length])
                    position += length
            self._all = list(whole)
        return self._all
