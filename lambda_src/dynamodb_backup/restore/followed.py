"""How far a restore by the state machine is, and how it ended, as S3 has it: for whoever follows it."""

from __future__ import annotations

from typing import Any

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.contract.distributed import ExecutionName
from dynamodb_backup.errors import BackupDamaged
from dynamodb_backup.restore.distributed.execution_record import ExecutionRecord
from dynamodb_backup.strict_json import read_json

__all__ = ["FollowedRestore"]

MOST_REPORT_BYTES = 4_000_000
"""Lambda answers with at most 6 MB."""

Document = dict[str, Any]


class FollowedRestore:
    """The restore that one execution carries."""

    def __init__(self, store: ObjectStore, layout: Layout, execution: ExecutionName) -> None:
        self._store = store
        self._layout = layout
        carried = ExecutionRecord(store, layout, execution).find()
        self.id = carried.restore_id if carried else None
        """``None`` as long as it is not planned, and if it was refused."""

    def progress(self) -> Document | None:
        """Return its progress object; ``None`` before there is one.

        Raises
        ------
        BackupDamaged
            The object is malformed.
        """
        return self._document(self._layout.progress(self.id)) if self.id else None

    def result(self) -> Document | None:
        """Return the body of its whole answer; ``None`` before its end, and where it is too long for an answer.

        Raises
        ------
        BackupDamaged
            The report is malformed.
        """
        report = self._document(self._layout.restore_report(self.id), most=MOST_REPORT_BYTES) if self.id else None
        return report.get("body") if report else None

    def _document(self, key: str, most: int | None = None) -> Document | None:
        stored = self._store.find(key)
        if stored is None or (most is not None and len(stored.body) > most):
            return None
        try:
            document = read_json(stored.body)
        except ValueError as error:
            raise BackupDamaged(f"object {key} of a restore is malformed: {error}") from error
        if not isinstance(document, dict):
            raise BackupDamaged(f"object {key} of a restore is malformed: it is not a JSON object")
        return document
