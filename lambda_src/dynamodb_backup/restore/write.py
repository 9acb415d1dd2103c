"""The write pass: verified data files go into the target table, in parallel, and each item is accounted for."""

from __future__ import annotations

import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from dynamodb_backup.archive.datafile import line_blocks
from dynamodb_backup.archive.export import DataFile, NativeExport
from dynamodb_backup.archive.incremental import IncrementalExport
from dynamodb_backup.archive.store import MOST_READS, ObjectStore
from dynamodb_backup.errors import ReadInterrupted
from dynamodb_backup.restore.failed_items import FailedItems
from dynamodb_backup.restore.modes import LineWriter
from dynamodb_backup.restore.state import FileState, TableState
from dynamodb_backup.table.batch_write import MOST_BATCH_BYTES, MOST_BATCH_ITEMS, Outcome
from dynamodb_backup.timing import Deadline

__all__ = ["TableWriter"]


@dataclass(frozen=True)
class Batch:
    """Some lines of one file without blank ones, the position at which they begin, and the position behind each."""

    lines: list[bytes]
    start: int
    ends: list[int]


class FileCursor:
    """One data file being written, by one worker or several at a time.

    A batch may be settled before an earlier one of the same file is. What is settled is counted at once and never taken
    again, not in a later turn either: an item put behind a gap would then be met as one whose key is taken.
    """

    def __init__(self, store: ObjectStore, file: DataFile, state: FileState) -> None:
        self._store = store
        self._file = file
        self._state = state
        self._lock = threading.Lock()
        self._position = state.lines_settled
        self._settled_before = list(state.settled_ahead)
        self._blocks = self._read_on()
        self._block: list[bytes] = []
        self._at = 0
        self._broken_reads = 0
        self._in_flight = 0
        self.exhausted = False
        self.users = 0

    def next_batch(self) -> Batch | None:
        """Return the next lines that nobody has yet, at most one request's worth; ``None`` at the file's end.

        Raises
        ------
        ObjectChanged
            The object is no longer the one that was verified.
        ReadInterrupted
            The connection broke again and again.
        """
        with self._lock:
            try:
                while (batch := self._read_batch()) is None and self._settled_before:
                    self._leave_out(self._settled_before.pop(0)[1])
            except BaseException:
                # Nobody has what was to be read, and whoever comes next must not take this for the file's end.
                self._in_flight += 1
                raise
            if batch:
                self._in_flight += 1
                return batch
            self.exhausted = True
            self._state.written = self._in_flight == 0
            return None

    def settle(self, batch: Batch, outcome: Outcome) -> None:
        """Take in what became of a batch's leading lines; what is behind them is for the next turn."""
        with self._lock:
            if outcome.settled:
                self._state.settle(batch.start, batch.ends[outcome.settled - 1])
            if outcome.settled == len(batch.lines):
                self._in_flight -= 1
            self._state.written = self.exhausted and self._in_flight == 0

    def close(self) -> None:
        self._blocks.close()
        self._block, self._at = [], 0

    def _read_batch(self) -> Batch | None:
        """Take the next lines, at most one request's worth; ``None`` where only blank ones, or none, are left."""
        start, size = self._position, 0
        lines: list[bytes] = []
        ends: list[int] = []
        while len(lines) < MOST_BATCH_ITEMS and (block := self._next_lines(MOST_BATCH_ITEMS - len(lines))):
            taken = 0
            for line in block:
                if size + len(line) > MOST_BATCH_BYTES and lines:
                    break
                taken += 1
                if line and not line.isspace():
                    lines.append(line)
                    ends.append(self._position + taken)
                    size += len(line)
            self._take(taken)
            if taken < len(block):
                break
        if lines:
            ends[-1] = self._position
            return Batch(lines, start, ends)
        return None

    def _leave_out(self, end: int) -> None:
        """Go to the end of some lines that an earlier turn settled."""
        while self._position < end and (block := self._next_lines(end - self._position)):
            self._take(len(block))

    def _take(self, lines: int) -> None:
        self._position += lines
        self._at += lines

    def _next_lines(self, most: int) -> list[bytes]:
        """Return the lines that come next, without taking them; none where the file, or what of it is open, ends."""
        end = self._settled_before[0][0] if self._settled_before else self._state.lines_until
        if end is not None:
            most = min(most, end - self._position)
            if most <= 0:
                return []
        while self._at == len(self._block):
            try:
                self._block, self._at = next(self._blocks, []), 0
            except ReadInterrupted:
                self._broken_reads += 1
                if self._broken_reads == MOST_READS:
                    raise
                self._blocks = self._read_on()
                continue
            if not self._block:
                break
        return self._block[self._at : self._at + most]

    def _read_on(self) -> Generator[list[bytes], None, None]:
        """Yield the lines from the present position on, some thousand at a time, of exactly the verified object."""
        to_skip = self._position
        body, _ = self._store.open(self._file.key, etag=self._state.verified.etag)
        with body:
            for lines in line_blocks(body, f"s3://{self._store.bucket}/{self._file.key}"):
                if to_skip < len(lines):
                    yield lines[to_skip:] if to_skip else lines
                to_skip = max(0, to_skip - len(lines))


