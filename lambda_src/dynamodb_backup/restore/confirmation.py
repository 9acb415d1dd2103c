"""Refusing a restore that deletes from tables whose names were not confirmed."""

from __future__ import annotations

from dynamodb_backup.contract.confirmation import refuse_other_tables, refuse_unnamed_tables
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.settings import Settings

__all__ = ["refuse_unconfirmed_restore"]


def refuse_unconfirmed_restore(request: RestoreRequest, settings: Settings) -> None:
    """Compare ``confirm`` with the targets, where the module demands it or the event gives it.

    A restore that goes on was confirmed when it began: refused half way it would leave a table half written. A dry run
    changes nothing and needs no ``confirm``, but one that is given is compared all the same, so that an event can be
    tried before.

    Raises
    ------
    RequestRefused
        Nothing has been read or written.
    """
    if request.restore_id is not None:
        return
    demanded = settings.require_confirmation and request.clear_existing_data and not request.dry_run
    if not demanded and request.confirm is None:
        return
    act = "deletes items of" if request.clear_existing_data else "writes to"
    # An export is of the one table that either field names.
    sources = request.tables or (tuple(request.target_tables) if request.export else ())
    if not sources:
        refuse_unnamed_tables(act, settings.tables)
    refuse_other_tables(request.confirm, {request.target_of(source) for source in sources}, act)
