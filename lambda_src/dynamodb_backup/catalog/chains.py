"""A table's chains of increments for the list: from when until when each covers every change, and what it lacks."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from dynamodb_backup.archive.chain import Chain
from dynamodb_backup.archive.chains import Chains
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.contract.catalog import ChainPoint, ListRequest
from dynamodb_backup.errors import BackupDamaged, ReadInterrupted

__all__ = ["Found", "read_chains"]

PARALLEL_READS = 32
MOST_CHAINS = 10
"""So many are listed of each table, the newest of the dates that are asked for."""

Found = dict[str, tuple[ChainPoint, ...]]


def read_chains(
    store: ObjectStore, layout: Layout, tables: Collection[str], request: ListRequest
) -> tuple[Found, list[str]]:
    """Return the newest chains of each table, newest first, and warnings about those that could not be read."""
    chains = Chains(store, layout)
    folders = {folder.rstrip("/").rpartition("/")[2] for folder in store.folders(layout.all_chains)}
    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        wanted = sorted(folders & set(tables))
        read = dict(zip(wanted, pool.map(lambda table: _of_table(chains, table, request), wanted), strict=True))
    return {table: points for table, (points, _) in read.items()}, [
        warning for _, warnings in read.values() for warning in warnings
    ]


def _of_table(chains: Chains, table: str, request: ListRequest) -> tuple[tuple[ChainPoint, ...], list[str]]:
    points: list[ChainPoint] = []
    warnings: list[str] = []
    try:
        for chain_id in islice(_covered(chains.ids(table), request), MOST_CHAINS):
            try:
                chain = chains.find(table, chain_id)
            except BackupDamaged as error:
                warnings.append(f"a chain of increments cannot be read: {error}")
            else:
                points += [_point(chain)] if chain else []
    except (ReadInterrupted, *AWS_ERRORS) as error:
        warnings.append(f"the chains of increments of table {table} cannot be read: {explain(error)}")
    return tuple(points), warnings


def _covered(chain_ids: list[str], request: ListRequest) -> Iterator[str]:
    return (chain_id for chain_id in chain_ids if request.covers(chain_id[:10]))


def _point(chain: Chain) -> ChainPoint:
    completed = chain.completed
    return ChainPoint(
        chain_id=chain.chain_id,
        backup_date=chain.base.backup_date,
        export_time=chain.base.export_time,
        covered_until=chain.covered_until,
        windows=len(completed),
        changes=sum(window.item_count or 0 for window in completed),
        billed_size_bytes=sum(window.billed_size_bytes or 0 for window in completed),
        gaps=tuple({"from": gap.start, "to": gap.end} for gap in chain.gaps),
        closed=chain.closed,
        error=_waits_for(chain),
    )


def _waits_for(chain: Chain) -> str | None:
    """Return why the window behind what is covered failed last, if it did; the next run exports it again."""
    failed = (window for window in chain.windows if window.status == "FAILED" and window.start == chain.covered_until)
    return next((window.error for window in failed), None)
