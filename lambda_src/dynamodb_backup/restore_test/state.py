"""Where a restore test stands: one object in S3, which also keeps two tests from going on at the same time."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace

from dynamodb_backup.contract.restore_test import TableTest
from dynamodb_backup.errors import BackupDamaged
from dynamodb_backup.strict_json import read_json
from dynamodb_backup.timing import moment_of
from dynamodb_backup.typed_record import record_of

__all__ = ["TableTestState", "TestState"]


@dataclass
class TableTestState:
    """One table: ``phase`` is choose, restore, delete or ended. Times are ISO 8601."""

    table_name: str
    status: str = "IN_PROGRESS"
    phase: str = "choose"
    backup_date: str | None = None
    table_bytes: int | None = None
    scratch_table: str | None = None
    restore_id: str | None = None
    started_at: str | None = None
    tested_at: str | None = None
    restore_seconds: float | None = None
    items_expected: int = 0
    items_restored: int = 0
    proven: bool = False
    differences: dict[str, int] | None = None
    error: str | None = None
    warnings: list[str] = field(default_factory=list)
    recorded: bool = False

    @property
    def open(self) -> bool:
        return self.phase != "ended" or not self.recorded

    def result(self) -> TableTest:
        names = {one.name for one in fields(TableTest)} - {"warnings", "status"}
        known = {name: getattr(self, name) for name in names}
        return TableTest(**known, status=self.status if self.recorded else "IN_PROGRESS", warnings=tuple(self.warnings))


@dataclass
class TestState:
    """A whole test. ``updated_at`` tells whether anybody still carries it."""

    test_id: str
    updated_at: str
    tables: list[TableTestState]
    swept: bool = False
    leftovers: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    etag: str | None = field(default=None, compare=False)

    @property
    def open(self) -> bool:
        return not self.swept or any(table.open for table in self.tables)

    def to_json(self) -> bytes:
        document = asdict(self)
        del document["etag"]
        return json.dumps(document).encode()

    @classmethod
    def parse(cls, key: str, body: bytes, etag: str) -> TestState:
        """Read the stored state.

        Raises
        ------
        BackupDamaged
            It is not one that this version of the function wrote.
        """
        try:
            state = replace(record_of(cls, read_json(body), closed=True), etag=etag)
            for moment in (state.updated_at, *(table.started_at for table in state.tables)):
                if moment is not None:
                    moment_of(moment)
        except ValueError as error:
            raise BackupDamaged(f"the state of the restore test {key} is malformed: {error}; delete it") from error
        return state
