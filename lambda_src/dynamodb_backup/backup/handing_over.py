"""One object of a superseded backup: locked as long as its class demands, then given to S3's lifecycle rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dynamodb_backup.archive.legal_holds import LegalHolds
from dynamodb_backup.archive.locked_bucket import LockedBucket
from dynamodb_backup.archive.store import ListedObject, ObjectStore
from dynamodb_backup.contract.retention import HELD_TAG, TAG
from dynamodb_backup.errors import ObjectMissing
from dynamodb_backup.object_lock import ObjectLock
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import Clock

__all__ = ["HandingOver"]


@dataclass(frozen=True)
class HandingOver:
    """``lock`` is ``None`` where the module's input immutability is not given."""

    store: ObjectStore
    bucket: LockedBucket
    holds: LegalHolds
    lock: ObjectLock | None
    clock: Clock

    def held_tables(self, backup_date: str) -> frozenset[str]:
        """Return the tables whose backups of a date have a legal hold, or are getting or losing one.

        Raises
        ------
        BackupDamaged
            The date's record of holds is malformed.
        """
        return self.holds.on(backup_date).held if self.lock else frozenset()

    def give(self, found: ListedObject, name: str, *, held: bool) -> None:
        """Lock an object for its class and tag it; one with a legal hold gets the tag that lets it not expire."""
        try:
            # In this order: an object that may expire is locked already.
            self.prolong(found.key, found.written, name)
            self.store.tag(found.key, HELD_TAG if held else TAG, name)
        except ObjectMissing:
            # S3 deleted it between the listing and now: an earlier run had tagged it already.
            logger.debug("an object to be tagged is gone", key=found.key)

    def prolong(self, key: str, written: datetime, name: str) -> None:
        """Lock an object as long as a class demands, counted from when it was written."""
        until = self.lock.locked_until(written, name, self.clock()) if self.lock else None
        if self.lock and until:
            self.bucket.prolong(key, self.lock.mode, until)
