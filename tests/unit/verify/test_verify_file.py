"""Verification of one data file: over broken connections and over turns, each item is looked at exactly once."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamodb_backup.archive import datafile
from dynamodb_backup.archive.export import DataFile
from dynamodb_backup.errors import BackupDamaged, ObjectChanged, ReadInterrupted, TimeIsUp
from dynamodb_backup.timing import Deadline
from dynamodb_backup.typed_record import record_of
from dynamodb_backup.verify.stored_backup import FileProgress, verify_file
from sandbox.exports.format import full_line, gzip_bytes
from tests.unit.restore.fake_s3 import FakeS3

KEY = "data/a.json.gz"
ITEMS = [{"id": {"S": f"{number:04d}"}} for number in range(300)]
STORED = gzip_bytes(b"".join(map(full_line, ITEMS)))


def listed(stored: bytes, count: int) -> DataFile:
    digest = hashlib.md5(stored, usedforsecurity=False).digest()
    return DataFile(KEY, count, base64.b64encode(digest).decode(), None)


FILE = listed(STORED, len(ITEMS))


@pytest.fixture(autouse=True, scope="module")
def _no_pauses() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(time, "sleep", lambda _: None)
        yield


def test_a_good_file_is_done() -> None:
    seen: list[Any] = []
    progress = FileProgress()
    verify_file(FakeS3({KEY: STORED}).store(), FILE, progress, Deadline(100), seen.append)
    assert seen == ITEMS
    assert (progress.items, progress.lines, progress.done) == (300, 300, True)


@given(st.lists(st.integers(0, len(STORED)), max_size=4), st.integers(200, 20_000))
def test_broken_connections_show_no_item_twice(breaks: list[int], block: int) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(datafile, "BLOCK_BYTES", block)
        s3 = FakeS3({KEY: STORED})
        s3.breaks = iter(breaks)
        seen: list[Any] = []
        progress = FileProgress()
        verify_file(s3.store(), FILE, progress, Deadline(100), seen.append)
    assert seen == ITEMS
    assert progress.done


@pytest.mark.parametrize("block", [250, 1000, 3000])
def test_turns_without_time_show_no_item_twice_and_come_to_an_end(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(datafile, "BLOCK_BYTES", block)
    seen: list[Any] = []
    progress = FileProgress()
    turns = 0
    while not progress.done:
        turns += 1
        before = progress.lines
        with suppress(TimeIsUp):
            verify_file(FakeS3({KEY: STORED}).store(), FILE, progress, Deadline(0), seen.append)
        assert progress.lines > before or progress.items == len(ITEMS)
    assert turns > 2
    assert seen == ITEMS


def test_reads_that_break_for_ever_are_given_up() -> None:
    s3 = FakeS3({KEY: STORED})
    s3.breaks = iter([10] * 1000)
    with pytest.raises(ReadInterrupted, match=KEY):
        verify_file(s3.store(), FILE, FileProgress(), Deadline(100))


def test_a_file_replaced_between_turns_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datafile, "BLOCK_BYTES", 1000)
    s3 = FakeS3({KEY: STORED})
    progress = FileProgress()
    with pytest.raises(TimeIsUp):
        verify_file(s3.store(), FILE, progress, Deadline(0))
    s3.objects[KEY] = gzip_bytes(b"".join(map(full_line, reversed(ITEMS))))
    with pytest.raises(ObjectChanged, match=KEY):
        verify_file(s3.store(), FILE, progress, Deadline(0))


def test_lines_of_an_earlier_turn_that_were_others_are_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """One read is altered on its way, and only what it gave after the turn's end would be compared by MD5."""
    monkeypatch.setattr(datafile, "BLOCK_BYTES", 1000)
    s3 = FakeS3({KEY: gzip_bytes(b"".join(map(full_line, ITEMS)).replace(b"0007", b"0008", 1))})
    progress = FileProgress()
    with pytest.raises(TimeIsUp):
        verify_file(s3.store(), FILE, progress, Deadline(0))
    s3.objects[KEY] = STORED
    progress = record_of(FileProgress, asdict(progress))  # as through a checkpoint
    progress.etag = None  # the object as stored never changed
    with pytest.raises(BackupDamaged, match=f"two reads of data file .*{KEY} gave different lines"):
        verify_file(s3.store(), FILE, progress, Deadline(100))
    assert not progress.done


def test_progress_of_an_older_version_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datafile, "BLOCK_BYTES", 1000)
    progress = record_of(FileProgress, {"etag": None, "lines": 100, "items": 100, "done": False})
    verify_file(FakeS3({KEY: STORED}).store(), FILE, progress, Deadline(100))
    assert (progress.items, progress.done, progress.lines_crc32) == (300, True, None)


@pytest.mark.parametrize(
    ("stored", "file", "words"),
    [
        (None, FILE, "missing"),
        (STORED, listed(STORED, 299), "300 items, the manifest says 299"),
        (STORED, listed(STORED, 301), "300 items, the manifest says 301"),
        (STORED, listed(STORED + b"x", 300), "MD5"),
        (gzip_bytes(b"{}\n"), listed(gzip_bytes(b"{}\n"), 1), "line 1"),
        (gzip_bytes(b'\n\n{"Item":1}\n'), listed(gzip_bytes(b'\n\n{"Item":1}\n'), 1), "line 3"),
        (gzip_bytes(b"\xff\n"), listed(gzip_bytes(b"\xff\n"), 1), "not UTF-8"),
    ],
    ids=["missing", "one item more", "one item short", "altered", "no item", "line number", "encoding"],
)
def test_damage_is_named_without_data(stored: bytes | None, file: DataFile, words: str) -> None:
    s3 = FakeS3({} if stored is None else {KEY: stored})
    progress = FileProgress()
    with pytest.raises(BackupDamaged, match=words) as caught:
        verify_file(s3.store(), file, progress, Deadline(100))
    assert KEY in str(caught.value)
    assert not progress.done
