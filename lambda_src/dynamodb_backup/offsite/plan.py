"""Which dates and chains a request is about."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from dynamodb_backup.archive.chains import Chains
from dynamodb_backup.contract.offsite import OffsiteRequest
from dynamodb_backup.errors import BackupDamaged, BackupNotFound
from dynamodb_backup.offsite.chain import ChainUnit, touches
from dynamodb_backup.offsite.day import Day
from dynamodb_backup.offsite.unit import Unit
from dynamodb_backup.offsite.work import Work

__all__ = ["Plan", "plan"]

PARALLEL_READS = 16
KEYS_AT_ONCE = 1000
CHAINS_LOOKED_AT = 2
"""Increments of a date belong to the chain that it began, or to the one before."""


@dataclass(frozen=True)
class Plan:
    """What there is to do.

    ``units`` are those of which something is to be copied, dates and chains each newest first; ``already`` counts those
    that are copied. ``missing`` are tables of which ``latest`` found nothing.
    """

    units: list[Unit]
    already: int
    missing: tuple[str, ...] = ()


def plan(work: Work, request: OffsiteRequest, tables: Collection[str], days: int, now: datetime) -> Plan:
    """Choose the units.

    Raises
    ------
    BackupNotFound
        There is nothing of what was asked for.
    BackupDamaged
        A manifest that cannot be read may name the latest backup of one of ``tables``.
    """
    if request.backup_date is None:
        units = _of_days(work, now - timedelta(days=days))
    else:
        units = _of_date(work, request, tables)
    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        needed = list(pool.map(_needed, units))
    there = [unit for unit, needs in zip(units, needed, strict=True) if needs is not None]
    if not there and (request.backup_date is not None or request.action == "fetch"):
        asked = f"the last {days} days" if request.backup_date is None else request.backup_date
        place = work.source.plain.place(work.source.layout.root)
        raise BackupNotFound(
            f"there is nothing to {request.action} of {asked}: no manifest of it under {place} names a COMPLETED backup"
        )
    open_ones = [unit for unit, needs in zip(units, needed, strict=True) if needs]
    found = {table for unit in there for table in unit.tables()} if request.backup_date == "latest" else {*tables}
    return Plan(open_ones, len(there) - len(open_ones), tuple(sorted({*tables} - found)))


def _needed(unit: Unit) -> bool | None:
    try:
        return unit.needed()
    finally:
        unit.forget()


def _of_days(work: Work, since: datetime) -> list[Unit]:
    first = since.date().isoformat()
    days: list[Unit] = [Day(work, date) for date in work.source.catalog.dates() if date >= first]
    chains = [ChainUnit(work, key) for key, written in _chain_records(work) if written >= since]
    return days + sorted(chains, key=lambda one: one.name.rpartition("/")[2], reverse=True)


def _chain_records(work: Work) -> Iterator[tuple[str, datetime]]:
    after = None
    while True:
        found = work.source.store.next_objects(work.source.layout.all_chains, after=after, most=KEYS_AT_ONCE)
        yield from ((one.key, one.written) for one in found)
        if len(found) < KEYS_AT_ONCE:
            return
        after = found[-1].key


def _of_date(work: Work, request: OffsiteRequest, tables: Collection[str]) -> list[Unit]:
    catalog, day = work.source.catalog, request.backup_date
    if day == "latest":
        newest, _ = catalog.newest_and_manifest(tables)
        backups = [backup for table in {*tables, *newest.found} if (backup := newest.get(table))]
        dates = sorted({backup.manifest.backup_date for backup in backups}, reverse=True)
        if not dates:
            raise BackupNotFound(
                f"no date under {work.source.plain.place(work.source.layout.root)} holds a COMPLETED backup"
            )
        return [*(Day(work, date) for date in dates), *_chains_of(work, None)]
    units: list[Unit] = list(_chains_of(work, day))
    if units and work.source.store.find(work.source.layout.manifest(str(day))) is None:
        return units  # a date of increments alone
    manifest = catalog.on(str(day))
    if any(entry.completed for entry in manifest.entries.values()):
        return [Day(work, manifest.backup_date), *units]
    if not units:
        raise BackupNotFound(f"no table has a COMPLETED backup of {day}, and no increment is of that date")
    return units


def _chains_of(work: Work, day: str | None) -> Iterator[ChainUnit]:
    """Yield each table's chains that have something of a date; without one its newest."""
    layout = work.source.layout
    chains = Chains(work.source.store, layout)
    for folder in work.source.store.folders(layout.all_chains):
        table = folder.rstrip("/").rpartition("/")[2]
        ids = [one for one in chains.ids(table) if day is None or one[: len(day)] <= day]
        for chain_id in islice(ids, 1 if day is None else CHAINS_LOOKED_AT):
            unit = ChainUnit(work, layout.chain(table, chain_id))
            if day is None or _touches(unit, day):
                yield unit


def _touches(unit: ChainUnit, day: str) -> bool:
    try:
        return touches(unit.chain, day, unit.work.source.layout)
    except BackupDamaged:
        return True  # so that it is told
