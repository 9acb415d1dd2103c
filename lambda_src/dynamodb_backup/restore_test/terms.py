"""What a deployment allows restore tests: which tables, up to which size, and the only names they may write under."""

from __future__ import annotations

import dataclasses
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from dynamodb_backup.contract.restore_test import RestoreTestRequest
from dynamodb_backup.errors import ConfigurationError, RequestRefused
from dynamodb_backup.json_setting import json_setting
from dynamodb_backup.naming import NamingConvention
from dynamodb_backup.settings import Settings

__all__ = ["Terms"]

LONGEST_NAME = 255
"""docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html"""


@dataclass(frozen=True)
class Terms:
    """The restore test's part of the environment. ``max_table_bytes`` is ``None`` where any size is tested."""

    scratch_prefix: str
    tables: tuple[str, ...]
    max_table_bytes: int | None = None

    @classmethod
    def from_environment(cls, variables: Mapping[str, str], settings: Settings) -> Terms:
        """Read and check the variables.

        Raises
        ------
        ConfigurationError
            Names the first variable that is missing or malformed.
        """
        prefix = variables.get("RESTORE_TEST_PREFIX", "")
        if re.fullmatch(r"[A-Za-z0-9_.-]{7,63}[-_.]", prefix) is None:
            raise ConfigurationError(
                "RESTORE_TEST_PREFIX",
                f"must be 8 to 64 characters of a table's name that end in '-', '_' or '.', but is '{prefix}'",
            )
        hit = next((table for table in settings.tables if table.startswith(prefix)), None)
        if hit:
            raise ConfigurationError(
                "RESTORE_TEST_PREFIX", f"is the beginning of table '{hit}', which a restore test must never touch"
            )
        return cls(prefix, _tables(variables, settings), _limit(variables))

    def chosen(self, request: RestoreTestRequest) -> tuple[str, ...]:
        """Return the tables to test; raises ``RequestRefused`` for one that may not be tested."""
        for table in request.tables or ():
            if table not in self.tables:
                raise RequestRefused(
                    "tables", f"holds '{table}', which is not among the tables tested: {', '.join(self.tables)}"
                )
        return request.tables or self.tables

    def new_name(self, table: str) -> str:
        """Return a name for a scratch table that no table has had before, recognisable as one of this source."""
        begin = f"{self.scratch_prefix}{uuid.uuid4().hex[:8]}-"
        return f"{begin}{table}"[:LONGEST_NAME]

    def settings(self, settings: Settings) -> Settings:
        """Return the settings of a restore that may write to scratch tables and, by name, to no other."""
        only_scratch = NamingConvention(re.compile(re.escape(self.scratch_prefix) + r"[A-Za-z0-9_.-]+"))
        return dataclasses.replace(settings, convention=only_scratch)


def _tables(variables: Mapping[str, str], settings: Settings) -> tuple[str, ...]:
    text = variables.get("RESTORE_TEST_TABLES")
    if not text:
        return settings.tables
    tables = json_setting("RESTORE_TEST_TABLES", text, "a JSON array of table names")
    if not isinstance(tables, list) or not tables or not set(map(str, tables)) <= set(settings.tables):
        raise ConfigurationError("RESTORE_TEST_TABLES", "must be a JSON array of some of the names in DYNAMODB_TABLES")
    return tuple(map(str, tables))


def _limit(variables: Mapping[str, str]) -> int | None:
    text = variables.get("RESTORE_TEST_MAX_TABLE_BYTES")
    if not text:
        return None
    if re.fullmatch(r"[1-9][0-9]{0,17}", text) is None:
        raise ConfigurationError("RESTORE_TEST_MAX_TABLE_BYTES", f"must be a number of bytes from 1, but is '{text}'")
    return int(text)
