"""Data files and their lines: what is read, what is made of it, and what never may be."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zlib
from base64 import b64encode
from typing import Any, cast

from dynamodb_backup.archive.datafile import item_of, line_blocks
from dynamodb_backup.archive.export_manifests import DataFile
from dynamodb_backup.archive.incremental import change_of
from dynamodb_backup.contract.transform import Rule
from dynamodb_backup.restore.transform import TransformingWriter
from dynamodb_backup.table.batch_write import Outcome
from dynamodb_backup.table.keys import KeySchema, canonical_number
from dynamodb_backup.timing import Deadline
from dynamodb_backup.verify.fingerprint import item_digest
from dynamodb_backup.verify.stored_backup import FileProgress, verify_file
from tests.reliability.fuzz.oracle import Target, documented
from tests.reliability.fuzz.shelf import Shelf

__all__ = ["FILES", "LINES"]

KEYS = (KeySchema((("id", "S"),)), KeySchema((("id", "N"), ("at", "B"))))
RULES = (Rule(("email",), "hash"), Rule(("profile", "phone"), "mask"), Rule(("card",), "drop"))


class _Kept:
    """A writer that keeps what it was given."""

    def put(self, lines: Any) -> Outcome:
        for line in lines:
            item_of(line)
        return Outcome(written=len(lines))


def check_line(data: bytes) -> None:
    """Read a line as both kinds of export have it, and make of it what a restore and a verification do."""
    with documented(ValueError):
        item = item_of(data)
        assert type(item) is dict
        _use(item)
        writer = TransformingWriter(_Kept(), RULES, "0123456789abcdef", {})
        writer.put([data])
    with documented(ValueError):
        change = change_of(data)
        for image in (change.keys, change.old, change.new):
            if image:
                _use(image)


def _use(item: dict[str, Any]) -> None:
    for keys in KEYS:
        with documented(ValueError):
            keys.digest(item)
    with documented(ValueError):
        digest = item_digest(item)
        # Neither the order of names nor blanks nor escapes make another item.
        shuffled = dict(reversed(item.items()))
        line = json.dumps({"Item": shuffled}, indent=1).replace("\n", " ").encode()
        assert item_digest(item_of(line)) == digest
    for typed in item.values():
        number = typed.get("N") if isinstance(typed, dict) else None
        if isinstance(number, str):
            with documented(ValueError):
                text = canonical_number(number)
                assert canonical_number(text) == text
                assert not set(text) - set("-.0123456789")


UNKNOWN_OR_CHECKED = 0b1110_0010
"""Flags in the fourth byte of a gzip member: three that RFC 1952 reserves, and FHCRC."""


def check_file(data: bytes) -> None:
    """Read a data file as a verification does: all of it, or none."""
    lines = hashlib.sha256()
    with documented():
        for block in line_blocks(cast("io.RawIOBase", io.BytesIO(data)), "file"):
            lines.update(b"\n".join(block) + b"\n")
        text = _unpacked(data)
        if text is not None:
            whole = text if text.endswith(b"\n") or not text else text + b"\n"
            assert lines.digest() == hashlib.sha256(whole).digest()
    md5 = b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    for parse in (item_of, change_of):
        progress = FileProgress()
        with documented():
            verify_file(Shelf({"file": data}), DataFile("file", 1, md5, None), progress, Deadline(60), parse=parse)
            assert progress.done
            assert progress.items == 1


def _unpacked(data: bytes) -> bytes | None:
    """Unpack with nothing but zlib; whatever follows the last member may be zeros alone.

    ``None`` where zlib cannot judge: it refuses unknown flags and checks a header's own checksum, and Python's gzip,
    which passes both over, gives the same content.
    """
    parts = []
    while data:
        if data[3] & UNKNOWN_OR_CHECKED:
            return None
        unpacker = zlib.decompressobj(wbits=31)
        parts.append(unpacker.decompress(data))
        data = unpacker.unused_data.lstrip(b"\0")
    return b"".join(parts)


def pack(text: bytes) -> bytes:
    """Return a data file that holds a text."""
    return gzip.compress(text, 1, mtime=0)


LINES = Target("lines", check_line, "json")
FILES = Target("files", check_file, "gzip")
