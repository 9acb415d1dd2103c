"""One export: its data files side by side, and its manifests after them, so that no half of it is taken for one."""

from __future__ import annotations

import threading
import time
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dynamodb_backup.archive.export_manifests import DataFile, listing_digest
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.errors import TimeIsUp
from dynamodb_backup.offsite.records import COPIED, ExportRecord
from dynamodb_backup.offsite.work import Work
from dynamodb_backup.pool import run_workers

__all__ = ["FoundExport", "copy_export", "is_held"]

WORKERS = 8
"""Each holds a part in memory, some 16 MiB with what botocore makes of it."""

SECONDS_BETWEEN_CHECKPOINTS = 10.0

MANIFESTS = ("manifest-files.md5", "manifest-files.json", "manifest-summary.md5", "manifest-summary.json")
"""In the order in which they are copied: an export is where its summary is."""


@dataclass(frozen=True)
class FoundExport:
    """What an export's own manifests say. ``export_time`` (ISO 8601) is the moment that it holds."""

    root: str
    files: Sequence[DataFile]
    export_time: str | None = None


def copy_export(work: Work, export_manifest: str, find: Callable[[], FoundExport]) -> ExportRecord:
    """Copy an export, unless that was done before, and return its record.

    Parameters
    ----------
    export_manifest
        Key of its manifest-summary.json in the source.
    find
        Reads its manifests; of one that was copied before only on the way back, for an old export may be gone at home.

    Raises
    ------
    ToolError, ClientError, BotoCoreError
        It cannot be read, is not whole, or the target does not take it.
    TimeIsUp
        The same call goes on later.
    """
    key, record = work.records.export(export_manifest, work.source.layout.prefix)
    if record.status == COPIED and work.transfer.overwrite:
        return record
    found = find()
    listing = listing_digest(found.files)
    if record.status == COPIED and record.listing == listing and is_held(work, found):
        return record
    if record.status == COPIED or record.listing != listing:
        record = ExportRecord(listing=listing, export_time=found.export_time, etag=record.etag)
    _ExportCopy(work, key, record, found).execute()
    return record


def is_held(work: Work, found: FoundExport) -> bool:
    """Tell whether the target has every file of an export, by listing it: what was fetched may be deleted by now."""
    files = [file.key for file in found.files] + [f"{found.root}{name}" for name in MANIFESTS if name.endswith(".json")]
    wanted = {work.target_key(key) for key in files}
    folders = {f"{key.rpartition('/')[0]}/" for key in wanted}
    return wanted <= {key for folder in folders for key in work.target.store.keys(folder)}


class _ExportCopy:
    def __init__(self, work: Work, key: str, record: ExportRecord, found: FoundExport) -> None:
        self._work = work
        self._key = key
        self._record = record
        self._found = found
        self._lock = threading.RLock()
        self._saved_at = time.monotonic()

    def execute(self) -> None:
        numbers = [number for number in range(len(self._found.files)) if not self._record.is_done(number)]
        try:
            finished = run_workers(WORKERS, numbers, self._copy_file, self._work.deadline)
        finally:
            self._save()
        if not finished:
            raise TimeIsUp("the same event again goes on with the copy")
        self._copy_beside()
        for name in MANIFESTS:
            # The companions with the MD5s may be missing, as copies of other tools often lack them.
            self._work.copy_small(f"{self._found.root}{name}")
        self._record.status = COPIED
        self._save()

    def _copy_file(self, number: int) -> None:
        file = self._found.files[number]
        to = self._work.target_key(file.key)
        size = self._work.transfer.copy(file.key, to, self._record.uploads, self._save, b64decode(file.md5).hex())
        with self._lock:
            self._record.done(number, size)
            if time.monotonic() - self._saved_at > SECONDS_BETWEEN_CHECKPOINTS:
                self._save()

    def _copy_beside(self) -> None:
        """Copy what was found out about the export: it need not be there, and is no part of it."""
        root = self._found.root
        for key in (Layout.key_index(root), Layout.fingerprint(root)):
            self._work.copy_small(key, keep_existing=not self._work.transfer.overwrite)

    def _save(self) -> None:
        with self._lock:
            self._saved_at = time.monotonic()
            # Other workers may begin uploads meanwhile.
            snapshot = replace(self._record, uploads=dict(self._record.uploads))
            self._work.records.save(self._key, snapshot)
            self._record.etag = snapshot.etag
