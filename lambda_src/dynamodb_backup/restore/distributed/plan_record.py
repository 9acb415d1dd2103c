"""What planning wrote down: the parts of a restore by the state machine, and when it began."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dynamodb_backup.errors import BackupDamaged
from dynamodb_backup.strict_json import read_json
from dynamodb_backup.timing import moment_of
from dynamodb_backup.typed_record import record_of

__all__ = ["PlannedRestore"]


@dataclass(frozen=True)
class PlannedRestore:
    """The restore's id and request, the ids of its parts, and when it began (ISO 8601)."""

    restore_id: str
    request: Mapping[str, Any]
    started_at: str
    parts: list[str]
    warnings: list[str]

    def to_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def parse(cls, key: str, body: bytes) -> PlannedRestore:
        """Read what ``to_json`` wrote, also if a newer version wrote more.

        Raises
        ------
        BackupDamaged
            It is not a plan.
        """
        try:
            plan = record_of(cls, read_json(body))
            moment_of(plan.started_at)
            if not plan.parts:
                raise ValueError("it has no parts")
        except ValueError as error:
            raise BackupDamaged(f"the plan {key} of a restore is malformed: {error}; begin the restore anew") from error
        return plan
