"""EventBridge Scheduler in MiniStack fires its targets, but leaves the context keywords in their input as they are."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sandbox.emulator import patch_points as at


def apply() -> None:
    """Replace `<aws.scheduler.scheduled-time>` and its like, as Scheduler does when it invokes a target.

    It replaces raw text: where Terraform's jsonencode has escaped the angle brackets, the keyword stays as it is.
    """

    def invoke_target(original: Callable[..., Any]) -> Callable[..., Any]:
        def with_context(target: dict[str, Any], event: dict[str, Any], rule: Any, view: Any = None) -> Any:
            if event.get("Source") == "aws.scheduler" and "<aws.scheduler." in target.get("Input", ""):
                target = target | {"Input": _filled(target["Input"], event)}
            return original(target, event, rule, view)

        return with_context

    at.INVOKE_TARGET.wrap(invoke_target)


def _filled(text: str, event: dict[str, Any]) -> str:
    fired = datetime.fromtimestamp(event["Time"], UTC)
    context = {
        "schedule-arn": event["Resources"][0],
        "scheduled-time": fired.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "execution-id": secrets.token_hex(8),
        "attempt-number": "1",
    }
    for name, value in context.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text
