"""What one invocation writes of an act: a line in the audit log for its begin, and one for its end.

Of a work that changes tables there is one object in the bucket, too, with both. What cannot be written is told, in the
function's log and among the answer's warnings, and stops nothing: a table that must be brought back is not left as it
is because of a line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.audit.log import AuditLog
from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.contract.audited import outcome_of, shown_event, work_id_of
from dynamodb_backup.errors import BackupDamaged, ToolError
from dynamodb_backup.strict_json import read_json
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import Clock, iso, utc_now
from dynamodb_backup.turns.state import began_at

__all__ = ["Trail"]

KEPT_ACTS = ("restore", "undo")
"""What changes tables has an object in the bucket, too."""


@dataclass
class Trail:
    """The records of one act of one invocation. ``who`` is what is known of whoever began it."""

    act: str
    environment: str
    who: Mapping[str, Any]
    log: AuditLog
    store: ObjectStore
    layout: Layout
    clock: Clock = utc_now
    warnings: list[str] = field(default_factory=list)

    def began(self, work_id: str, request: Mapping[str, Any]) -> None:
        """Write that an act begins: before it changes anything."""
        self._write("began", work_id, {"event": shown_event(request)})

    def requested(self, work_id: str) -> None:
        """Write that somebody asked for an act, which another function will begin."""
        self._write("requested", work_id, {})

    def ended(self, response: Mapping[str, Any]) -> None:
        """Write how an act ended; 202 is no end."""
        if response["statusCode"] == 202:
            return
        self._write("ended", work_id_of(response["body"]), {"outcome": outcome_of(response)})

    def _write(self, phase: str, work_id: str | None, details: Mapping[str, Any]) -> None:
        now = self.clock()
        told = {"time": iso(now), "who": dict(self.who), **details}
        line = {"act": self.act, "phase": phase, "id": work_id, "environment": self.environment, **told}
        try:
            self.log.write(now, line)
            if work_id and phase != "requested" and self.act in KEPT_ACTS:
                self._keep(work_id, phase, told)
        except (ToolError, *AWS_ERRORS) as error:
            logger.error("audit record not written", act=self.act, phase=phase, work_id=work_id, error=explain(error))
            self.warnings.append(f"the audit record of this {self.act} was not written ({phase}): {explain(error)}")

    def _keep(self, work_id: str, phase: str, told: Mapping[str, Any]) -> None:
        """Write the object; what it holds already stays, so that looking at an ended work adds nothing."""
        day = iso(began_at(work_id) or self.clock())[:10]
        key = self.layout.audit_record(day, work_id)
        stored = self.store.find(key)
        known: dict[str, Any] = {"act": self.act, "id": work_id, "environment": self.environment}
        try:
            known |= read_json(stored.body) if stored else {}
        except (ValueError, TypeError) as error:
            raise BackupDamaged(f"the audit record {key} is malformed, and is left as it is: {error}") from error
        if phase not in known:
            body = json.dumps(known | {phase: told}, indent=1).encode()
            self.store.put_if_unchanged(key, body, stored.etag if stored else None)
