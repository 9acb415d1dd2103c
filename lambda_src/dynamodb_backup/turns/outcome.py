"""What an error makes of one table of a work: it waits, or has failed; nothing about one table alone is raised."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from dynamodb_backup.aws_errors import AWS_ERRORS, error_code, explain, is_transient
from dynamodb_backup.errors import ToolError
from dynamodb_backup.telemetry import logger

__all__ = ["told_by"]


class Telling(Protocol):
    """The state of a table as far as it tells of errors. ``error`` is why it failed, or what it waits for."""

    error: str | None

    def fail(self, error: str) -> None: ...


@contextmanager
def told_by(state: Telling, work: str, *, passing: frozenset[str] = frozenset(), **named: str | None) -> Iterator[None]:
    """Have the state tell of an error: of what passes by itself that the table waits, of all else that it failed.

    ``work`` says in the log what is done with the table, ``named`` which table it is. ``passing`` are codes of AWS that
    pass by themselves here, beside those that always do.
    """
    state.error = None
    try:
        yield
    except (ToolError, *AWS_ERRORS) as error:
        said: dict[str, object] = {**named, "error": explain(error)}
        if is_transient(error) or error_code(error) in passing:
            state.error = f"waiting after {explain(error)}"
            logger.warning(f"{work} of a table has to wait", extra=said)
            return
        state.fail(explain(error))
        logger.error(f"{work} of a table failed", extra=said)
