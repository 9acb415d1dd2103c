"""Where work in progress belongs: a copy of a bucket holds records of work that was done elsewhere.

A checkpoint says which items are in the tables already, but in the tables beside the bucket that it was written to.
Going on from a copy of it, in a second region, would leave those items out and yet count them. So each record notes
its own address.
"""

from __future__ import annotations

from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.errors import RequestRefused

__all__ = ["address_of", "is_at_home", "refuse_copy"]


def address_of(store: ObjectStore, key: str) -> str:
    """Return what a record notes as its home when it is written."""
    return f"s3://{store.bucket}/{key}"


def is_at_home(home: str | None, store: ObjectStore, key: str) -> bool:
    """Tell whether a record was written where it lies; ``None``, of a version that did not note it, counts as so."""
    return home in {None, address_of(store, key)}


def refuse_copy(home: str | None, store: ObjectStore, key: str, field: str) -> None:
    """Refuse to go on with work that began elsewhere.

    Raises
    ------
    RequestRefused
        The record was copied from another bucket or prefix. ``field`` is that of the event which names it.
    """
    if not is_at_home(home, store, key):
        raise RequestRefused(
            field,
            f"names work that began with {home}, of which {address_of(store, key)} is a copy: what it has done, it did "
            f"to the tables there; begin anew without '{field}'",
        )
