"""One segment of a scan: pages of the table into data files, and a checkpoint behind each file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from dynamodb_backup.archive.export_writing import ExportWriter, PackedItems
from dynamodb_backup.aws_errors import AWS_ERRORS, explain, is_transient
from dynamodb_backup.backup.methods.scan_state import ScanState, SegmentState
from dynamodb_backup.errors import WriteConflict
from dynamodb_backup.table.read_rate import ReadRate
from dynamodb_backup.table.scan import Page, Segment
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import Clock, Deadline, backoff_seconds, iso

__all__ = ["SegmentReader"]

ReadPage = Callable[[Segment, int | None], Page]
"""Read the page of a segment that comes next, with at most so many items."""


@dataclass(frozen=True)
class SegmentReader:
    """Reads segments of one table into data files of one export. Memory: one file of packed bytes and one page."""

    read_page: ReadPage
    writer: ExportWriter
    state: ScanState
    rate: ReadRate
    metadata: Mapping[str, str]
    file_bytes: int
    deadline: Deadline
    clock: Clock

    def carry(self, segment: SegmentState) -> SegmentState:
        """Read on until the segment's end or the deadline, at least one page unless the read rate forbids it.

        A file is uploaded before the checkpoint names it. Whatever happens in between leaves an object that no manifest
        lists; the next one to come reads the same pages again. Where another invocation got further with the segment,
        this one leaves it alone.

        Raises
        ------
        ClientError, ResponseParserError
            Reading failed. What was read before is safe.
        """
        while not segment.done:
            try:
                segment = self._one_file(segment)
            except WriteConflict:
                logger.info("another invocation reads this segment of the scan", segment=segment.segment)
                return self.state.segment(segment.segment)
            if self.deadline.passed():
                break
        return segment

    def _one_file(self, segment: SegmentState) -> SegmentState:
        """Read pages until the file is full, the segment ends, or time is up; upload the file and record it."""
        packed = PackedItems()
        units = 0.0
        position = Segment(segment.segment, segment.start)
        trouble: BaseException | None = None
        moved = False
        while not position.done and packed.size < self.file_bytes and not (moved and self.deadline.passed()):
            try:
                page = self._page(position)
            except AWS_ERRORS as error:
                trouble = error
                break
            if page is None:
                break
            packed.add(page.items)
            units += page.read_units
            position = Segment(position.number, page.last, done=page.last is None)
            moved = True
        if moved:
            segment = self._record(segment, packed, position, units)
        if trouble:
            raise trouble
        return segment

    def _page(self, position: Segment) -> Page | None:
        """Read the next page; ``None`` if the read rate has nothing left before the deadline."""
        pauses = backoff_seconds()
        while True:
            while (wait := self.rate.wait_seconds()) > 0:
                if self.deadline.passed():
                    return None
                self.deadline.sleep(wait)
            try:
                page = self.read_page(position, self.rate.limit())
            except AWS_ERRORS as error:
                if not is_transient(error) or self.deadline.passed():
                    raise
                logger.debug("a page of a scan is read again", error=explain(error))
                self.deadline.sleep(next(pauses))
            else:
                self.rate.consumed(page.read_units, len(page.items))
                return page

    def _record(self, segment: SegmentState, packed: PackedItems, position: Segment, units: float) -> SegmentState:
        # An empty segment has one file with nothing in it, like an empty partition of DynamoDB's own export.
        files = segment.files
        if packed.count or (position.done and not files):
            files = (*files, self.writer.write(packed, self.metadata))
        now: datetime = self.clock()
        return self.state.save(
            replace(
                segment,
                start=position.start,
                done=position.done,
                files=files,
                read_units=segment.read_units + units,
                paid_until=self.rate.paid_until,
                ended_at=iso(now),
            )
        )
