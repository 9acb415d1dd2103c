"""Is this table equal to that backup? The table is read once; each of its items is looked up among the digests.

What is found is marked at the digest's position, one byte each, so that it is known afterwards what the table lacks,
and what of the backup need not be written. Marks and segments are kept between turns, so no item is counted twice.
"""

from __future__ import annotations

import threading
import uuid
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from dynamodb_backup.archive.datafile import item_of, line_blocks
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws_errors import AWS_ERRORS, patiently
from dynamodb_backup.errors import TargetUnusable, TimeIsUp, ToolError
from dynamodb_backup.pool import run_workers
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.table.scan import Segment, item_page
from dynamodb_backup.timing import Deadline
from dynamodb_backup.verify.digests import BackupDigests, short_digest
from dynamodb_backup.verify.fingerprint import Fingerprint, item_digest

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

__all__ = ["MOST_SAMPLES", "Comparison", "ComparisonState"]

MOST_SAMPLES = 10
"""Of each kind of difference so many keys are told."""

_UNSEEN, _IDENTICAL, _DIFFERENT = 0, 1, 2


@dataclass
class ComparisonState:
    """What a checkpoint holds of a comparison. Counts are items of the table; samples are keys and nothing else."""

    segments: list[Segment] = field(default_factory=list)
    items: int = 0
    fingerprint: str = str(Fingerprint())
    identical: int = 0
    different: int = 0
    extra: int = 0
    missing: int = 0
    samples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    files_sampled: int = 0
    marks: str | None = None
    done: bool = False

    def differences(self) -> dict[str, Any]:
        """Return what is told of a comparison: counts, and some keys of each kind."""
        samples = {kind: keys for kind, keys in self.samples.items() if keys}
        return {"missing": self.missing, "extra": self.extra, "different": self.different, "samples": samples}

    def sample(self, kind: str, key: dict[str, Any]) -> None:
        known = self.samples.setdefault(kind, [])
        if len(known) < MOST_SAMPLES:
            known.append(key)


class Comparison:
    """Compares one table with the digests of a backup, which must have been collected with items.

    Parameters
    ----------
    folder
        Where the marks are kept between turns; ends with ``/``.
    """

    def __init__(
        self, store: ObjectStore, folder: str, digests: BackupDigests, keys: KeySchema, state: ComparisonState
    ) -> None:
        self._store = store
        self._folder = folder
        self._digests = digests
        self._keys = keys
        self._state = state
        self._marks: list[bytearray] | None = None
        self._noting = threading.Lock()
        self._loading = threading.Lock()
        self._unsaved = False

    def run(self, client: DynamoDBClient, table: str, expected: int, workers: int, deadline: Deadline) -> bool:
        """Read the table as far as time allows; ``False`` means that time was up.

        Parameters
        ----------
        expected
            How many items the backup has.

        Raises
        ------
        ClientError
            As DynamoDB says, for example ``ResourceNotFoundException`` where the table was deleted meanwhile.
        """
        state = self._state
        if state.done:
            return True
        marks = self._load()
        if not state.segments:
            state.segments = [Segment(number) for number in range(workers)]
        total = len(state.segments)

        def read(segment: Segment) -> None:
            while not segment.done:
                items, last = patiently(lambda: item_page(client, table, segment, total))
                self._note(items, marks)
                segment.start, segment.done = last, last is None
                if deadline.passed() and not segment.done:
                    raise TimeIsUp(f"reading table {table} goes on in the next turn")

        if not run_workers(workers, [one for one in state.segments if not one.done], read, deadline):
            return False
        state.missing = expected - state.identical - state.different
        state.done = True
        return True

    def save(self) -> None:
        """Keep the marks for the next turn."""
        if self._marks is not None and self._unsaved:
            key = f"{self._folder}{uuid.uuid4().hex}"
            body = zlib.compress(b"".join(self._marks), 1)
            self._store.put(key, body, content_type="application/octet-stream")
            self._state.marks = key
            self._unsaved = False

    def is_identical(self, item: Mapping[str, Any]) -> bool:
        """Tell whether the table held exactly this item of the backup when it was read."""
        try:
            digest = self._keys.digest(item)
        except ValueError:
            return False
        return self._mark_of(digest) == _IDENTICAL

    def sample_missing(self, store: ObjectStore, files: Mapping[str, str | None], deadline: Deadline) -> bool:
        """Look through data files, by key and verified ETag, for some keys that the table lacks.

        ``False`` means that time was up. At least one file is looked through in each turn.
        """
        state = self._state
        for key, etag in list(files.items())[state.files_sampled :]:
            # Samples are a help; that a file cannot be read any more changes nothing about what was found.
            with suppress(ToolError, *AWS_ERRORS):
                if not self._sample_file(store, key, etag):
                    return True
            state.files_sampled += 1
            if deadline.passed():
                return state.files_sampled == len(files)
        return True

    def _sample_file(self, store: ObjectStore, key: str, etag: str | None) -> bool:
        body, _ = store.open(key, etag=etag)
        with body:
            return all(self._sample_missing(lines) for lines in line_blocks(body, f"s3://{store.bucket}/{key}"))

    def _sample_missing(self, lines: Iterable[bytes]) -> bool:
        """Take samples from some lines, each key once; return whether more are wanted."""
        found = self._state.samples.setdefault("missing", [])
        most = min(MOST_SAMPLES, self._state.missing)
        for line in lines:
            if len(found) >= most:
                return False
            item = item_of(line) if line and not line.isspace() else None
            if item is not None and self._lacks(item) and self._key(item) not in found:
                found.append(self._key(item))
        return len(found) < most

    def _lacks(self, item: Mapping[str, Any]) -> bool:
        try:
            return self._mark_of(self._keys.digest(item)) == _UNSEEN
        except ValueError:
            return False

    def _note(self, items: list[dict[str, Any]], marks: list[bytearray]) -> None:
        """Take in one page whole: nothing in here can fail half-way."""
        page, found = Fingerprint(), []
        for item in items:
            digest = self._digest(item)
            whole = item_digest(item)
            page.add(whole)
            found.append((digest, self._digests.find(digest), short_digest(whole), item))
        with self._noting:
            self._unsaved = True
            state = self._state
            state.items += len(items)
            for digest, position, short, item in found:
                if position is None:
                    state.extra += 1
                    state.sample("extra", self._key(item))
                elif self._digests.item_at(digest[0], position) == short:
                    state.identical += 1
                    marks[digest[0]][position] = _IDENTICAL
                else:
                    state.different += 1
                    marks[digest[0]][position] = _DIFFERENT
                    state.sample("different", self._key(item))
            state.fingerprint = str(Fingerprint.parse(0, state.fingerprint) + page)

    def _digest(self, item: Mapping[str, Any]) -> bytes:
        try:
            return self._keys.digest(item)
        except ValueError:
            raise TargetUnusable(
                f"the table that is read no longer has the key {self._keys}: it was replaced meanwhile; begin anew"
            ) from None

    def _key(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {name: item[name] for name in self._keys.names}

    def _mark_of(self, digest: bytes) -> int | None:
        position = self._digests.find(digest)
        return None if position is None else self._load()[digest[0]][position]

    def _load(self) -> list[bytearray]:
        with self._loading:
            if self._marks is None:
                sizes = self._digests.sizes()
                kept = self._state.marks
                whole = zlib.decompress(self._store.get(kept).body) if kept else bytes(sum(sizes))
                ends = accumulate(sizes)
                self._marks = [bytearray(whole[end - size : end]) for size, end in zip(sizes, ends, strict=True)]
            return self._marks
