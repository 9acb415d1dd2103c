"""Verifying what an export wrote, over several turns if need be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dynamodb_backup.archive.datafile import item_of
from dynamodb_backup.archive.export import NativeExport
from dynamodb_backup.archive.export_manifests import files_digest
from dynamodb_backup.archive.incremental import IncrementalExport, change_of
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.backup.record import TableRun
from dynamodb_backup.errors import TimeIsUp, ToolError
from dynamodb_backup.pool import run_workers
from dynamodb_backup.timing import Deadline
from dynamodb_backup.verify.captured_keys import read_captured_keys
from dynamodb_backup.verify.key_index import IndexMaker
from dynamodb_backup.verify.stored_backup import FileProgress, verify_checksum, verify_file

__all__ = ["Verification"]

VERIFY_THREADS = 16
PARSE_UP_TO_BYTES = 256 * 1_048_576
"""Compressed bytes per table up to which every line is parsed too. Above it a backup run checks every file's checksum
and the counts of both manifests; a restore parses every line of any backup before it writes."""


class Verification:
    """Checks first every file's checksum, then every line. Progress is counted in leading files of the manifest."""

    def __init__(
        self, store: ObjectStore, export: NativeExport | IncrementalExport, table: TableRun, deadline: Deadline
    ) -> None:
        self.export = export
        self._store = store
        self._deadline = deadline
        self._earlier_bytes = table.checked_bytes
        self._earlier_files = table.checked_files
        self._sizes: dict[int, int] = {}
        self._earlier_parsed = table.parsed_files
        self._definition_key = table.definition_key
        self._definition_sha256 = table.definition_sha256
        self._index: IndexMaker | None = None
        self.warnings: list[str] = []
        self._parsing = {int(number): replace(progress) for number, progress in table.parsing.items()}

    def run(self) -> None:
        """Verify what is not verified yet.

        Raises
        ------
        BackupDamaged
            A data file is missing or altered, or does not hold the items that the manifest says.
        TimeIsUp
            The deadline came first; ``progress`` tells how far it got.
        """
        self._each(range(self._earlier_files, len(self.export.files)), self._check)
        if self._parses():
            self._begin_index()
            try:
                self._each(range(self._earlier_parsed, len(self.export.files)), self._parse)
            finally:
                self._save_index()

    def progress(self, table: TableRun) -> TableRun:
        """Return the table with what is verified by now, so that a later turn need not begin again."""
        checked = _leading(self._earlier_files, self._sizes)
        parsed = _leading(self._earlier_parsed, {number for number, one in self._parsing.items() if one.done})
        return replace(
            table,
            checked_files=checked,
            checked_bytes=self._earlier_bytes + sum(self._sizes[one] for one in range(self._earlier_files, checked)),
            parsed_files=parsed,
            parsing={str(number): replace(progress) for number, progress in self._parsing.items() if number >= parsed},
        )

    def report(self) -> dict[str, Any]:
        """Return what the manifest records of this verification."""
        return {
            "files": len(self.export.files),
            "compressed_bytes": self._bytes(),
            "checked": "every line and checksum" if self._parses() else "every checksum",
            "files_sha256": files_digest(self.export.files),
        }

    def _parses(self) -> bool:
        return self._bytes() <= PARSE_UP_TO_BYTES

    def _bytes(self) -> int:
        return self._earlier_bytes + sum(self._sizes.values())

    def _check(self, number: int) -> None:
        self._sizes[number] = verify_checksum(self._store, self.export.files[number], self._deadline)

    def _parse(self, number: int) -> None:
        progress = self._parsing.setdefault(number, FileProgress())
        if not progress.done:
            on_item = self._index.on_item(number, progress) if self._index else None
            parse = change_of if isinstance(self.export, IncrementalExport) else item_of
            verify_file(self._store, self.export.files[number], progress, self._deadline, on_item, parse)

    def _begin_index(self) -> None:
        """Make the key index beside. A backup is as good without one, so no trouble with it fails the backup."""
        if self._definition_key is None or isinstance(self.export, IncrementalExport):
            return
        try:
            keys = read_captured_keys(self._store, self._definition_key, self._definition_sha256)
            self._index = IndexMaker(self._store, self.export, keys)
        except (ToolError, *AWS_ERRORS) as error:
            self._no_index(error)

    def _save_index(self) -> None:
        try:
            if self._index:
                self._index.save(self._parsing)
        except (ToolError, *AWS_ERRORS) as error:
            self._no_index(error)

    def _no_index(self, error: BaseException) -> None:
        self.warnings.append(f"the key index was not written, so looking up single items reads more: {explain(error)}")

    def _each(self, numbers: range, work: Callable[[int], None]) -> None:
        if not run_workers(VERIFY_THREADS, numbers, work, self._deadline):
            raise TimeIsUp(f"verification of s3://{self.export.bucket}/{self.export.root} goes on in the next turn")


def _leading(start: int, done: dict[int, int] | set[int]) -> int:
    """Return up to which file all are done, without a gap."""
    while start in done:
        start += 1
    return start
