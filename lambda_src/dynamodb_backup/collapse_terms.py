"""When a backup holds suspiciously fewer items than the one before, as the module's user chose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dynamodb_backup.errors import ConfigurationError
from dynamodb_backup.json_setting import json_setting

__all__ = ["CollapseTerms", "chosen_collapse_terms"]


@dataclass(frozen=True)
class CollapseTerms:
    """A count has collapsed if it is below ``percent`` of the one before, in tables of ``minimum_items`` then.

    A smaller table has collapsed only if it is empty: single items are a large share of it. ``except_tables`` never
    have.
    """

    percent: int
    minimum_items: int = 0
    except_tables: frozenset[str] = frozenset()

    def collapsed(self, table: str, before: int, now: int) -> bool:
        if table in self.except_tables:
            return False
        return now * 100 < before * self.percent and (before >= self.minimum_items or now == 0)


def chosen_collapse_terms(variables: Mapping[str, str], name: str) -> CollapseTerms | None:
    """Read the terms from the environment variable ``name``; ``None`` if it is not set: counts are not compared.

    Raises
    ------
    ConfigurationError
        It is malformed.
    """
    if not variables.get(name):
        return None
    document = json_setting(name, variables[name], "a JSON object")
    terms = document if isinstance(document, dict) else {}
    percent, least, excepted = terms.get("percent"), terms.get("minimum_items", 0), terms.get("except_tables", [])
    if type(percent) is not int or not 1 <= percent <= 100:
        raise ConfigurationError(name, 'must be a JSON object whose "percent" is a whole number from 1 to 100')
    if type(least) is not int or least < 0 or not isinstance(excepted, list):
        raise ConfigurationError(name, 'must hold "minimum_items" as a whole number and "except_tables" as an array')
    return CollapseTerms(percent, least, frozenset(map(str, excepted)))
