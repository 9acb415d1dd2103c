"""Following an execution to its end. Whoever stops following stops nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

from dynamodb_backup_cli.command import Session
from dynamodb_backup_cli.executions import Execution
from dynamodb_backup_cli.failures import CallFailed, CliError, Interrupted
from dynamodb_backup_cli.functions import Body
from dynamodb_backup_cli.live import Live, Part

__all__ = ["Followed", "how_to_follow"]

DEFAULT_POLL_SECONDS = 2.0
MOST_FAILURES = 30
"""So often in a row AWS may give no answer: a minute without network ends nothing."""

ENDED = "ended"


def how_to_follow(session: Session, execution: Execution) -> str:
    """Return the command that follows an execution."""
    where = session.where
    named = f" --name {where.name}" if where.name else f" --terraform-output {where.terraform_output}"
    return f"dynamodb-backup follow {execution.name}{named}"


class Followed:
    """An execution that is looked at until it has ended."""

    def __init__(self, session: Session, execution: Execution, poll_seconds: float = DEFAULT_POLL_SECONDS) -> None:
        self._session = session
        self._poll_seconds = poll_seconds
        self.execution = execution
        self.restore_id: str | None = None
        self.result: Body | None = None

    def to_the_end(self) -> Followed:
        """Show how far the execution is until it has ended.

        Raises
        ------
        Interrupted
            Ctrl-C. The execution goes on.
        CliError
            AWS gives no answers any more. The execution goes on.
        """
        hint = f"Follow it again with: {how_to_follow(self._session, self.execution)}"
        try:
            with Live(self._session.screen) as live:
                self._look_until_ended(live)
        except KeyboardInterrupt:
            message = f"No longer followed. The {self._what} {self.execution.name} goes on."
            raise Interrupted(message, hint, self.to_dict()) from None
        except CliError as error:
            error.hint = f"{error.hint} The {self._what} {self.execution.name} goes on. {hint}".strip()
            error.result = self.to_dict()
            raise
        return self

    def to_dict(self) -> dict[str, Any]:
        return self.execution.to_dict() | {"restore_id": self.restore_id, "result": self.result}

    @property
    def _what(self) -> str:
        return self.execution.verb.replace("_", " ")

    def _look_until_ended(self, live: Live) -> None:
        failures = 0
        while True:
            try:
                live.update(self._look())
                failures = 0
            except CallFailed:
                failures += 1
                if failures >= MOST_FAILURES:
                    raise
            if not self.execution.running and not failures:
                return
            time.sleep(self._poll_seconds)

    def _look(self) -> list[Part]:
        """Take in how the execution is now, and return it table by table."""
        # Looked at first: an execution that has ended then has told everything.
        self.execution = self._session.executions.look(self.execution)
        if self.execution.verb == "restore":
            return list(self._look_at_restore())
        self.result = self._answer()
        return list(_parts_of_answer(self.result or {})) or [Part(self._what, self.execution.state)]

    def _look_at_restore(self) -> Iterable[Part]:
        event = {
            "action": "progress",
            "execution": self.execution.name,
            "started_at": self.execution.to_dict()["started_at"],
        }
        told = self._session.functions.ask("restore", event, quick=True).body
        self.restore_id = told.get("restore_id")
        if not self.execution.running:
            self.result = told.get("result") or self._answer()
        progress = told.get("progress") or {}
        if not progress.get("tables"):
            return [Part("restore", "planning" if self.execution.running else ENDED)]
        return [_part_of_restore(table, dry_run=progress.get("dry_run", False)) for table in progress["tables"]]

    def _answer(self) -> Body | None:
        """Return the function's answer as the execution has it: its output, its cause, or the last in its history."""
        output = self.execution.output
        if isinstance(output, dict) and isinstance(output.get("body"), dict):
            return dict(output["body"])
        if self.execution.cause and self.execution.cause.startswith("{"):
            try:
                return dict(json.loads(self.execution.cause))
            except ValueError:
                pass
        return self._session.executions.last_answer(self.execution) or None


def _part_of_restore(table: dict[str, Any], *, dry_run: bool) -> Part:
    total = table["items_expected"] or None
    if table["status"] != "IN_PROGRESS":
        return Part(table["target_table"], table["status"], total or 0, total)
    verifies = dry_run or table["phase"] == "verify"
    done = table["items_verified"] if verifies else table["items_written"] + table["items_failed"]
    return Part(table["target_table"], table["phase"], min(done, total or done), total)


def _parts_of_answer(body: Body) -> Iterable[Part]:
    for name in ("export_results", "test_results", "verify_results"):
        for table in body.get(name) or ():
            yield Part(table["table_name"], table["status"])
