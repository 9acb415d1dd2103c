"""A stored backup is whole if every data file is there and unaltered, every line an item, and every count right."""

from __future__ import annotations

import io
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import md5
from typing import Any
from zlib import crc32

from dynamodb_backup.archive.datafile import ChecksumReader, item_of, line_blocks
from dynamodb_backup.archive.export import DataFile
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws_errors import patiently
from dynamodb_backup.errors import BackupDamaged, ObjectMissing, TimeIsUp
from dynamodb_backup.timing import Deadline

__all__ = ["FileProgress", "verify_checksum", "verify_file"]

OnItem = Callable[[Any], None]
"""Called with what the parser of a line returned: an item, or an incremental export's change."""

Parse = Callable[[bytes], Any]


@dataclass
class FileProgress:
    """How far one data file is verified: under which ETag, and how many lines of it hold how many items.

    ``lines_crc32`` is the checksum of these lines; ``None`` where an older version of the function parsed some.
    """

    etag: str | None = None
    lines: int = 0
    items: int = 0
    done: bool = False
    lines_crc32: int | None = None


def verify_file(
    store: ObjectStore,
    file: DataFile,
    progress: FileProgress,
    deadline: Deadline,
    on_item: OnItem | None = None,
    parse: Parse = item_of,
) -> None:
    """Read one data file whole: checksum, every line, the count; go on where ``progress`` stands and keep it current.

    A file that an earlier turn began is read from its start again, for the checksum, but no line is parsed twice; it
    must still be the same object, and the lines parsed then must be the same.

    Parameters
    ----------
    on_item
        Called once with every item.
    parse
        What a line must be; raises ``ValueError``, without item data, for one that is not.

    Raises
    ------
    BackupDamaged
        The file is missing, altered, truncated, has a line that is not an item, or not as many as the manifest says.
    ObjectChanged
        The file was replaced since an earlier turn.
    ReadInterrupted
        The connection broke again and again.
    TimeIsUp
        The deadline came first. ``progress`` is further than before.
    """
    patiently(lambda: _verify_file(store, file, progress, deadline, on_item, parse))


def verify_checksum(store: ObjectStore, file: DataFile, deadline: Deadline) -> int:
    """Check one data file against the manifest without reading its lines, and return its size in bytes.

    The manifest's ETag answers without a download, as long as the object is the one that DynamoDB wrote and is not
    encrypted with KMS. Otherwise the file is read for its MD5.

    Raises
    ------
    BackupDamaged
        The file is missing or altered.
    TimeIsUp
        The deadline came before the end of the file.
    """
    name = f"s3://{store.bucket}/{file.key}"
    try:
        size, etag = store.head(file.key)
    except ObjectMissing as error:
        raise BackupDamaged(f"data file {name} is missing") from error
    if etag.strip('"') not in _etags(file):
        actual = patiently(lambda: _md5_of(store, file, deadline))
        if actual != file.md5:
            raise BackupDamaged(f"data file {name} is altered: its MD5 is {actual}, the manifest says {file.md5}")
    return size


def _etags(file: DataFile) -> set[str]:
    """Return the ETags that prove an object to be this file: DynamoDB's own, and that of a plain upload."""
    digest = b64decode(file.md5)
    known = {digest.hex(), md5(digest, usedforsecurity=False).hexdigest() + "-1"}
    return known | {file.etag} if file.etag else known


def _verify_file(
    store: ObjectStore,
    file: DataFile,
    progress: FileProgress,
    deadline: Deadline,
    on_item: OnItem | None,
    parse: Parse,
) -> None:
    name = f"s3://{store.bucket}/{file.key}"
    body, progress.etag = _open(store, file, progress.etag)
    with body:
        reader = ChecksumReader(body)
        _check_lines(reader, name, progress, deadline, on_item, parse)
        while reader.pass_block():
            pass
    if reader.md5 != file.md5:
        raise BackupDamaged(f"data file {name} is altered: its MD5 is {reader.md5}, the manifest says {file.md5}")
    if progress.items != file.item_count:
        raise BackupDamaged(f"data file {name} holds {progress.items} items, the manifest says {file.item_count}")
    progress.done = True


def _check_lines(
    reader: ChecksumReader,
    name: str,
    progress: FileProgress,
    deadline: Deadline,
    on_item: OnItem | None,
    parse: Parse,
) -> None:
    skipped = Skipped(progress)
    parsed_some = False
    for lines in line_blocks(reader, name):
        start = skipped.skip(lines, name)
        if start == len(lines):
            continue
        if parsed_some and deadline.passed():
            raise TimeIsUp(f"verification of {name} goes on in the next turn")
        parsed_some = True
        _parse_lines(lines[start:] if start else lines, name, progress, on_item, parse)


class Skipped:
    """The lines that were parsed already. Read again, they must be the same: only the last read has the right MD5."""

    def __init__(self, progress: FileProgress) -> None:
        self._left = progress.lines
        self._expected = progress.lines_crc32
        self._crc32 = 0

    def skip(self, lines: list[bytes], name: str) -> int:
        """Return how many of the lines that come next were parsed already.

        Raises
        ------
        BackupDamaged
            They were other lines then.
        """
        count = min(self._left, len(lines))
        if count:
            self._left -= count
            self._crc32 = _crc32(lines[:count], self._crc32)
            if not self._left and self._expected not in {None, self._crc32}:
                raise BackupDamaged(
                    f"two reads of data file {name} gave different lines; begin the restore anew without restore_id"
                )
        return count


def _parse_lines(lines: list[bytes], name: str, progress: FileProgress, on_item: OnItem | None, parse: Parse) -> None:
    parsed = items = 0
    try:
        for line in lines:
            parsed += 1
            if not line or line.isspace():
                continue
            try:
                item = parse(line)
            except ValueError as error:
                number = progress.lines + parsed
                raise BackupDamaged(f"line {number} of data file {name} is damaged: {error}") from None
            items += 1
            if on_item:
                on_item(item)
    finally:
        if progress.lines == 0 or progress.lines_crc32 is not None:
            progress.lines_crc32 = _crc32(lines[:parsed], progress.lines_crc32 or 0)
        progress.lines += parsed
        progress.items += items


def _crc32(lines: list[bytes], before: int) -> int:
    return crc32(b"\n", crc32(b"\n".join(lines), before))


def _open(store: ObjectStore, file: DataFile, etag: str | None = None) -> tuple[io.RawIOBase, str]:
    try:
        return store.open(file.key, etag=etag)
    except ObjectMissing as error:
        raise BackupDamaged(f"data file s3://{store.bucket}/{file.key} is missing") from error


def _md5_of(store: ObjectStore, file: DataFile, deadline: Deadline) -> str:
    body, _ = _open(store, file)
    with body:
        reader = ChecksumReader(body)
        while reader.pass_block():
            if deadline.passed():
                raise TimeIsUp(f"the checksum of s3://{store.bucket}/{file.key} is computed in the next turn")
    return reader.md5
