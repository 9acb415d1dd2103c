"""The guard against changing the wrong table: ``"confirm"`` repeats the names of the tables that an event changes."""

from __future__ import annotations

import json
from collections.abc import Collection

from dynamodb_backup.contract.fields import Fields
from dynamodb_backup.errors import RequestRefused
from dynamodb_backup.naming import TABLE_NAME

__all__ = ["CONFIRM", "confirmed_tables", "refuse_other_tables", "refuse_unnamed_tables"]

CONFIRM = "confirm"


def confirmed_tables(fields: Fields) -> tuple[str, ...] | None:
    """Read the field ``confirm``: one table name, or an array of them, in the order of the names; ``None`` if absent.

    Raises
    ------
    RequestRefused
        It is neither.
    """
    if isinstance(fields.raw(CONFIRM), list | tuple):
        return tuple(sorted(fields.table_names(CONFIRM) or ()))
    name = fields.text(CONFIRM, pattern=TABLE_NAME, meaning="a table name, or an array of table names")
    return None if name is None else (name,)


def refuse_other_tables(confirmed: Collection[str] | None, changed: Collection[str], act: str) -> None:
    """Refuse an event whose ``confirm`` is missing, or does not name exactly the tables that it changes.

    Parameters
    ----------
    changed
        Target tables. Names are compared as sets: their order means nothing.
    act
        What the event does to them, for the message.

    Raises
    ------
    RequestRefused
        With what to add to the event.
    """
    if confirmed is not None and set(confirmed) == set(changed):
        return
    tables = sorted(set(changed))
    does, wanted = f"{act} {', '.join(tables)}", _shown(tables)
    if confirmed is None:
        raise RequestRefused(CONFIRM, f'is missing: this event {does}; if you mean that, add "confirm": {wanted}')
    raise RequestRefused(
        CONFIRM, f'is {_shown(confirmed)}, but this event {does}; if you mean that, give "confirm": {wanted}'
    )


def refuse_unnamed_tables(act: str, configured: Collection[str]) -> None:
    """Refuse an event that is about whatever tables a backup holds: which those are shows only when it is read.

    Raises
    ------
    RequestRefused
        Always.
    """
    raise RequestRefused(
        "tables",
        f"is missing: this event {act} every table that the backup holds, and that cannot be confirmed; "
        'add "tables" and "confirm", each with the tables that you mean, '
        f"such as {json.dumps(sorted(configured))}",
    )


def _shown(tables: Collection[str]) -> str:
    names = sorted(tables)
    return json.dumps(names[0] if len(names) == 1 else names)
