"""One turn of a work: resume it from its checkpoint, carry its tables as far as time allows, keep where they stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeVar

from dynamodb_backup.archive.home import address_of
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.errors import BackupNotFound, RequestRefused, ToolError, WriteConflict
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import Deadline, backoff_seconds
from dynamodb_backup.turns.state import RequestT, TableT, WorkState

__all__ = ["TableWork", "carry", "keep", "resume"]


class TableWork(Protocol):
    """What carries one table of a work."""

    @property
    def open(self) -> bool: ...

    def save(self) -> None:
        """Keep in S3 what the checkpoint itself does not hold and a later turn needs."""

    def execute(self) -> None:
        """Go on until the table is done, has failed, must wait, or time is up."""


OneTable = TypeVar("OneTable", bound=TableWork)
StateT = TypeVar("StateT", bound=WorkState[Any, Any])


def resume(kind: type[StateT], store: ObjectStore, key: str, work_id: str, request: RequestT) -> StateT:
    """Return the state of a work that the event goes on with, in its next turn.

    Raises
    ------
    BackupNotFound
        There is no such work.
    BackupDamaged
        Its checkpoint is malformed.
    RequestRefused
        The event gives a field otherwise than the one that began the work, or the checkpoint is a copy.
    """
    said = kind.kind
    state = kind.find(store, key)
    if state is None:
        raise BackupNotFound(said.not_found.format(id=work_id, place=f"{store.bucket}/{key}"))
    field = state.contradiction(request)
    if field:
        raise RequestRefused(field, said.other_request.format(id=work_id, value=state.first_value(field)))
    state.turns += 1
    logger.info(said.goes_on, extra={said.id_field: work_id, "turn": state.turns})
    return state


def carry(tables: Iterable[OneTable], deadline: Deadline) -> list[OneTable]:
    """Go on with the first open table in any case, so that a short turn makes progress; then while time is left.

    A table that met something that passes by itself (throttling, a broken connection) is tried again after a pause.
    Returns the tables that are not done.
    """
    unfinished = [table for table in tables if table.open]
    pauses = backoff_seconds(first=0.5, longest=15.0)
    while unfinished:
        for number, table in enumerate(unfinished):
            if number and deadline.passed():
                break
            table.execute()
        unfinished = [table for table in unfinished if table.open]
        if deadline.passed():
            break
        if unfinished:
            deadline.sleep(next(pauses))
    return unfinished


def keep(
    state: WorkState[RequestT, TableT], store: ObjectStore, key: str, unfinished: Sequence[TableWork]
) -> str | None:
    """Keep the state for the next turn, if there is or was more than one; return why that was impossible."""
    said = state.kind
    if not unfinished and state.turns == 1 and not said.always_kept:
        return None
    try:
        for table in unfinished:
            table.save()
        state.home = address_of(store, key)
        store.put_if_unchanged(key, state.to_json(), state.etag)
    except WriteConflict:
        # Another invocation of this work was faster; whoever goes on does so from its checkpoint.
        if said.outpaced:
            state.warnings.append(said.outpaced)
    except (ToolError, *AWS_ERRORS) as error:
        logger.error(said.not_written, extra={said.id_field: state.id, "error": explain(error)})
        if unfinished:
            return said.cannot_continue.format(error=explain(error))
        if said.outdated:
            state.warnings.append(said.outdated.format(error=explain(error)))
    return None
