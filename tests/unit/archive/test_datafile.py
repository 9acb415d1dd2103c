"""Lines of data files: what is an item, and that nothing but an item is ever spliced into a request."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynamodb_backup.archive import datafile
from dynamodb_backup.archive.datafile import ChecksumReader, item_of, line_blocks
from dynamodb_backup.errors import BackupDamaged
from sandbox.exports import full_line

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
items = st.dictionaries(st.sampled_from(["id", "B", "Item", "PutRequest", "}", '"', "é"]), json_values, max_size=3)
MANY = 4 * (settings.default or settings()).max_examples
fragments = st.sampled_from(
    [
        *(bytes([code]) for code in b'{}[],:"\\ \r\t\xff\0'),
        "\u00a0".encode(),
        "\u2028".encode(),
        b'"Item"',
        b'"It\\u0065m"',
        b'{"DeleteRequest":{"Key":{}}}',
        b'},{"DeleteRequest":{"Key":{}}',
        b"null",
        b"1e5",
    ]
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # the first text of a run takes seconds
@given(items)
def test_an_item_is_read_as_it_is(item: dict[str, Any]) -> None:
    for line in (
        full_line(item).rstrip(b"\n"),
        full_line(item).rstrip(b"\n") + b"\r",
        json.dumps({"Item": item}, ensure_ascii=True).encode(),
        json.dumps({"Item": item}, indent=1).replace("\n", " ").encode(),
    ):
        assert item_of(line) == item


@settings(max_examples=MANY, suppress_health_check=[HealthCheck.too_slow])
@given(items, st.lists(st.tuples(st.integers(0, 60), fragments), min_size=1, max_size=3), st.booleans())
def test_what_is_taken_for_an_item_is_one_put_and_nothing_else(
    item: dict[str, Any], edits: list[tuple[int, bytes]], from_the_end: bool
) -> None:
    line = full_line(item).rstrip(b"\n")
    for place, fragment in edits:
        at = max(0, len(line) - place) if from_the_end else place
        line = line[:at] + fragment + line[at:]
    try:
        read = item_of(line)
    except ValueError:
        return
    body = b'[{"PutRequest":' + line.strip() + b'},{"PutRequest":' + line.strip() + b"}]"
    assert json.loads(body) == [{"PutRequest": {"Item": read}}] * 2


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'"Item"',
        b'{"Item":null}',
        b'{"Item":[]}',
        b'{"Item":"x"}',
        b'{"item":{}}',
        b'{"Item":{}}}',
        b'{"Item":{}},',
        b'{"Item":{}}{"Item":{}}',
        b'{"Item":{}} x',
        b'{"Item":{},"Item":{}}',
        b'{"Item":{}, "Item":{}}',
        b'{ "Item":{},"Item":{}}',
        b'{"It\\u0065m":{},"Item":{}}',
        b'{"Item":{},"Keys":{}}',
        b'{"Item":{}},{"DeleteRequest":{"Key":{}}',
        b'[["Item",{}]]',
        b'\xef\xbb\xbf{"Item":{}}',
        b'{"Item":{"a":{"S":"\xff"}}}',
        b"{'Item':{}}",
        b'{"Item":{}',
        b'{"Item":{"a":' + b"[" * 100_000,
        b'{ "Item":' + b"[" * 100_000,
        b'{"Item":{"n":' + b"9" * 5000 + b"}}",
    ],
    ids=lambda line: repr(line[:40]),
)
def test_what_is_no_item_is_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message is the caller's to word
        item_of(line)


# --- from gzip to lines


def lines_of(stored: bytes) -> list[bytes]:
    return [line for lines in line_blocks(io.BytesIO(stored), "a.json.gz") for line in lines]  # type: ignore[arg-type]


@given(st.lists(st.sampled_from([b"a", b"bb", b"\n", b"\r\n", b"\n\n", b"\xe2\x80\xa8", b"\x0b\x1c\x85"])), st.data())
def test_lines_end_at_line_feeds_alone_however_the_file_is_packed(pieces: list[bytes], data: st.DataObject) -> None:
    content = b"".join(pieces)
    cut = data.draw(st.integers(0, len(content)))
    expected = content.split(b"\n")
    for stored in (gzip.compress(content), gzip.compress(content[:cut]) + gzip.compress(content[cut:])):
        found = lines_of(stored)
        assert found == (expected if expected[-1] else expected[:-1])


@given(st.integers(8, 20), st.lists(st.binary(max_size=7).map(lambda line: line.replace(b"\n", b"")), max_size=9))
def test_lines_longer_than_a_block_are_put_together(block: int, lines: list[bytes]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(datafile, "BLOCK_BYTES", block)
        assert lines_of(gzip.compress(b"".join(line + b"\n" for line in lines))) == lines


def test_nothing_packed_is_no_line() -> None:
    assert lines_of(gzip.compress(b"")) == []


STORED = gzip.compress(b"".join(full_line({"id": {"S": str(number)}}) for number in range(50)))


@given(st.integers(1, len(STORED) - 1))
def test_a_truncated_file_is_damaged_wherever_it_was_cut(cut: int) -> None:
    with pytest.raises(BackupDamaged, match=r"a\.json\.gz"):
        lines_of(STORED[:cut])


@pytest.mark.parametrize(
    "stored",
    [
        b"not gzip",
        STORED + b"garbage",
        STORED[:-8] + bytes(8),
        STORED[:-4] + bytes(4),
        zlib.compress(b"x"),
        STORED[10:],
    ],
    ids=["text", "garbage behind", "no checksum", "no length", "zlib", "no header"],
)
def test_what_is_not_whole_gzip_is_damaged(stored: bytes) -> None:
    with pytest.raises(BackupDamaged, match=r"a\.json\.gz"):
        lines_of(stored)


def test_a_line_that_no_item_can_have_is_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datafile, "LONGEST_LINE_BYTES", 100)
    monkeypatch.setattr(datafile, "BLOCK_BYTES", 64)
    with pytest.raises(BackupDamaged, match="100 bytes"):
        lines_of(gzip.compress(b"x" * 1000))


def test_the_checksum_is_that_of_all_bytes_read_or_not() -> None:
    reader = ChecksumReader(io.BytesIO(STORED + b"more"))  # type: ignore[arg-type]
    assert reader.read(7) == STORED[:7]
    while reader.pass_block():
        pass
    whole = ChecksumReader(io.BytesIO(STORED + b"more"))  # type: ignore[arg-type]
    while whole.pass_block():
        pass
    assert reader.md5 == whole.md5


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"Item":{"id":{"S":"\xff"}}}', "not UTF-8"),
        (b'{"Item":{"n":NaN}}', "NaN"),
        (b'{ "Item" : {"n":-Infinity}}', "-Infinity"),
        (b'{"Item":' + b'{"M":' * 60 + b"{}" + b"}" * 61, ""),
        (b'{"Item":' + b'{"M":' * 101 + b"{}" + b"}" * 102, "nested too deeply"),
        (b'{"Item":{"l":' + b"[" * 100_000 + b"]" * 100_000 + b"}}", "nested too deeply"),
        (b'{"Item":{"l":' + b'{"L":[' * 100_000, "nested too deeply"),
        (b'{"Item":{"l":{"L":[' + b"[]," * 1_100_000 + b"[]]}}}", "more than 900000 values"),
        (b'{"Item":{"n":' + b"9" * 1_000_000 + b"}}", "integer"),
    ],
    ids=lambda part: part if isinstance(part, str) else repr(part[:40]),
)
def test_a_line_beyond_all_measure_is_refused_before_anything_is_made_of_it(line: bytes, problem: str) -> None:
    if not problem:
        assert item_of(line)
        return
    with pytest.raises(ValueError, match=problem) as refused:
        item_of(line)
    assert not isinstance(refused.value, UnicodeError)


def test_the_largest_item_that_there_can_be_is_read() -> None:
    """A list of empty texts: each is one of the item's 409,600 bytes, and ten characters of the line."""
    line = b'{"Item":{"id":{"S":"a"},"l":{"L":[' + b'{"S":""},' * 409_000 + b'{"S":""}]}}}'
    assert len(item_of(line)["l"]["L"]) == 409_001
