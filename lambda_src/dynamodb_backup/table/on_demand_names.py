"""The names of on-demand backups, by which this deployment knows its own again."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime

from dynamodb_backup.timing import utc_stamp

__all__ = ["RUN_ID", "BackupNames", "run_id_of_request", "run_id_of_time"]

RUN_ID = r"\d{8}T\d{6}Z|by-hand-[0-9a-f]{12}"
"""Of a schedule's run: its time. Of a run by hand: from the id of its request."""


def run_id_of_time(moment: datetime) -> str:
    """Return the run of a scheduled time: a repeated delivery of the same event is the same run."""
    return utc_stamp(moment)


def run_id_of_request(request_id: str) -> str:
    """Return the run of a request without a time. Lambda repeats a request under the id that it had."""
    return f"by-hand-{hashlib.sha256(request_id.encode()).hexdigest()[:12]}"


class BackupNames:
    """Names ``<prefix>-<run_id>``. What does not have exactly this form was made by somebody else."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._own = re.compile(f"{re.escape(prefix)}-(?:{RUN_ID})")

    def of_run(self, run_id: str) -> str:
        return f"{self._prefix}-{run_id}"

    def is_own(self, name: str) -> bool:
        return self._own.fullmatch(name) is not None

    def run_of(self, name: str) -> str:
        """Return the run that made a backup with one of our own names."""
        return name.removeprefix(f"{self._prefix}-")
