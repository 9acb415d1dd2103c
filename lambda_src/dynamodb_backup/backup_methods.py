"""How tables are backed up: what the module's user chose, table by table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from dynamodb_backup.errors import ConfigurationError
from dynamodb_backup.json_setting import json_setting

__all__ = ["BACKUP_METHODS", "MethodChoice", "chosen_methods"]

BACKUP_METHODS = ("native_export", "scan")
MOST_SCAN_SEGMENTS = 64


@dataclass(frozen=True)
class MethodChoice:
    """How one table is backed up. The other fields are for ``scan``; without a limit it reads as fast as it can."""

    method: str = "native_export"
    max_read_units_per_second: float | None = None
    segments: int = 4


def chosen_methods(variables: Mapping[str, str], name: str) -> dict[str, MethodChoice]:
    """Read the choices, by full table names, from the environment variable ``name``.

    Raises
    ------
    ConfigurationError
        It is malformed; the message names the table and what is wrong.
    """
    document = json_setting(name, variables.get(name) or "{}", "a JSON object of tables")
    if not isinstance(document, dict) or not all(isinstance(choice, dict) for choice in document.values()):
        raise ConfigurationError(name, 'must be a JSON object of tables, such as {"orders": {"method": "scan"}}')
    return {table: _method(table, choice, name) for table, choice in document.items()}


def _method(table: str, choice: Mapping[str, Any], name: str) -> MethodChoice:
    unknown = sorted(choice.keys() - {one.name for one in fields(MethodChoice)})
    if unknown:
        raise ConfigurationError(name, f"has for table '{table}' the unknown member '{unknown[0]}'")
    chosen = MethodChoice(**{member: value for member, value in choice.items() if value is not None})
    if chosen.method not in BACKUP_METHODS:
        raise ConfigurationError(
            name, f"has for table '{table}' the method '{chosen.method}', which is none of {', '.join(BACKUP_METHODS)}"
        )
    rate, segments = chosen.max_read_units_per_second, chosen.segments
    if rate is not None and (type(rate) not in {int, float} or not 1 <= rate < float("inf")):
        raise ConfigurationError(
            name, f"has for table '{table}' a max_read_units_per_second that is no number of at least 1"
        )
    if type(segments) is not int or not 1 <= segments <= MOST_SCAN_SEGMENTS:
        raise ConfigurationError(name, f"has for table '{table}' segments that are no integer 1..{MOST_SCAN_SEGMENTS}")
    return chosen
