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
from dynamodb_backup.strict_json import MOST_LEVELS, refuse_constant, refuse_depth

__all__ = ["ChecksumReader", "item_of", "line_blocks", "text_of"]

BLOCK_BYTES = 1_048_576
_JSON_SPACE = " \t\r\n"
"""What JSON takes for a space; Python's own strip() takes more, and DynamoDB would not."""

_OPENING = '{"Item":{'
_decode = json.JSONDecoder(parse_constant=refuse_constant).raw_decode
_pairs_of = json.JSONDecoder(parse_constant=refuse_constant, object_pairs_hook=list).decode

LONGEST_LINE_BYTES = 16 * 1_048_576
"""An item is at most 400 KB stored. As JSON, where each byte may take six characters and an empty text ten, that is
some 4 MB, and twice as much in an incremental export. Only numbers with a hundred zeros, by the ten thousand, take
more; and no longer line could be written again, as a request of BatchWriteItem has at most 16 MB."""

MOST_VALUES = 900_000
"""Of one line: each of an item's values is at least one of its 409,600 bytes, and a change holds two items."""

_LONG_LINE_BYTES = 1_048_576


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
        The line is not ``{"Item":{...}}`` with exactly that one member, or it is nested deeper, or holds more values,
        than any item. The message holds no item data.
    """
    text = text_of(line)
    try:
        item, end = _decode(text, len(_OPENING) - 1) if text.startswith(_OPENING) else (None, 0)
        if item is None or text[end:].rstrip(_JSON_SPACE) != "}":
            item = _only_member(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if line.count(b"{") + line.count(b"[") > MOST_LEVELS:
        refuse_depth(item)
    return item


def text_of(line: bytes) -> str:
    """Return the text of a line.

    Raises
    ------
    ValueError
        It is not UTF-8, or would take many times its length in memory: it holds more values than an item can.
    """
    if len(line) > _LONG_LINE_BYTES and line.count(b"{") + line.count(b"[") > MOST_VALUES:
        raise ValueError(f"more than {MOST_VALUES} values, which no item can have")
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None


def _only_member(text: str) -> dict[str, Any]:
    """Return the item of a line that is spaced or escaped otherwise than DynamoDB does it."""
    text = text.strip(_JSON_SPACE)
    members = _pairs_of(text)
    document, _ = _decode(text)
    # The list of pairs still has a member that stands twice; the dictionary does not.
    if type(document) is not dict or len(members) != 1 or type(document.get("Item")) is not dict:
        raise ValueError('not an object with exactly one member "Item"')
    item: dict[str, Any] = document["Item"]
    return item
