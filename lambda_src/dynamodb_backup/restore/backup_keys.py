"""The keys of a table's backup, collected while it is verified, as 16-byte digests.

They answer two questions: would two items of the backup overwrite each other in the target table, and which items of
the target table does the backup not hold?
"""

from __future__ import annotations

import struct
import uuid

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.errors import TimeIsUp
from dynamodb_backup.restore.state import TableState
from dynamodb_backup.table.keys import DIGEST_BYTES
from dynamodb_backup.timing import Deadline

__all__ = ["BackupKeys"]

BUCKETS = 256
"""Digests are kept by their first byte, so that one bucket at a time can be looked through."""

KEYS_PER_PASS = 4_000_000
"""A set of so many digests takes about 400 MB; more keys than that are compared with the table's in several passes."""

KEYS_PER_SHORTEST_TURN = 200_000
"""So many are looked through, in a fraction of a second, however short a turn is."""

_LENGTHS = struct.Struct(f">{BUCKETS}Q")


class BackupKeys:
    """The digests of one table's backup; each turn's are kept in S3 as one object."""

    def __init__(self, store: ObjectStore, layout: Layout, restore_id: str, state: TableState) -> None:
        self._store = store
        self._layout = layout
        self._restore_id = restore_id
        self._state = state
        self._collected = [bytearray() for _ in range(BUCKETS)]
        self._earlier: list[bytearray] | None = None
        self.passes = max(1, -(-state.items_expected // KEYS_PER_PASS))

    def add(self, digest: bytes) -> None:
        """Note one key. Safe to call from many threads."""
        self._collected[digest[0]].extend(digest)

    def save(self) -> None:
        """Keep in S3, for the next turn, what this turn collected."""
        if any(self._collected):
            body = _LENGTHS.pack(*map(len, self._collected)) + b"".join(self._collected)
            # A name of its own: another invocation of the same restore must not replace what our checkpoint refers to.
            key = self._layout.key_digests(self._restore_id, self._state.target, uuid.uuid4().hex)
            self._store.put(key, body, content_type="application/octet-stream")
            self._state.key_parts.append(key)

    def count(self) -> int:
        """Return how many items had a key."""
        return sum(len(self._bucket(number)) for number in range(BUCKETS)) // DIGEST_BYTES

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
            digests = _split(self._bucket(self._state.buckets_checked))
            self._state.duplicates += len(digests) - len(set(digests))
            self._state.buckets_checked += 1
            looked_at += len(digests)
        return self._state.duplicates

    def in_pass(self, number: int) -> set[bytes]:
        """Return the keys that belong to one of the passes, each once."""
        buckets = (bucket for bucket in range(BUCKETS) if self._pass_of_bucket(bucket) == number)
        return {digest for bucket in buckets for digest in _split(self._bucket(bucket))}

    def pass_of(self, digest: bytes) -> int:
        return self._pass_of_bucket(digest[0])

    def _pass_of_bucket(self, bucket: int) -> int:
        return bucket * self.passes // BUCKETS

    def _bucket(self, number: int) -> bytes:
        if self._earlier is None:
            self._earlier = self._read_earlier()
        return bytes(self._earlier[number] + self._collected[number])

    def _read_earlier(self) -> list[bytearray]:
        buckets = [bytearray() for _ in range(BUCKETS)]
        for part in self._state.key_parts:
            body = self._store.get(part).body
            position = _LENGTHS.size
            for bucket, length in zip(buckets, _LENGTHS.unpack_from(body), strict=True):
                bucket.extend(body[position : position + length])
                position += length
        return buckets


def _split(digests: bytes) -> list[bytes]:
    return [digests[start : start + DIGEST_BYTES] for start in range(0, len(digests), DIGEST_BYTES)]
