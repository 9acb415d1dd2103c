"""One invocation: choose what is to be copied, carry it as far as time allows, note it, answer."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from dynamodb_backup.archive.plain_store import PlainStore
from dynamodb_backup.aws_errors import AWS_ERRORS, error_code, explain, is_transient
from dynamodb_backup.contract.offsite import OffsiteReport, OffsiteRequest, OffsiteResult, UnitCopy
from dynamodb_backup.errors import LeaseTaken, RequestRefused, StoreUnusable, TimeIsUp, ToolError, WriteConflict
from dynamodb_backup.offsite.ages import Ages
from dynamodb_backup.offsite.lease import TurnLease
from dynamodb_backup.offsite.plan import plan
from dynamodb_backup.offsite.records import FAILED, IN_PROGRESS, Records
from dynamodb_backup.offsite.terms import OffsiteTerms
from dynamodb_backup.offsite.transfer import Transfer
from dynamodb_backup.offsite.unit import Unit
from dynamodb_backup.offsite.work import Side, Work
from dynamodb_backup.telemetry import emit, logger
from dynamodb_backup.timing import backoff_seconds
from dynamodb_backup.turns.means import Means

__all__ = ["OffsiteRun"]

PATIENCE_SECONDS = 120.0
"""So long a store may be down, within one invocation, before the copy is given up until the next start."""


class OffsiteRun:
    """The use case with everything it needs."""

    def __init__(self, means: Means, terms: OffsiteTerms) -> None:
        self._means = means
        self._terms = terms
        self._folder = means.layout.offsite(terms.store_id)
        self._ages = Ages(Records(means.store, self._folder), means.settings.environment, means.settings.tables)
        self._sent = 0
        self._lock = threading.Lock()

    def report(self) -> OffsiteReport:
        """Publish how old each table's newest copy is."""
        settings = self._means.settings
        return OffsiteReport(
            settings.environment, settings.bucket, self._terms.name, self._ages.publish(self._means.clock())
        )

    def execute(self, request: OffsiteRequest) -> OffsiteResult:
        """Copy or fetch as far as this invocation's time allows.

        Raises
        ------
        RequestRefused
            Fetching is not allowed here.
        StoreUnusable
            The store or its secret cannot be used.
        BackupNotFound, BackupDamaged
            The date that was asked for holds nothing, or a manifest does not tell which is the latest.
        """
        if request.action == "fetch" and not self._terms.allow_fetch:
            raise RequestRefused(
                "action",
                "is fetch, which this deployment does not allow; set offsite_copy.allow_fetch = true, and apply",
            )
        result = OffsiteResult(
            self._means.settings.environment, self._means.settings.bucket, request.action, self._terms.name
        )
        lease = TurnLease(self._means.store, f"{self._folder}lease.json", self._means.deadline, self._means.clock)
        try:
            with lease:
                return self._carried(request, result)
        except LeaseTaken as error:
            return replace(result, waiting=str(error))

    def _carried(self, request: OffsiteRequest, result: OffsiteResult) -> OffsiteResult:
        work = self._work(request)
        planned = plan(
            work, request, self._means.settings.tables, request.days or self._terms.days, self._means.clock()
        )
        copies, waits_for = self._carry(planned.units)
        if planned.missing:
            copies.append(_not_found(planned.missing))
        failed = sum(copy.status not in {"COPIED", IN_PROGRESS} for copy in copies)
        values = {"OffsiteCopyFailed": failed, "OffsiteBytesCopied": self._sent}
        emit(values, environment=self._means.settings.environment)
        if request.action == "copy":
            self._ages.publish(self._means.clock())
        result = replace(result, copies=tuple(copies), already=planned.already, bytes_copied=self._sent)
        if waits_for is not None and self._sent == 0:
            # It waited as long as it may and got nowhere. What is copied stays; the next start goes on.
            return replace(result, error=f"gave up after {explain(waits_for)}", error_type=error_code(waits_for))
        return result

    def _work(self, request: OffsiteRequest) -> Work:
        means = self._means
        plain = PlainStore(means.clients.s3, means.settings.bucket, "the backup bucket")
        own, foreign = Side(means.store, plain, means.layout), self._store_side()
        copying = request.action == "copy"
        source, target = (own, foreign) if copying else (foreign, own)
        transfer = Transfer(source.plain, target.plain, means.deadline, self._note_sent, overwrite=copying)
        records = Records(means.store, f"{self._folder}{'copied' if copying else 'fetched'}/")
        return Work(source, target, transfer, records, means.deadline, means.clock)

    def _store_side(self) -> Side:
        """Return the store; one that does not answer is asked again as long as patience lasts."""
        patience = self._means.deadline.within(PATIENCE_SECONDS)
        for pause in backoff_seconds(first=0.5, longest=10.0):
            try:
                return self._terms.side()
            except AWS_ERRORS as error:
                if patience.passed() or not is_transient(error):
                    raise StoreUnusable(f"the store {self._terms.name} does not answer: {explain(error)}") from error
                patience.sleep(pause)
        raise AssertionError("backoff_seconds() never ends")

    def _note_sent(self, size: int) -> None:
        with self._lock:
            self._sent += size

    def _carry(self, units: Sequence[Unit]) -> tuple[list[UnitCopy], Exception | None]:
        """Copy unit after unit; return what became of each, and what the whole has to wait for."""
        copies: list[UnitCopy] = []
        for number, unit in enumerate(units):
            waits_for = None
            if number == 0 or not self._means.deadline.passed():
                copy, waits_for = self._one(unit)
            else:
                copy = _open(unit)
            copies.append(copy)
            if waits_for is not None:
                return [*copies, *map(_open, units[number + 1 :])], waits_for
        return copies, None

    def _one(self, unit: Unit) -> tuple[UnitCopy, Exception | None]:
        """Copy a unit; where it meets what passes by itself, again and again as long as patience lasts."""
        patience = self._means.deadline.within(PATIENCE_SECONDS)
        for pause in backoff_seconds(first=0.5, longest=10.0):
            sent = self._sent
            try:
                return self._executed(unit), None
            except TimeIsUp:
                return _open(unit), None
            except WriteConflict:
                raise
            except (ToolError, *AWS_ERRORS) as error:
                if not is_transient(error):
                    logger.error("off-site copy failed", unit=unit.name, error=explain(error))
                    return _as(unit, FAILED, error=explain(error)), None
                if self._sent > sent:
                    patience = self._means.deadline.within(PATIENCE_SECONDS)
                if patience.passed():
                    logger.warning("off-site copy has to wait", unit=unit.name, error=explain(error))
                    return _as(unit, IN_PROGRESS, error=f"waiting after {explain(error)}"), error
                patience.sleep(pause)
        raise AssertionError("backoff_seconds() never ends")

    def _executed(self, unit: Unit) -> UnitCopy:
        record = unit.execute()
        unit.forget()
        if not unit.work.transfer.overwrite:  # fetched: the store holds nothing new
            return _as(unit, record.status, errors=record.errors)
        self._ages.note(unit.moments, self._means.clock())
        logger.info("off-site copy", unit=unit.name, status=record.status)
        return _as(unit, record.status, errors=record.errors)


def _not_found(tables: Sequence[str]) -> UnitCopy:
    return UnitCopy("date", "latest", FAILED, dict.fromkeys(tables, "no date holds a COMPLETED backup of it"))


def _open(unit: Unit) -> UnitCopy:
    return _as(unit, IN_PROGRESS)


def _as(unit: Unit, status: str, *, error: str | None = None, errors: dict[str, str] | None = None) -> UnitCopy:
    kind, _, name = unit.name.partition("/")
    return UnitCopy({"days": "date", "chains": "chain"}[kind], name, status, errors or {}, error)
