"""The key index of one export: for each data file a filter of the partition keys that stand in it.

DynamoDB writes each data file from one partition, but nobody outside knows which key lies in which. The index tells, so
that one item is looked up in one data file out of hundreds. Its filter holds the first bytes of each partition key's
digest: it may say "perhaps" of a file that does not hold the key, but never "no" of one that does. Whatever is doubtful
(a filter of another file, or of a part of one; a byte altered) counts as "perhaps".

The object: a first line that names the format, a line of JSON, the filters' bytes one after another, and a SHA-256 over
all of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from dynamodb_backup.errors import BackupDamaged
from dynamodb_backup.strict_json import read_json
from dynamodb_backup.typed_record import record_of

__all__ = ["MOST_INDEX_BYTES", "FileFilter", "FilterBuilder", "KeyIndex"]

PREFIX_BYTES = 4
"""Of a file with a million partition keys, one foreign key in 4,000 is taken for one of its own."""

MOST_INDEX_BYTES = 64 * 1_048_576
"""16 million partition keys. A look-up reads the index whole, so beyond that it would cost more than it saves."""

BUCKETS = 256
_FORMAT = b"dynamodb-backup key index 1\n"
_SHA256_BYTES = hashlib.sha256().digest_size


@dataclass(frozen=True)
class FileFilter:
    """The partition keys of one data file, as sorted and distinct prefixes of their digests.

    ``lines`` is up to which line of the file they were collected, and ``complete`` whether that was its end. The file
    is named by the MD5 that its manifest states: one that was exchanged since then is another file.
    """

    md5: str
    lines: int
    complete: bool
    prefixes: bytes

    def may_hold(self, digest: bytes) -> bool:
        """Tell whether the file may hold this partition key; ``False`` is certain."""
        if not self.complete:
            return True
        wanted = digest[:PREFIX_BYTES]
        low, high = 0, len(self.prefixes) // PREFIX_BYTES
        while low < high:
            middle = (low + high) // 2
            found = self.prefixes[middle * PREFIX_BYTES : (middle + 1) * PREFIX_BYTES]
            if found == wanted:
                return True
            low, high = (middle + 1, high) if found < wanted else (low, middle)
        return False


class FilterBuilder:
    """Collects one file's partition keys. Not safe for threads: one file is read by one."""

    def __init__(self, earlier: FileFilter | None = None) -> None:
        self._buckets = [bytearray() for _ in range(BUCKETS)]
        self._last = b""
        for prefix in _split(earlier.prefixes) if earlier else ():
            self._buckets[prefix[0]] += prefix

    def add(self, digest: bytes) -> None:
        """Note one item's partition key."""
        prefix = digest[:PREFIX_BYTES]
        if prefix != self._last:  # items of one partition key follow one another
            self._last = prefix
            self._buckets[prefix[0]] += prefix

    def build(self, md5: str, lines: int, *, complete: bool) -> FileFilter:
        prefixes = b"".join(b"".join(sorted(set(_split(bucket)))) for bucket in self._buckets)
        return FileFilter(md5, lines, complete, prefixes)


@dataclass(frozen=True)
class _Header:
    partition_key: tuple[str, str]
    files: list[tuple[str, int, bool, int]]


@dataclass(frozen=True)
class KeyIndex:
    """The filters of one export's data files, by the files' MD5, and the partition key (name and type) they are of."""

    partition_key: tuple[str, str]
    filters: Mapping[str, FileFilter]

    def may_hold(self, md5: str, digest: bytes) -> bool:
        """Tell whether the data file of this MD5 may hold a partition key; ``True`` also of a file that is unknown."""
        known = self.filters.get(md5)
        return known is None or known.may_hold(digest)

    def to_bytes(self) -> bytes:
        filters = list(self.filters.values())
        header = {
            "partition_key": list(self.partition_key),
            "files": [[one.md5, one.lines, one.complete, len(one.prefixes)] for one in filters],
        }
        body = _FORMAT + json.dumps(header).encode() + b"\n" + b"".join(one.prefixes for one in filters)
        return body + hashlib.sha256(body).digest()

    @classmethod
    def parse(cls, name: str, stored: bytes) -> KeyIndex:
        """Read an index.

        Raises
        ------
        BackupDamaged
            It is altered, or of a format that this version does not know.
        """
        body = stored[:-_SHA256_BYTES]
        if not body.startswith(_FORMAT) or hashlib.sha256(body).digest() != stored[-_SHA256_BYTES:]:
            raise BackupDamaged(f"key index {name} is altered, or of another version of the function")
        line, _, prefixes = body[len(_FORMAT) :].partition(b"\n")
        try:
            header = record_of(_Header, read_json(line))
        except ValueError as error:
            raise BackupDamaged(f"key index {name} is malformed: {error}") from error
        filters, start = {}, 0
        for md5, lines, complete, length in header.files:
            filters[md5] = FileFilter(md5, lines, complete, prefixes[start : start + length])
            start += length
        return cls(header.partition_key, filters)


def _split(prefixes: bytes | bytearray) -> list[bytes]:
    return [bytes(prefixes[start : start + PREFIX_BYTES]) for start in range(0, len(prefixes), PREFIX_BYTES)]