class TableWriter:
    """Writes all files of one table that are not written yet.

    Several files are under way at once, because one file holds items of one partition only, and a single partition
    takes no more than 1,000 write units per second. Memory is bounded by the workers, not by the files.

    ``files`` is how far the export's files are, if it is not the table's full backup.
    """

    def __init__(
        self,
        store: ObjectStore,
        export: NativeExport | IncrementalExport,
        state: TableState,
        writer: LineWriter,
        failed: FailedItems,
        deadline: Deadline,
        files: list[FileState] | None = None,
    ) -> None:
        self._writer = writer
        self._state = state
        self._files = state.files if files is None else files
        self._failed = failed
        self._deadline = deadline
        self._unopened = (
            FileCursor(store, file, progress)
            for file, progress in zip(export.files, self._files, strict=True)
            if not progress.written
        )
        self._opened: list[FileCursor] = []
        self._picking = threading.Lock()
        self._counting = threading.Lock()
        self._stop = threading.Event()
        self.trouble: str | None = None

    def run(self, workers: int) -> bool:
        """Write with so many threads and return whether every file is written; ``False`` means that time was up.

        Raises ``ClientError`` where DynamoDB or S3 refuse for a cause that neither time nor another item mends.
        """
        with ThreadPoolExecutor(workers, thread_name_prefix="write") as pool:
            futures = [pool.submit(self._work) for _ in range(workers)]
        for cursor in self._opened:
            cursor.close()
        self._failed.flush()
        for future in futures:
            future.result()
        return all(file.written for file in self._files)

    def _work(self) -> None:
        try:
            cursor = self._pick(None)
            while cursor and not self._stop.is_set():
                batch = cursor.next_batch()
                if batch is None:
                    cursor = self._pick(cursor)
                    continue
                outcome = self._writer.put(batch.lines)
                cursor.settle(batch, outcome)
                self._count(outcome)
                if outcome.unsettled:
                    self.trouble = outcome.last_trouble
                if outcome.unsettled or self._deadline.passed():
                    self._stop.set()
        except BaseException:
            self._stop.set()
            raise

    def _pick(self, previous: FileCursor | None) -> FileCursor | None:
        """Return a file that nobody is at, or else the one with the fewest workers; ``None`` when all are exhausted."""
        with self._picking:
            if previous:
                previous.users -= 1
                previous.close()
            cursor = next(self._unopened, None)
            if cursor:
                self._opened.append(cursor)
            self._opened = [one for one in self._opened if not one.exhausted]
            cursor = cursor or min(self._opened, key=lambda one: one.users, default=None)
            if cursor:
                cursor.users += 1
            return cursor

    def _count(self, outcome: Outcome) -> None:
        with self._counting:
            self._state.items_written += outcome.written
            self._state.items_skipped += outcome.skipped
            self._state.items_unchanged += outcome.unchanged
            self._state.items_failed += len(outcome.refused)
            self._failed.add(outcome.refused)
