"""Data files of an export: gzip in, lines out, with bounded memory.

A line of a full export is ``{"Item":{...}}``. Lines stay bytes: base64 is left exactly as DynamoDB wrote it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zlib
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from dynamodb_backup.errors import BackupDamaged

__all__ = ["ChecksumReader", "item_of", "line_blocks"]

BLOCK_BYTES = 1_048_576
_JSON_SPACE = " \t\r\n"
"""What JSON takes for a space; Python's own strip() takes more, and DynamoDB would not."""

_OPENING = '{"Item":{'
_decode = json.JSONDecoder().raw_decode

LONGEST_LINE_BYTES = 16 * 1_048_576
"""An item is at most 400 KB stored; as JSON, with every byte escaped or in base64, it stays far below this."""


class ChecksumReader(io.RawIOBase):
    """Passes a stream through and keeps the MD5 of what passed, as base64 like ``md5Checksum`` of the manifest."""

    def __init__(self, stream: io.RawIOBase) -> None:
        self._stream = stream
        # MD5 is what DynamoDB's manifests hold; it guards against accidents here, not against an attacker.
        self._md5 = hashlib.md5(usedforsecurity=False)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._stream.read(len(buffer)) or b""
        self._md5.update(chunk)
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def pass_block(self) -> bool:
        """Take one more block into the checksum, and return whether there was one."""
        chunk = self._stream.read(BLOCK_BYTES)
        self._md5.update(chunk or b"")
        return bool(chunk)

    @property
    def md5(self) -> str:
        return b64encode(self._md5.digest()).decode("ascii")


def line_blocks(stream: io.RawIOBase, name: str) -> Iterator[list[bytes]]:
    """Unpack a gzip stream and yield its lines, without line feeds, some thousand at a time. Blank lines stay in.

    Raises
    ------
    BackupDamaged
        The stream is not gzip, ends too early, or has a line that no item can have.
    """
    carry = b""
    with gzip.GzipFile(fileobj=io.BufferedReader(stream, BLOCK_BYTES // 8)) as unpacked:
        while block := _unpack(unpacked, name):
            lines = (carry + block).split(b"\n")
            carry = lines.pop()
            if len(carry) > LONGEST_LINE_BYTES:
                raise BackupDamaged(
                    f"{name} has a line of more than {LONGEST_LINE_BYTES} bytes, which no item can have"
                )
            if lines:
                yield lines
    if carry:
        yield [carry]


def _unpack(unpacked: gzip.GzipFile, name: str) -> bytes:
    try:
        return unpacked.read(BLOCK_BYTES)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BackupDamaged(f"{name} is truncated or altered: {error}") from error


def item_of(line: bytes) -> dict[str, Any]:
    """Parse a line of a full export and return its item, attribute names to typed values.

    Every line is parsed once before it is trusted: a line that only looks right from its ends could smuggle another
    request into the body that it is spliced into.

    Raises
    ------
    ValueError
        The line is not ``{"Item":{...}}`` with exactly that one member.
    """
    text = line.decode("utf-8")
    try:
        if text.startswith(_OPENING):
            item, end = _decode(text, len(_OPENING) - 1)
            if text[end:].rstrip(_JSON_SPACE) == "}":
                return item  # type: ignore[no-any-return]
        return _only_member(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _only_member(text: str) -> dict[str, Any]:
    """Return the item of a line that is spaced or escaped otherwise than DynamoDB does it."""
    members = json.loads(text, object_pairs_hook=list)
    document = json.loads(text)
    # The list of pairs still has a member that stands twice; the dictionary does not.
    if type(document) is not dict or len(members) != 1 or type(document.get("Item")) is not dict:
        raise ValueError('not an object with exactly one member "Item"')
    item: dict[str, Any] = document["Item"]
    return item
