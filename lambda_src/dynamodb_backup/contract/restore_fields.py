"""What a restore can be asked for, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dynamodb_backup.contract.confirmation import CONFIRM
from dynamodb_backup.contract.selection import KEY_FIELDS, TypedKey
from dynamodb_backup.contract.transform import SALT, TRANSFORM, Rule
from dynamodb_backup.errors import RequestRefused

__all__ = [
    "DEFAULT_WORKERS",
    "FIELDS",
    "FIELDS_OF_ON_DEMAND",
    "METHODS",
    "MOST_WARM_WRITE_UNITS",
    "MOST_WORKERS",
    "MOST_WRITE_UNITS",
    "WRITE_MODES",
    "RestoreFields",
]

FIELDS = (
    "action",
    "backup_date",
    "tables",
    "dry_run",
    "clear_existing_data",
    "write_mode",
    "prove",
    "max_workers",
    "max_write_units_per_second",
    "target_tables",
    "target_role_arn",
    "method",
    "create_missing_tables",
    "warm_write_units_per_second",
    "export",
    "restore_to",
    "allow_gap",
    "keys",
    "partition_keys",
    "on_demand_backup",
    TRANSFORM,
    SALT,
    CONFIRM,
    "restore_id",
)
FIELDS_OF_ON_DEMAND = frozenset({"on_demand_backup", "tables", "target_tables", "dry_run", "restore_id"})
"""DynamoDB restores an on-demand backup whole, into a new table: nothing else can be asked of it."""

MOST_WORKERS = 64
DEFAULT_WORKERS = 5
WRITE_MODES = ("overwrite", "only_missing", "mirror", "diff")
METHODS = ("batch_write", "import")
MOST_WARM_WRITE_UNITS = 1_000_000
"""More than any account's quota: DynamoDB itself says what is too much."""
MOST_WRITE_UNITS = 10_000_000


@dataclass(frozen=True)
class RestoreFields:
    """What to restore, and where to.

    ``given`` names the fields that the event held, so that continuing a restore can tell a field that was left out from
    one that contradicts the restore's own request.
    """

    backup_date: str = "latest"
    tables: tuple[str, ...] | None = None
    dry_run: bool = False
    clear_existing_data: bool = False
    write_mode: str = "overwrite"
    prove: bool = False
    max_workers: int = DEFAULT_WORKERS
    max_write_units_per_second: int | None = None
    target_tables: dict[str, str] = field(default_factory=dict)
    target_role_arn: str | None = None
    method: str = "batch_write"
    create_missing_tables: bool = False
    warm_write_units_per_second: int | None = None
    export: str | None = None
    restore_to: str | None = None
    allow_gap: bool = False
    keys: tuple[TypedKey, ...] | None = None
    partition_keys: tuple[TypedKey, ...] | None = None
    on_demand_backup: str | None = None
    transform: dict[str, tuple[Rule, ...]] = field(default_factory=dict)
    transform_salt: str | None = field(default=None, repr=False)
    confirm: tuple[str, ...] | None = None
    restore_id: str | None = None
    given: frozenset[str] = field(default=frozenset(), compare=False)

    @property
    def selected_keys(self) -> tuple[TypedKey, ...]:
        """The single keys or partition keys to bring back; empty if everything is."""
        return self.keys or self.partition_keys or ()

    def target_of(self, source: str) -> str:
        return self.target_tables.get(source, source)

    @property
    def makes_targets(self) -> bool:
        """Tell whether target tables that do not exist are made, and so have their settings to be put on."""
        return self.method == "import" or self.create_missing_tables

    @property
    def reads_table(self) -> bool:
        """Tell whether the table is compared with the backup's digests at some time after verifying."""
        return self.prove or self.write_mode in {"mirror", "diff"}

    def to_dict(self) -> dict[str, Any]:
        """Return the request as an event that means the same, for the checkpoint."""
        fields = {name: getattr(self, name) for name in FIELDS if name not in {"action", "restore_id"}}
        arrays = {name: getattr(self, name) for name in ("tables", CONFIRM, *KEY_FIELDS)}
        rules = {
            table: [{"attribute": list(rule.path), "action": rule.action} for rule in rules]
            for table, rules in self.transform.items()
        }
        lists = {name: list(values) if values is not None else None for name, values in arrays.items()}
        return fields | lists | {TRANSFORM: rules or None}

    def refuse_shared_targets(self, sources: set[str]) -> None:
        """Refuse to restore two tables into one.

        Raises
        ------
        RequestRefused
            Two sources have the same target.
        """
        taken: dict[str, str] = {}
        for source in sorted(sources):
            target = self.target_of(source)
            if target in taken:
                raise RequestRefused(
                    "target_tables", f"would restore both '{taken[target]}' and '{source}' into '{target}'"
                )
            taken[target] = source
