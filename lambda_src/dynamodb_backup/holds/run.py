"""One invocation: put a legal hold on every object of a date's backups, or take it away, as far as time allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice

from dynamodb_backup.archive.chains import Chains
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.legal_holds import OFF, ON, PLACING, RELEASING, Hold, LegalHolds
from dynamodb_backup.archive.locked_bucket import LockedBucket
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws import Clients
from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.contract.legal_hold import LegalHoldRequest, LegalHoldResult, TableHold
from dynamodb_backup.contract.retention import HELD_TAG, TAG
from dynamodb_backup.errors import BackupNotFound, ConfigurationError, ObjectMissing, TimeIsUp, ToolError
from dynamodb_backup.pool import run_workers
from dynamodb_backup.settings import Settings
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import Clock, Deadline, iso, utc_now

__all__ = ["LegalHoldRun"]

THREADS = 16
KEYS_AT_ONCE = 100
"""After so many objects it is noted how far it went: each takes two or three requests of some 30 ms."""
CHAINS_LOOKED_AT = 2
"""Increments of a date belong to the chain that it began, or to the one before."""


class LegalHoldRun:
    """The use case with everything it needs."""

    def __init__(self, settings: Settings, clients: Clients, deadline: Deadline, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._deadline = deadline
        self._clock = clock
        self._layout = Layout(settings.exports_prefix)
        self._store = ObjectStore(clients.s3, settings.bucket)
        self._bucket = LockedBucket(clients.s3, settings.bucket)
        self._holds = LegalHolds(self._store, self._layout)
        self._warnings: list[str] = []

    def execute(self, request: LegalHoldRequest) -> LegalHoldResult:
        """Put the hold on, or take it away; the same request again goes on where time ran out.

        Raises
        ------
        ConfigurationError
            The bucket has no Object Lock, as far as the module's user says.
        BackupNotFound
            There is nothing of that date.
        """
        if self._settings.object_lock is None:
            raise ConfigurationError(
                "OBJECT_LOCK", "is not set, so no object can have a legal hold; set the module's input immutability"
            )
        known = self._tables_of(request.backup_date)
        if not known:
            place = f"s3://{self._settings.bucket}/{self._layout.day(request.backup_date)}"
            raise BackupNotFound(f"there is no backup of {request.backup_date}: nothing lies under {place}")
        return LegalHoldResult(
            environment=self._settings.environment,
            s3_bucket=self._settings.bucket,
            backup_date=request.backup_date,
            tables=tuple(self._settle(request, table, known) for table in request.tables or known),
            warnings=tuple(self._warnings),
        )

    def _tables_of(self, day: str) -> tuple[str, ...]:
        root = self._layout.day(day)
        names = (folder.removeprefix(root).rstrip("/") for folder in self._store.folders(root))
        return tuple(name for name in names if f"{root}{name}/" != self._layout.runs(day))

    def _settle(self, request: LegalHoldRequest, table: str, known: tuple[str, ...]) -> TableHold:
        try:
            if table not in known:
                raise BackupNotFound(f"there is no backup of table {table} of {request.backup_date}")
            return self._carry(request, table)
        except (ToolError, *AWS_ERRORS) as error:
            logger.error("a legal hold failed", table=table, backup_date=request.backup_date, error=explain(error))
            return TableHold(table, "FAILED", error=explain(error))

    def _carry(self, request: LegalHoldRequest, table: str) -> TableHold:
        done, going = (ON, PLACING) if request.on else (OFF, RELEASING)
        hold = self._begin(request.backup_date, table, done, going)
        if hold.status == done:
            return TableHold(table, done, hold.objects)
        try:
            hold = self._work_through(request, table, hold)
        except TimeIsUp:
            return TableHold(table, "IN_PROGRESS", self._holds.on(request.backup_date).tables[table].objects)
        self._note(request.backup_date, table, replace(hold, status=done, through=None))
        logger.info("legal hold", table=table, backup_date=request.backup_date, status=done, objects=hold.objects)
        if request.on:
            self._warn_of_base(request.backup_date, table)
        return TableHold(table, done, hold.objects)

    def _begin(self, day: str, table: str, done: str, going: str) -> Hold:
        """Note what is going to be done before it is, so that retention knows of it; go on where it had begun."""

        def begun(holds: Mapping[str, Hold]) -> Mapping[str, Hold]:
            standing = holds.get(table)
            goes_on = standing is not None and standing.status in {done, going}
            return {} if goes_on else {table: Hold(going, iso(self._clock()))}

        return self._holds.change(day, begun).tables[table]

    def _note(self, day: str, table: str, hold: Hold) -> None:
        self._holds.change(day, lambda _: {table: hold})

    def _work_through(self, request: LegalHoldRequest, table: str, hold: Hold) -> Hold:
        folder = f"{self._layout.export_prefix(request.backup_date, table)}/"
        while True:
            found = self._store.next_objects(folder, after=hold.through, most=KEYS_AT_ONCE)
            self._put(request, [one.key for one in found])
            hold = replace(hold, objects=hold.objects + len(found))
            if len(found) < KEYS_AT_ONCE:
                break
            hold = replace(hold, through=found[-1].key)
            self._note(request.backup_date, table, hold)
        beside = self._beside(request, table)
        self._put(request, beside)
        return replace(hold, objects=hold.objects + len(beside))

    def _put(self, request: LegalHoldRequest, keys: list[str]) -> None:
        put = self._place if request.on else self._release
        if not run_workers(THREADS, keys, put, self._deadline):
            raise TimeIsUp("the same request again goes on with the legal hold")

    def _place(self, key: str) -> None:
        try:
            self._bucket.hold(key, on=True)
            name = self._bucket.tag_of(key, TAG)
            if name:
                self._store.tag(key, HELD_TAG, name)
        except ObjectMissing:
            logger.info("an object to be held is gone", key=key)

    def _release(self, key: str) -> None:
        try:
            name = self._bucket.tag_of(key, HELD_TAG)
            if name:
                self._store.tag(key, TAG, name)
            self._bucket.hold(key, on=False)
        except ObjectMissing:
            logger.info("an object to be released is gone", key=key)

    def _beside(self, request: LegalHoldRequest, table: str) -> list[str]:
        """Return what belongs to a table's backups but lies elsewhere; without what others need that are still held."""
        day = request.backup_date
        of_runs = self._store.keys(self._layout.runs(day))
        own = [key for key in of_runs if key.endswith(f"/definitions/{table}.json")]
        # A chain is called after the run of its full backup, which begins with its date.
        own += self._store.keys(f"{self._layout.chains(table)}{day}-")
        if self._holds.on(day).held - {table} and not request.on:
            return own
        manifest = self._layout.manifest(day)
        shared = [key for key in of_runs if key.endswith("/run.json")]
        return [*own, *shared, *([manifest] if self._store.find(manifest) else [])]

    def _warn_of_base(self, day: str, table: str) -> None:
        """Say which full backup the date's increments cannot be restored without."""
        prefix = self._layout.export_prefix(day, table)
        chains = Chains(self._store, self._layout).newest_first(table, until_date=day)
        for chain in islice(chains, CHAINS_LOOKED_AT):
            if chain.base.backup_date < day and any(window.s3_prefix == prefix for window in chain.windows):
                self._warnings.append(
                    f"increments of table {table} of {day} need the full backup of {chain.base.backup_date} and all "
                    "dates between: put a legal hold on these, too"
                )
