"""Table names: what DynamoDB allows, and the convention of one environment."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["TABLE_NAME", "NamingConvention", "is_table_name"]

TABLE_NAME = r"[a-zA-Z0-9_.-]{3,255}"
"""docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html"""


def is_table_name(name: str) -> bool:
    """Tell whether DynamoDB could have a table of this name."""
    return re.fullmatch(TABLE_NAME, name) is not None


@dataclass(frozen=True)
class NamingConvention:
    """Which tables belong to this environment.

    ``pattern`` must match a name as a whole; without a pattern every name is inside, unless it is ``listed_only``.
    ``exceptions`` are target tables outside the pattern that the module's user allowed one by one.
    """

    pattern: re.Pattern[str] | None = None
    exceptions: frozenset[str] = frozenset()
    listed_only: bool = False

    def allows(self, table: str) -> bool:
        if table in self.exceptions:
            return True
        return not self.listed_only if self.pattern is None else self.pattern.fullmatch(table) is not None

    def refusal(self, table: str) -> str:
        """Say why a name is not allowed and what to do about it."""
        if self.pattern is None:
            return (
                f"table '{table}' is neither backed up by this module nor one of its restore_target_tables, and "
                "through a role a restore writes to no other; add it there, if it is right"
            )
        return (
            f"table '{table}' is outside this environment's naming convention (pattern {self.pattern.pattern}); "
            "use a name inside it, or allow this one as a restore target in the module's configuration"
        )
