"""Whatever order batches are settled in, and wherever a turn ends, each item is counted exactly once."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamodb_backup.archive.export import DataFile
from dynamodb_backup.errors import ObjectChanged, ReadInterrupted
from dynamodb_backup.restore.state import FileState
from dynamodb_backup.restore.write import Batch, FileCursor
from dynamodb_backup.table.batch_write import Outcome, Refused
from dynamodb_backup.typed_record import record_of
from dynamodb_backup.verify.stored_backup import FileProgress
from sandbox.exports.format import gzip_bytes
from tests.unit.restore.fake_s3 import FakeS3

FILE = DataFile("data/a.json.gz", 0, "", None)


def file_of(lines: list[bytes]) -> FakeS3:
    return FakeS3({FILE.key: gzip_bytes(b"".join(line + b"\n" for line in lines))})


def etag(s3: FakeS3) -> str:
    return str(s3.get_object(Bucket="backups", Key=FILE.key)["ETag"])


def reread(state: FileState) -> FileState:
    """What a checkpoint makes of a state."""
    return record_of(FileState, json.loads(json.dumps(asdict(state))))


@given(st.data())
def test_each_item_is_counted_once(data: st.DataObject) -> None:
    count = data.draw(st.integers(0, 90))
    lines = [
        line
        for number in range(count)
        for line in [
            *[b"", b" \t\r"][: data.draw(st.sampled_from([0, 0, 0, 1, 2]))],
            b'{"Item":{"id":{"N":"%d"}}}' % number,
        ]
    ]
    s3 = file_of(lines)
    state = FileState(FileProgress(etag=etag(s3)))
    written: list[bytes] = []
    counted = refused = turns = most_unsettled = 0

    while not state.written:
        turns += 1
        assert turns < 400
        cursor = FileCursor(s3.store(), FILE, state)
        in_flight: list[Batch] = []
        ends_early = False
        while not ends_early and not (cursor.exhausted and not in_flight):
            takes = not cursor.exhausted and (not in_flight or data.draw(st.booleans()))
            if takes:
                batch = cursor.next_batch()
                in_flight += [batch] if batch else []
                continue
            batch = in_flight.pop(data.draw(st.integers(0, len(in_flight) - 1)))
            bad = [line for line in batch.lines if line.endswith(b'7"}}}')]
            settled = data.draw(st.sampled_from([len(batch.lines), len(batch.lines), len(batch.lines) // 2, 0]))
            leading = batch.lines[:settled]
            written += leading
            outcome = Outcome(
                written=sum(line not in bad for line in leading),
                refused=[Refused(line, "bad") for line in leading if line in bad],
                unsettled=batch.lines[settled:],
            )
            cursor.settle(batch, outcome)
            counted += outcome.written
            refused += len(outcome.refused)
            ends_early = bool(outcome.unsettled) or data.draw(st.sampled_from([False, False, False, True]))
            most_unsettled = max(most_unsettled, len(in_flight) + 1)
        cursor.close()
        state = reread(state)
        assert len(state.settled_ahead) <= most_unsettled

    assert counted + refused == count
    assert refused == sum(str(number).endswith("7") for number in range(count))
    assert sorted(written) == sorted(line for line in lines if line.strip())


def drain(cursor: FileCursor) -> list[bytes]:
    lines = []
    while batch := cursor.next_batch():
        lines += batch.lines
        cursor.settle(batch, Outcome(written=len(batch.lines)))
    return lines


@given(st.lists(st.integers(0, 1200), max_size=4))
def test_broken_reads_go_on_where_they_broke(breaks: list[int]) -> None:
    lines = [b'{"Item":{"id":{"S":"%d"}}}' % number for number in range(400)]
    s3 = file_of(lines)
    state = FileState(FileProgress(etag=etag(s3)))
    s3.breaks = iter(breaks)

    assert drain(FileCursor(s3.store(), FILE, state)) == lines
    assert state.written


def test_a_checkpoint_from_before_gaps_were_kept_is_read() -> None:
    document = asdict(FileState(FileProgress(etag="e"), lines_settled=7))
    del document["settled_ahead"]
    assert record_of(FileState, document) == FileState(FileProgress(etag="e"), lines_settled=7)


def test_reads_that_break_for_ever_are_given_up() -> None:
    s3 = file_of([b'{"Item":{}}'])
    cursor = FileCursor(s3.store(), FILE, FileState(FileProgress(etag=etag(s3))))
    s3.breaks = iter([3] * 1000)

    with pytest.raises(ReadInterrupted, match=r"a\.json\.gz"):
        drain(cursor)


def test_a_file_that_could_not_be_read_is_not_taken_for_written_by_the_next_worker() -> None:
    s3 = file_of([b'{"Item":{"id":{"S":"%d"}}}' % number for number in range(60)])
    state = FileState(FileProgress(etag=etag(s3)))
    cursor = FileCursor(s3.store(), FILE, state)
    s3.breaks = iter([3] * 1000)
    with pytest.raises(ReadInterrupted):
        cursor.next_batch()

    assert cursor.next_batch() is None
    assert not state.written


def test_batches_stay_below_the_limits_of_a_request() -> None:
    lines = [b"x" * 2_500_000] * 14 + [b"y"] * 60
    s3 = file_of(lines)
    cursor = FileCursor(s3.store(), FILE, FileState(FileProgress(etag=etag(s3))))

    batches = []
    while batch := cursor.next_batch():
        batches.append(batch.lines)

    assert max(map(len, batches)) <= 25
    assert max(sum(map(len, batch)) for batch in batches) <= 15 * 1_048_576
    assert [line for batch in batches for line in batch] == lines


def test_another_object_than_the_verified_one_is_never_read() -> None:
    s3 = file_of([b'{"Item":{}}'])
    cursor = FileCursor(s3.store(), FILE, FileState(FileProgress(etag=etag(s3))))
    s3.objects[FILE.key] = gzip_bytes(b'{"Item":{"foreign":{}}}\n')

    with pytest.raises(ObjectChanged, match=r"a\.json\.gz"):
        cursor.next_batch()


def test_a_file_without_lines_is_written_at_once() -> None:
    s3 = file_of([])
    state = FileState(FileProgress(etag=etag(s3)))
    assert FileCursor(s3.store(), FILE, state).next_batch() is None
    assert state.written
