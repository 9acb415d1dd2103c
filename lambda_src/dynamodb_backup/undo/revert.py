"""Reverting one change: only where the item still is what the window left, and never on a guess.

The live item is read, compared with the images by their canonical form, and replaced under the condition that it is
still the same. A condition cannot notice an attribute that was added in the instant between. So DynamoDB is asked for
what it replaced: if that is not what was compared, it is put back.
"""

from __future__ import annotations

from typing import Any

from dynamodb_backup.archive.incremental import Change
from dynamodb_backup.table.live_items import LiveItems
from dynamodb_backup.undo.leftovers import Leftovers
from dynamodb_backup.verify.fingerprint import item_digest

__all__ = ["ALREADY", "CHANGED_AFTER", "FAILED", "REVERTED", "Reverter"]

Item = dict[str, Any]

REVERTED, ALREADY, CHANGED_AFTER, FAILED = "reverted", "already", "changed_after", "failed"
MOST_ATTEMPTS = 5
"""How often an item that others write at the same time is compared anew."""


class Reverter:
    """Reverts single changes of one table. Safe to use from many threads."""

    def __init__(self, items: LiveItems, leftovers: Leftovers, *, dry_run: bool, allow_changed_after: bool) -> None:
        self._items = items
        self._leftovers = leftovers
        self._dry_run = dry_run
        self._allow_changed_after = allow_changed_after

    def keep(self, change: Change, live: Item | None) -> None:
        """Note an item that ``revert`` will overwrite although it changed after the window, before it does so."""
        changed = not _same(live, change.new) and not _same(live, change.old)
        if changed and live is not None and self._allow_changed_after and not self._dry_run:
            self._leftovers.overwritten(live)

    def revert(self, change: Change, live: Item | None) -> str:
        """Revert one change and return what became of it.

        Parameters
        ----------
        live
            The item as it was read just now, and given to ``keep``.

        Raises ``ClientError`` for what no retry mends, and ``TimeIsUp`` where the deadline came first.
        """
        sent = False
        for _ in range(MOST_ATTEMPTS):
            if _same(live, change.old):
                return REVERTED if sent else ALREADY
            if not _same(live, change.new) and not self._allow_changed_after:
                break
            if self._dry_run:
                return REVERTED
            outcome = self._items.replace(change.keys, live, change.old)
            if outcome.refused:
                self._leftovers.not_reverted(change.keys, outcome.refused)
                return FAILED
            if outcome.done:
                if not _same(outcome.before, live):
                    return self._put_back(change, outcome.before)
                return REVERTED
            sent = sent or outcome.repeated
            live = next(iter(self._items.read([change.keys]).values()), None)
            self.keep(change, live)
        self._leftovers.not_reverted(change.keys, "changed again after the window")
        return CHANGED_AFTER

    def _put_back(self, change: Change, before: Item | None) -> str:
        """Somebody wrote in the instant between the comparison and our write: theirs stays."""
        if not self._items.replace(change.keys, change.old, before).done and before is not None:
            self._leftovers.overwritten(before)
        self._leftovers.not_reverted(change.keys, "changed again while it was being reverted")
        return CHANGED_AFTER


def _same(one: Item | None, other: Item | None) -> bool:
    if one is None or other is None:
        return one is other
    return item_digest(one) == item_digest(other)
