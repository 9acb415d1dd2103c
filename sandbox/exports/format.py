"""The bytes of an export: data lines, gzip files, checksums. Pure functions, pinned against a real export by a test."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Item = Mapping[str, Mapping[str, Any]]
"""An item in DynamoDB's wire JSON: attribute name to `{"S": "a"}`, `{"B": "aGVsbG8="}` and so on."""

# Java's GZIPOutputStream, which writes the real files: no name, no time, no flags, operating system "unknown".
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


@dataclass(frozen=True)
class DataFile:
    """One object under `data/`: its file name, the stored (compressed) bytes and how many lines they hold."""

    name: str
    body: bytes
    item_count: int

    @property
    def md5_checksum(self) -> str:
        """Base64 of the MD5 of the stored bytes, as `manifest-files.json` gives it."""
        return base64_md5(self.body)

    @property
    def etag(self) -> str:
        """The ETag of a multipart upload of one part, which is how DynamoDB writes its data files."""
        part = hashlib.md5(self.body, usedforsecurity=False).digest()
        return hashlib.md5(part, usedforsecurity=False).hexdigest() + "-1"


def base64_md5(body: bytes) -> str:
    """Base64 of the MD5 of `body`: 24 characters, the whole content of an `.md5` companion."""
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def compact_json(value: object) -> bytes:
    """JSON as DynamoDB writes it: no spaces, UTF-8 unescaped, members in the order given."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def full_line(item: Item) -> bytes:
    """One line of a full export."""
    return b'{"Item":' + compact_json(item) + b"}\n"


def incremental_line(write_time_micros: int, keys: Item, old: Item | None = None, new: Item | None = None) -> bytes:
    """One line of an incremental export; an image that is None is absent, as the export view or the change demands."""
    line: dict[str, object] = {
        "Metadata": {"WriteTimestampMicros": {"N": str(write_time_micros)}},
        "Keys": keys,
    }
    if old is not None:
        line["OldImage"] = old
    if new is not None:
        line["NewImage"] = new
    return compact_json(line) + b"\n"


def gzip_bytes(content: bytes) -> bytes:
    """Gzip without name and time, so that equal content gives equal bytes. Empty content gives 20 bytes."""
    deflate = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -zlib.MAX_WBITS)
    trailer = struct.pack("<LL", zlib.crc32(content), len(content) & 0xFFFFFFFF)
    return _GZIP_HEADER + deflate.compress(content) + deflate.flush() + trailer


def data_file(lines: Iterable[bytes], name: str | None = None) -> DataFile:
    """Compress `lines` (each with its newline) into a data file; `name` defaults to a random one of AWS's form."""
    held = list(lines)
    return DataFile(name or _random_name(), gzip_bytes(b"".join(held)), len(held))


def _random_name() -> str:
    """26 lower-case base32 characters and `.json.gz`."""
    return base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower() + ".json.gz"
