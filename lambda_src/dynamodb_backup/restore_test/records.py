"""What is kept of restore tests, and published: one object per test and table, and what is known of each table."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.contract.restore_test import ProvenAge, TableTest
from dynamodb_backup.errors import BackupDamaged, ToolError
from dynamodb_backup.strict_json import read_json
from dynamodb_backup.telemetry import emit, logger
from dynamodb_backup.timing import iso, moment_of

__all__ = ["TestRecords"]


class TestRecords:
    """Results in S3 and in the metrics of one environment."""

    def __init__(self, store: ObjectStore, layout: Layout, environment: str) -> None:
        self._store = store
        self._layout = layout
        self._environment = environment

    def record(self, test_id: str, result: TableTest, now: datetime) -> None:
        """Keep and publish one table's result. Done again after a crash, it writes the same once more."""
        document = {"test_id": test_id, **result.to_dict()}
        key = self._layout.restore_test_result(result.table_name, test_id)
        self._store.put(key, json.dumps(document, indent=2).encode() + b"\n")
        status, etag = self._status(result.table_name, now)
        status["last_test"] = document
        if result.proven:
            status["last_proven"] = document
        self._store.put_if_unchanged(
            self._layout.restore_test_status(result.table_name), json.dumps(status, indent=2).encode() + b"\n", etag
        )
        logger.info("restore test of a table ended", test_id=test_id, table=result.table_name, status=result.status)
        self._publish(result)

    def age(self, table: str, now: datetime) -> ProvenAge:
        """Return and publish how long ago a table was proven; one that is new counts from now on."""
        try:
            status, etag = self._status(table, now)
            if etag is None:
                self._store.put_if_unchanged(self._layout.restore_test_status(table), json.dumps(status).encode(), None)
            proven = status.get("last_proven")
            since = moment_of(proven["tested_at"] if proven else status["watched_since"])
        except (ToolError, *AWS_ERRORS) as error:
            logger.error("age of the last proven restore unknown", table=table, error=explain(error))
            return ProvenAge(table, error=explain(error))
        hours = (now - since).total_seconds() / 3600
        emit({"LastProvenRestorable": hours}, environment=self._environment, table=table)
        return ProvenAge(table, round(hours, 2), proven)

    def _publish(self, result: TableTest) -> None:
        values: dict[str, float] = {
            "RestoreTestSucceeded": result.status == "PROVEN",
            "RestoreTestFailed": result.status == "FAILED",
            "RestoreTestSkipped": result.status == "SKIPPED",
        }
        if result.proven:
            values |= {"LastProvenRestorable": 0, "RestoreTestItems": result.items_restored}
            values["RestoreTestSeconds"] = result.restore_seconds or 0
        emit(values, environment=self._environment, table=result.table_name)

    def _status(self, table: str, now: datetime) -> tuple[dict[str, Any], str | None]:
        key = self._layout.restore_test_status(table)
        stored = self._store.find(key)
        if stored is None:
            return {"table_name": table, "watched_since": iso(now), "last_proven": None, "last_test": None}, None
        try:
            status: dict[str, Any] = read_json(stored.body)
            proven = status.get("last_proven")
            moment_of(proven["tested_at"] if proven else status["watched_since"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BackupDamaged(f"what is known of restore tests in {key} is malformed: {error}; delete it") from error
        return status, stored.etag
