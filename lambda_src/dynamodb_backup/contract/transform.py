"""Rules in an event that make a copy harmless: ``{"users": [{"attribute": "email", "action": "hash"}]}``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from dynamodb_backup.contract.fields import Fields
from dynamodb_backup.errors import RequestRefused
from dynamodb_backup.naming import is_table_name

__all__ = ["FORGOTTEN_SALT", "SALT", "TRANSFORM", "Rule", "refuse_transform_without_effect", "transform_rules"]

TRANSFORM, SALT = "transform", "transform_salt"
FORGOTTEN_SALT = "not kept: the restore has ended"
"""What stands for the secret of an ended restore, which hashes nothing any more."""

ACTIONS = ("drop", "mask", "hash")
MOST_RULES = 100
EXAMPLE = '{"users": [{"attribute": "email", "action": "hash"}]}'


@dataclass(frozen=True)
class Rule:
    """What becomes of one attribute: its path through maps and lists, and the action."""

    path: tuple[str, ...]
    action: str

    @property
    def name(self) -> str:
        """Return the path as answers and messages show it."""
        return ".".join(self.path)


def transform_rules(fields: Fields) -> dict[str, tuple[Rule, ...]]:
    """Read the field ``transform``: rules by source table; empty if it is absent.

    Raises
    ------
    RequestRefused
        It is not an object of arrays of rules, a rule is incomplete, or two rules meet on one path.
    """
    if not fields.given(TRANSFORM):
        return {}
    tables = fields.raw(TRANSFORM)
    if not isinstance(tables, Mapping) or not tables:
        raise RequestRefused(TRANSFORM, f"must be an object of rules by source table, such as {EXAMPLE}")
    return {table: _rules(table, rules) for table, rules in tables.items()}


def _rules(table: Any, rules: Any) -> tuple[Rule, ...]:
    if not isinstance(table, str) or not is_table_name(table):
        raise RequestRefused(TRANSFORM, "holds as a source table what cannot be a DynamoDB table name")
    if not isinstance(rules, list | tuple) or not 1 <= len(rules) <= MOST_RULES:
        raise RequestRefused(TRANSFORM, f"must hold for table '{table}' an array of 1 to {MOST_RULES} rules")
    read = tuple(_rule(table, number, rule) for number, rule in enumerate(rules, start=1))
    for number, rule in enumerate(read):
        for other in read[:number]:
            shorter = min(len(rule.path), len(other.path))
            if rule.path[:shorter] == other.path[:shorter]:
                raise RequestRefused(
                    TRANSFORM, f"has two rules for table '{table}' that meet: '{other.name}' and '{rule.name}'"
                )
    return read


def _rule(table: str, number: int, rule: Any) -> Rule:
    where = f"has as rule {number} of table '{table}' what is none"
    if not isinstance(rule, Mapping) or set(rule) != {"attribute", "action"}:
        raise RequestRefused(TRANSFORM, f"{where}: it must have exactly 'attribute' and 'action'")
    if rule["action"] not in ACTIONS:
        raise RequestRefused(TRANSFORM, f"{where}: 'action' must be {', '.join(ACTIONS)}")
    attribute = rule["attribute"]
    # An array is for names that hold a dot themselves.
    path = attribute.split(".") if isinstance(attribute, str) else attribute
    if not isinstance(path, list | tuple) or not path or not all(isinstance(part, str) and part for part in path):
        raise RequestRefused(
            TRANSFORM, f"{where}: 'attribute' must be a path such as 'profile.phone', or an array of its parts"
        )
    return Rule(tuple(path), str(rule["action"]))


def refuse_transform_without_effect(
    rules: Mapping[str, tuple[Rule, ...]],
    salt: str | None,
    *,
    imports: bool,
    compares: bool,
    applies_changes: bool,
    tables: Collection[str] | None,
    targets: Mapping[str, str] | None,
) -> None:
    """Refuse a transformation that would not happen, not protect, or overwrite the original.

    Parameters
    ----------
    tables, targets
        Sources, and source names to target names, as the event gives them. A rule for a table that is not restored is
        a misspelt name: its table would be written unmasked. ``targets`` is ``None`` for those of another account,
        where a table of the same name is another one.

    Raises
    ------
    RequestRefused
        Names the field.
    """
    if any(rule.action == "hash" for of_table in rules.values() for rule in of_table) and salt is None:
        raise RequestRefused(
            SALT, "is missing: without a secret of 16 to 256 characters, hashes of known values could be looked up"
        )
    if salt is not None and not rules:
        raise RequestRefused(SALT, "is for 'transform', which is not given")
    if rules and imports:
        raise RequestRefused(TRANSFORM, 'cannot go with "method": "import": DynamoDB imports the backup\'s own files')
    if rules and compares:
        raise RequestRefused(
            TRANSFORM, 'cannot go with "prove" or "write_mode": "diff": they compare a table with the backup as it is'
        )
    if rules and applies_changes:
        raise RequestRefused(
            TRANSFORM, "cannot go with 'restore_to', which applies the changes of incremental exports as they are"
        )
    for source in rules:
        if tables is not None and source not in tables:
            raise RequestRefused(TRANSFORM, f"has rules for table '{source}', which is not in 'tables'")
        if targets is not None and targets.get(source, source) == source:
            raise RequestRefused(
                TRANSFORM,
                f"would overwrite table '{source}' itself with what is masked; name another target in 'target_tables'",
            )
