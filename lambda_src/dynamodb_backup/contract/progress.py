"""The question how far a restore by the state machine is, and the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dynamodb_backup.contract.fields import Fields
from dynamodb_backup.errors import RequestRefused

__all__ = ["FIELDS", "ProgressRequest", "ProgressResult"]

FIELDS = ("action", "execution", "started_at")


@dataclass(frozen=True)
class ProgressRequest:
    """Which execution is asked for: ninety days after its end another may have the same name."""

    execution: str
    started_at: str

    @classmethod
    def from_event(cls, event: object) -> ProgressRequest:
        """Read a progress event.

        Raises
        ------
        RequestRefused
            A field is missing, unknown or of the wrong type. Nothing has been read.
        """
        fields = Fields(event, FIELDS)
        fields.choice("action", default="progress", allowed=("progress",))
        execution = fields.text("execution", pattern=r"[A-Za-z0-9_-]{1,80}", meaning="the name of an execution")
        started_at = fields.moment("started_at")
        if execution is None:
            raise RequestRefused(
                "execution", "is missing: give the name of an execution of the restore's state machine"
            )
        if started_at is None:
            raise RequestRefused("started_at", "is missing: give the execution's startDate, as Step Functions tells it")
        return cls(execution, started_at)


@dataclass(frozen=True)
class ProgressResult:
    """How far the restore is, and how it ended. What is not known yet is ``None``."""

    environment: str | None
    s3_bucket: str | None
    restore_id: str | None = None
    progress: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    error: str | None = None
    error_type: str | None = None

    @property
    def status_code(self) -> int:
        """500 if nothing can be told, else 200, however the restore goes."""
        return 500 if self.error else 200

    def to_response(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "environment": self.environment,
            "s3_bucket": self.s3_bucket,
            "restore_id": self.restore_id,
            "progress": self.progress,
            "result": self.result,
        }
        if self.error:
            body |= {"error": self.error, "error_type": self.error_type}
        return {"statusCode": self.status_code, "body": body}
