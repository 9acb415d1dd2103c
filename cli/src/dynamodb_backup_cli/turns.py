"""Work that a function carries from one invocation to the next, with a person waiting."""

from __future__ import annotations

from rich.markup import escape

from dynamodb_backup_cli.command import Session
from dynamodb_backup_cli.failures import Interrupted
from dynamodb_backup_cli.functions import Answer, Event

__all__ = ["carried"]


def carried(session: Session, verb: str, event: Event, *, what: str, id_field: str) -> Answer:
    """Carry work to its end, and say how to go on after Ctrl-C.

    Raises
    ------
    Interrupted
        Ctrl-C. The invocation that is going on ends by itself, and the work waits there.
    CliError
        The function did nothing at all, or gave no answer.
    """
    known: list[str] = []

    def heard(answer: Answer) -> None:
        if not known:
            known.append(str(answer.body[id_field]))
            session.screen.note(f"The {what} {escape(known[0])} takes longer than one invocation, and goes on ...")

    try:
        return session.functions.carry(verb, event, id_field, heard).or_error()
    except KeyboardInterrupt:
        option = id_field.replace("_", "-")
        again = f"dynamodb-backup {what} --{option} {known[0]}" if known else "the same command"
        raise Interrupted(
            f"No longer waited for. The function ends its turn of the {what} by itself.",
            f"Go on with: {again}",
            {id_field: known[0]} if known else None,
        ) from None
