"""What ends a command, and with which exit code.

    CliError
    ├── NotFound        a function, state machine, execution or backup is not there
    ├── NotAllowed      AWS refuses the caller, or does not know who calls
    ├── CallFailed      AWS or the network gave no answer, or a function died
    ├── Refused         the function, or the contract before it was asked, does not accept the request
    └── Interrupted     Ctrl-C while something is followed, which goes on

Every error says what, which, and what to do (``hint``).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

__all__ = ["CallFailed", "CliError", "Exit", "Interrupted", "NotAllowed", "NotFound", "Refused"]


class Exit(IntEnum):
    """Exit codes. ``INTERRUPTED`` is what shells give Ctrl-C: the work itself goes on."""

    GOOD = 0
    FAILED = 1
    USAGE = 2
    PARTIAL = 3
    INTERRUPTED = 130

    @classmethod
    def of_status(cls, status: int) -> Exit:
        """Return the exit code for a function's status code."""
        return {200: cls.GOOD, 202: cls.PARTIAL, 207: cls.PARTIAL}.get(status, cls.FAILED)


class CliError(Exception):
    """A command cannot go on."""

    exit_code = Exit.FAILED

    def __init__(self, message: str, hint: str = "", result: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.result = result


class NotFound(CliError):
    """Something that was named is not there."""


class NotAllowed(CliError):
    """AWS does not let the caller do this."""


class CallFailed(CliError):
    """No answer, or none that the contract knows."""


class Refused(CliError):
    """The request itself is wrong; nothing was read or written."""

    exit_code = Exit.USAGE


class Interrupted(CliError):
    """The person does not want to wait any longer."""

    exit_code = Exit.INTERRUPTED
