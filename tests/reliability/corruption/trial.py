"""One damaged backup, restored and verified by the real handlers, and the verdict on what they did."""

from __future__ import annotations

import copy
import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from dynamodb_backup.handlers import restore, verify
from dynamodb_backup.telemetry import logger
from tests.reliability.corruption.memory import Item, MemoryAws
from tests.reliability.corruption.specimens import EARLIER, PREFIX, Specimen
from tests.unit.backup.fake_aws import BUCKET

WAYS: Mapping[str, Mapping[str, Any]] = {
    "overwrite": {"write_mode": "overwrite"},
    "mirror": {"write_mode": "mirror"},
    "verify": {"action": "verify"},
    "create": {"create_missing_tables": True},
}

REFUSED, HARMLESS, OLDER = "refused", "harmless", "older"

OLDER_KINDS = ("manifest.json: missing", "chain record: missing")
"""Whoever asks for the newest gets what is there: an older one, and is told which."""


class Passed(AssertionError):
    """A damage went through: a table was written from it, or the answer is not true."""


@dataclass(frozen=True)
class Case:
    """One damage: its class, its name within the class, and the bucket after it."""

    specimen: Specimen
    kind: str
    name: str
    objects: Mapping[str, bytes]

    @property
    def ways(self) -> list[str]:
        """Return what is done with the damaged backup. A definition counts where a table is made from it."""
        ways = ["overwrite", "mirror"]
        if self.specimen.verifiable:
            ways.append("verify")
        if self.kind.startswith("definition"):
            ways.append("create")
        return ways

    @property
    def title(self) -> str:
        return f"{self.specimen.name}: {self.kind}: {self.name}"


@contextmanager
def the_functions_run_here(tables: str = '["orders"]') -> Iterator[None]:
    """Give this process a function's environment; its log and metrics go nowhere."""
    variables = {
        "BACKUP_BUCKET": BUCKET,
        "ENVIRONMENT": "test",
        "DYNAMODB_TABLES": tables,
        "S3_EXPORTS_PREFIX": PREFIX,
    }
    level = logger.log_level
    logger.setLevel("CRITICAL")
    try:
        with patch.dict(os.environ, variables), redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)


def outcome(case: Case, way: str) -> str:
    """Restore or verify the damaged backup, and return ``REFUSED``, ``HARMLESS`` or ``OLDER``.

    Raises
    ------
    Passed
        None of them is true.
    """
    before = {table: present(table, items) for table, items in case.specimen.items.items()}
    if way == "create":
        before = {}
    aws = MemoryAws({BUCKET: dict(case.objects)}, copy.deepcopy(before))
    event = {**case.specimen.event, **WAYS[way], "max_workers": 1}
    return _Trial(case, way, answered_by(aws, event), aws, before).verdict()


def answered_by(aws: MemoryAws, event: Mapping[str, Any]) -> dict[str, Any]:
    """Call the restore function as it stands in a Lambda whose AWS is in memory."""
    with patch.object(restore, "clients", aws.clients), patch.object(verify, "clients", aws.clients):
        return restore.lambda_handler(dict(event), None)


def present(table: str, items: list[Item]) -> dict[str, Item]:
    """Return what stands in a table before: an item that the backup has otherwise, and one that it does not have."""
    changed, extra = items[0]["id"]["S"], f"{table}-extra"
    return {key: {"id": {"S": key}, "v": {"S": "present"}} for key in (changed, extra)}


@dataclass(frozen=True)
class _Trial:
    """What a restore or a verification answered, and what it did meanwhile."""

    case: Case
    way: str
    response: Mapping[str, Any]
    aws: MemoryAws
    before: Mapping[str, dict[str, Item]]

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        body = self.response["body"]
        return {one["table_name"]: one for one in body.get("restore_results", body.get("verify_results"))}

    @property
    def written(self) -> set[str]:
        return {call.of for call in self.aws.table_writes}

    def verdict(self) -> str:
        code, items = self.response["statusCode"], self.case.specimen.items
        whole = {table for table, one in self.results.items() if one["status"] in {"COMPLETED", "VERIFIED"}}
        if self.aws.read_buckets - {BUCKET}:
            raise self._passed("another bucket was read")
        if self.written - whole:
            raise self._passed("a table was written whose backup is not whole")
        older = [self._holds_older(table) for table in whole]
        for table in set(items) - whole:
            self._check_untouched(table)
        if whole == set(items) == set(self.results):
            if code != 200:
                raise self._passed("all is whole, but the code is not 200")
            return OLDER if any(older) else HARMLESS
        if code != (207 if whole and not self.response["body"].get("error") else 500):
            raise self._passed("the code is not true")
        return REFUSED

    def _holds_older(self, table: str) -> bool:
        """Tell whether a table holds an older backup, and the answer says so; else it must hold this one."""
        wanted = {one["id"]["S"]: one for one in self.case.specimen.items.get(table, ())}
        if self.way == "overwrite":
            deleted = {"orders-1"} if self.case.specimen.name == "chain" else set()
            wanted = {**{key: one for key, one in self.before[table].items() if key not in deleted}, **wanted}
        if self.way == "verify" or self.aws.tables.get(table) == wanted:
            return False
        result = self.results[table]
        told = result["backup_date"] == EARLIER or any("the nearest point before" in one for one in result["warnings"])
        if self.case.kind not in OLDER_KINDS or not told:
            raise self._passed(f"table {table} does not hold the backup")
        return True

    def _check_untouched(self, table: str) -> None:
        if self.aws.tables.get(table) != self.before.get(table):
            raise self._passed(f"table {table} was written before it was refused")
        if not (self.results.get(table, {}).get("error") or self.response["body"].get("error")):
            raise self._passed(f"nothing is said of table {table}")

    def _passed(self, why: str) -> Passed:
        done = f"written {sorted(self.written)}, answer {self.response}"
        return Passed(f"{self.case.title} ({self.way}): {why}; {done}")
