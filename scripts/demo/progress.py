"""How far a `terraform apply -json` is: its output, line by line, as state that can be asked."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Progress"]

MOST_OTHER_LINES = 10


@dataclass
class Progress:
    """What Terraform has said so far.

    The events are described at https://developer.hashicorp.com/terraform/internals/machine-readable-ui.
    """

    to_create: Counter[str] = field(default_factory=Counter)
    """How many resources the plan creates, by their type."""
    creating: list[str] = field(default_factory=list)
    """Addresses of what is being created at the moment, oldest first."""
    created: list[tuple[str, str]] = field(default_factory=list)
    """Type and id of what has been created."""
    outputs: dict[str, Any] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    other_lines: list[str] = field(default_factory=list)
    """The last lines that were no events: Terraform did not get as far as speaking JSON."""

    def take(self, line: str) -> None:
        """Take in one line of the output."""
        try:
            event = json.loads(line)
            kind = event["type"]
        except (ValueError, TypeError, KeyError):
            self.other_lines = [*self.other_lines, line.strip()][-MOST_OTHER_LINES:]
            return
        if kind == "planned_change" and event["change"]["action"] == "create":
            self.to_create[event["change"]["resource"]["resource_type"]] += 1
        elif kind in {"apply_start", "apply_complete", "apply_errored"}:
            self._take_hook(kind, event["hook"])
        elif kind == "outputs":
            self.outputs = {name: output.get("value") for name, output in event["outputs"].items()}
        elif kind == "diagnostic" and event["diagnostic"]["severity"] == "error":
            self.errors.append(_error(event["diagnostic"]))

    def ids(self, resource_type: str) -> list[str]:
        """Return the ids of the resources of a type that have been created."""
        return [identity for kind, identity in self.created if kind == resource_type]

    def _take_hook(self, kind: str, hook: dict[str, Any]) -> None:
        if hook["action"] != "create":
            return  # reading a data source has these events too
        address = hook["resource"]["addr"]
        if kind == "apply_start":
            self.creating.append(address)
            return
        self.creating.remove(address)
        if kind == "apply_complete":
            self.created.append((hook["resource"]["resource_type"], hook["id_value"]))


def _error(diagnostic: dict[str, Any]) -> str:
    words = [diagnostic.get("address"), diagnostic["summary"], diagnostic.get("detail")]
    return ": ".join(" ".join(word.split()) for word in words if word)
